"""Finds the entry of a family, and opens the weights of a folder or a loaded model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from transformers import CONFIG_MAPPING, PreTrainedConfig
from transformers.pytorch_utils import Conv1D

from analysis.engine.configuration import configuration_fault, read_configuration
from analysis.engine.weights.adapted import AdaptedTensors
from analysis.engine.weights.adapter import ModelWeights
from analysis.engine.weights.adapter_file import canonical
from analysis.engine.weights.as_loaded import AsLoaded
from analysis.engine.weights.families import FAMILIES, OUTSIDE
from analysis.engine.weights.family import Family
from analysis.engine.weights.quantised import dequantised
from analysis.engine.weights.skeleton import skeleton
from analysis.engine.weights.tensors import DiskTensors, ModelTensors, TensorSource
from analysis.models import checkpoint
from analysis.models.adapters import Adapter
from analysis.models.quantisation import quantisation
from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def families() -> tuple[str, ...]:
    """The families that can be read, as transformers' ``model_type`` of the text model."""
    return tuple(sorted(FAMILIES))


def open_weights(folder: Path, adapter: Adapter | None = None) -> ModelWeights:
    """The weights of a model folder, read tensor by tensor without building the model.

    Args:
        folder: A folder in the hub's format or a snapshot in the hub's cache, with one or more
            safetensors files.
        adapter: A LoRA adapter, whose changes are added to the model's tensors as they are read.

    Quantised weights are restored in float32 as they are read (METHODS 7).

    Raises:
        ProblemError: ``model`` when the folder is incomplete, its weights are pickled or quantised
            by a method that is not undone here, its family cannot be read, or the adapter is for
            another model.
    """
    found = checkpoint.inspect(folder)
    kind = found.config.get("model_type")
    if kind not in CONFIG_MAPPING:
        raise _unknown(str(kind), str(folder))
    config = read_configuration(found, str(folder))
    _refuse_other_families(config, str(folder))
    try:
        model = skeleton(config)
    except Exception as error:
        raise configuration_fault(found, str(folder), error) from None
    turned = any(isinstance(each, Conv1D) for each in model.modules())
    tensors: TensorSource = DiskTensors(found)
    if (how := quantisation(found.config)) is not None:
        # Whichever way a family stores its layers, they are quantised [out, in].
        tensors = dequantised(DiskTensors(found), how, transposed=turned)
    if adapter is not None:
        tensors = _adapted(tensors, adapter, model, turned=turned)
    return ModelWeights(_entry(config), model, AsLoaded(tensors, model))


def weights_of(model: PreTrainedModel) -> ModelWeights:
    """The weights of a loaded model, on any device and in any float type.

    Of one with adapters attached, the base model's own. Raises ProblemError ``model`` when its
    family cannot be read; a weight that it holds quantised cannot be read from it.
    """
    _refuse_other_families(model.config, type(model).__name__)
    attached = any(hasattr(each, "base_layer") for each in model.modules())
    parts = skeleton(model.config) if attached else model
    return ModelWeights(_entry(model.config), parts, ModelTensors(model))


def _adapted(
    tensors: TensorSource, adapter: Adapter, model: PreTrainedModel, *, turned: bool
) -> TensorSource:
    """The stored tensors with the adapter's changes.

    Adapters call modules as the model in memory does; but for prefixes and experts, so do files.
    """
    module = model.get_input_embeddings()
    own = next(f"{name}.weight" for name, each in model.named_modules() if each is module)
    stored = next((name for name in tensors.names() if canonical(name) == canonical(own)), "")
    if not stored:
        # Only the head that they are tied to is stored.
        stored = next(name for name in tensors.names() if name.endswith("lm_head.weight"))
    tied = own in _tied_names(model)
    return AdaptedTensors(tensors, adapter, stored, turned=turned, tied=tied)


def _tied_names(model: PreTrainedModel) -> set[str]:
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    return {*tied.keys(), *tied.values()}


def _entry(config: PreTrainedConfig) -> Family:
    return FAMILIES[config.get_text_config().model_type]


def _refuse_other_families(config: PreTrainedConfig, where: str) -> None:
    kind = config.get_text_config().model_type
    for each in (config.model_type, kind):
        if each in OUTSIDE:
            raise problem(
                "model",
                f"The weights of {where} cannot be taken apart.",
                f"Its family is {each!r}. {OUTSIDE[each]}",
                "Choose another model; what needs no single weights works with any.",
            )
    if kind not in FAMILIES:
        raise _unknown(kind, where)


def _unknown(kind: str, where: str) -> Exception:
    return problem(
        "model",
        f"The weights of {where} cannot be taken apart: its family, {kind!r}, is not known here.",
        f"What its heads and networks are called is known of {len(FAMILIES)} families, "
        "llama, qwen3 and gemma3_text among them.",
        "Choose a model of one of these families; what needs no single weights works with any.",
    )
