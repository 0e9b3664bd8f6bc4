"""Finds the entry of a family, and opens the weights of a folder or a loaded model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from transformers import CONFIG_MAPPING, PreTrainedConfig

from analysis.engine.configuration import configuration_fault, read_configuration
from analysis.engine.weights.adapter import ModelWeights
from analysis.engine.weights.as_loaded import AsLoaded
from analysis.engine.weights.families import FAMILIES, OUTSIDE
from analysis.engine.weights.family import Family
from analysis.engine.weights.skeleton import skeleton
from analysis.engine.weights.tensors import DiskTensors, ModelTensors
from analysis.models import checkpoint
from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def families() -> tuple[str, ...]:
    """The families that can be read, as transformers' ``model_type`` of the text model."""
    return tuple(sorted(FAMILIES))


def open_weights(folder: Path) -> ModelWeights:
    """The weights of a model folder, read tensor by tensor without building the model.

    Args:
        folder: A folder in the hub's format or a snapshot in the hub's cache, with one or more
            safetensors files.

    Raises:
        ProblemError: ``model`` when the folder is incomplete, its weights are pickled or
            quantised, or its family cannot be read.
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
    return ModelWeights(_entry(config), model, AsLoaded(DiskTensors(found), model))


def weights_of(model: PreTrainedModel) -> ModelWeights:
    """The weights of a loaded model, on any device and in any float type.

    Raises ProblemError ``model`` when it is quantised or its family cannot be read.
    """
    _refuse_other_families(model.config, type(model).__name__)
    return ModelWeights(_entry(model.config), model, ModelTensors(model))


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
    if getattr(config, "quantization_config", None) is not None:
        raise problem(
            "model",
            f"The weights of {where} are quantised.",
            "Their tensors do not hold the numbers that the model computes with.",
            "Give a version in float32, float16 or bfloat16.",
        )


def _unknown(kind: str, where: str) -> Exception:
    return problem(
        "model",
        f"The weights of {where} cannot be taken apart: its family, {kind!r}, is not known here.",
        f"What its heads and networks are called is known of {len(FAMILIES)} families, "
        "llama, qwen3 and gemma3_text among them.",
        "Choose a model of one of these families; what needs no single weights works with any.",
    )
