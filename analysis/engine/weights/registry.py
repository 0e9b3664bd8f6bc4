"""Chooses the adapter of a family, and opens the weights of a folder or a loaded model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from transformers import CONFIG_MAPPING, PreTrainedConfig

from analysis.engine.configuration import read_configuration
from analysis.engine.weights.adapted import AdaptedTensors
from analysis.engine.weights.adapter import ModelWeights
from analysis.engine.weights.dense import (
    GemmaWeights,
    Gpt2Weights,
    GptJWeights,
    GptNeoxWeights,
    Phi3Weights,
    PostNormWeights,
)
from analysis.engine.weights.experts import (
    MixtralWeights,
    OlmoeWeights,
    Qwen2MoeWeights,
    Qwen3MoeWeights,
)
from analysis.engine.weights.quantised import dequantised
from analysis.engine.weights.tensors import DiskTensors, ModelTensors, TensorSource
from analysis.models import checkpoint
from analysis.models.adapters import Adapter
from analysis.models.quantisation import quantisation
from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_ADAPTERS: dict[str, type[ModelWeights]] = {
    "llama": ModelWeights,
    "mistral": ModelWeights,
    "ministral": ModelWeights,
    "qwen2": ModelWeights,
    "qwen3": ModelWeights,
    "smollm3": ModelWeights,
    "granite": ModelWeights,
    "seed_oss": ModelWeights,
    "olmo2": PostNormWeights,
    "olmo3": PostNormWeights,
    "gemma": GemmaWeights,
    "gemma2": GemmaWeights,
    "gemma3_text": GemmaWeights,
    "phi3": Phi3Weights,
    "gpt2": Gpt2Weights,
    "gptj": GptJWeights,
    "gpt_neox": GptNeoxWeights,
    "mixtral": MixtralWeights,
    "qwen2_moe": Qwen2MoeWeights,
    "qwen3_moe": Qwen3MoeWeights,
    "olmoe": OlmoeWeights,
}


def families() -> tuple[str, ...]:
    """The families with an adapter, as transformers' ``model_type`` of the text model."""
    return tuple(sorted(_ADAPTERS))


def open_weights(folder: Path, adapter: Adapter | None = None) -> ModelWeights:
    """The weights of a model folder, read tensor by tensor without building the model.

    Args:
        folder: A folder in the hub's format or a snapshot in the hub's cache, with one or more
            safetensors files.
        adapter: A LoRA adapter, whose changes are added to the model's tensors as they are read.

    Quantised weights are restored in float32 as they are read (METHODS 7).

    Raises:
        ProblemError: ``model`` when the folder is incomplete, its weights are pickled or quantised
            by a method that is not undone here, its family has no adapter, or the LoRA adapter is
            for another model.
    """
    found = checkpoint.inspect(folder)
    kind = found.config.get("model_type")
    if kind not in CONFIG_MAPPING:
        raise _unknown(str(kind), str(folder))
    config = read_configuration(found, str(folder))
    _refuse_other_families(config, str(folder))
    tensors: TensorSource = DiskTensors(found)
    if (how := quantisation(found.config)) is not None:
        # Whichever way a family stores its layers, they are quantised [out, in].
        transposed = not _ADAPTERS[config.get_text_config().model_type].stored_out_by_in
        tensors = dequantised(DiskTensors(found), how, transposed=transposed)
    weights = _adapter(config, tensors)
    if adapter is None:
        return weights
    return _adapter(config, AdaptedTensors(tensors, adapter, **weights.layout))


def weights_of(model: PreTrainedModel) -> ModelWeights:
    """The weights of a loaded model, on any device and in any float type.

    Raises ProblemError ``model`` when its family has no adapter; a weight that it holds quantised
    cannot be read from it.
    """
    _refuse_other_families(model.config, type(model).__name__)
    return _adapter(model.config, ModelTensors(model))


def _adapter(config: PreTrainedConfig, tensors: TensorSource) -> ModelWeights:
    return _ADAPTERS[config.get_text_config().model_type](config, tensors)


def _refuse_other_families(config: PreTrainedConfig, where: str) -> None:
    kind = config.get_text_config().model_type
    if kind not in _ADAPTERS:
        raise _unknown(kind, where)


def _unknown(kind: str, where: str) -> Exception:
    return problem(
        "model",
        f"The weights of {where} cannot be taken apart: there is no adapter for its family, "
        f"{kind!r}.",
        f"An adapter says which tensors hold the attention heads. There is one for "
        f"{', '.join(families())}.",
        "Choose a model of one of these families; what needs no single weights works with any.",
    )
