"""Reads a folder's config.json with transformers' own class and explains what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from analysis.engine.reasons import missing_package, reason
from analysis.models import checkpoint
from analysis.models.checkpoint import Checkpoint
from analysis.problems import ProblemError, problem

_DTYPES = ("dtype", "torch_dtype")
_OTHERS = "Choose a model that continues text, such as a Llama, Qwen, Gemma or GPT model."


def read_configuration(
    found: Checkpoint, name: str, *, trust_remote_code: bool = False
) -> PreTrainedConfig:
    """Read a folder's configuration.

    Args:
        found: The folder.
        name: What errors call the model.
        trust_remote_code: Run the code that comes with the model if the configuration needs it.

    Raises:
        ProblemError: ``model`` when it is unusable or of an unknown type.
    """
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            found.folder, local_files_only=True, trust_remote_code=trust_remote_code
        )
    except Exception as error:
        kind = found.config.get("model_type")
        if isinstance(error, ImportError) or kind in transformers.CONFIG_MAPPING:
            raise configuration_fault(found, name, error) from None
        raise problem(
            "model",
            f"{name} is of a kind that is not known here ({kind!r}).",
            f"transformers {transformers.__version__} has no model of that type.",
            "A newer transformers may know it.",
        ) from None
    try:
        layers = config.get_text_config().num_hidden_layers
    except (AttributeError, ValueError):
        # Either no layer count of its own, or several text models (MusicGen).
        layers = None
    if layers is None:
        raise problem(
            "model",
            f"{name} is not one stack of layers.",
            f"It is a {config.model_type}.",
            _OTHERS,
        )
    if layers < 1:
        raise _fault(found, name, f"It gives the model {layers} layers.")
    return config


def configuration_fault(found: Checkpoint, name: str, error: Exception) -> ProblemError:
    """The problem behind an exception that the configuration caused."""
    if isinstance(error, ImportError):
        return package_problem(name, error)
    why = reason(error)
    for key in _DTYPES:
        dtype = found.config.get(key)
        if isinstance(dtype, str) and not isinstance(getattr(torch, dtype, None), torch.dtype):
            why = f"Its {key} is {dtype!r}, which torch does not know."
    if isinstance(error, KeyError) and error.args:
        for place in _places(found.config, error.args[0]):
            why = f"Its {place} is {error.args[0]!r}, which transformers does not know."
    return _fault(found, name, why)


def building_fault(config: PreTrainedConfig, *, trust_remote_code: bool) -> Exception | None:
    """The exception raised by building a model from this configuration alone; None for none."""
    try:
        # On the meta device this takes neither memory nor time.
        with torch.device("meta"):
            AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
                deepcopy(config), trust_remote_code=trust_remote_code
            )
    except Exception as error:
        return error
    return None


def package_problem(name: str, error: Exception) -> ProblemError:
    """The problem of a package that is missing, or that does not fit the model's code."""
    package = missing_package(error)
    if package is None:
        # An import that the package does not provide, or no longer does.
        return problem(
            "model",
            f"The code that comes with {name} does not fit the packages that are installed.",
            reason(error),
            "Look for a newer version of that code, or of the model without code of its own.",
        )
    return problem(
        "model",
        f"{name} needs a package that is not installed.",
        reason(error),
        f"Install {package} into insttui's environment.",
    )


def refuse_other_models(
    found: Checkpoint, name: str, config: PreTrainedConfig, *, trust_remote_code: bool
) -> None:
    """Refuse models that do not continue text (``model``); encoders map to causal classes too."""
    names = found.architectures()
    foreign = trust_remote_code and "AutoModelForCausalLM" in (found.config.get("auto_map") or {})
    causal = set(_flat(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()))
    suits = (
        any(each in causal for each in names)
        if names
        else config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    )
    if config.is_encoder_decoder or not (suits or foreign):
        raise problem(
            "model",
            f"{name} is not a causal language model.",
            f"It is a {', '.join(names) or config.model_type}.",
            _OTHERS,
        )


def refuse_generation_faults(found: Checkpoint, name: str) -> None:
    """Refuse a generation_config.json that transformers would silently ignore (``model``).

    It may be the only file that names the tokens that end a response.
    """
    file = found.folder / "generation_config.json"
    if not checkpoint.is_there(file):
        return
    try:
        settings = json.loads(file.read_bytes())
        if not isinstance(settings, dict):
            raise ValueError("It is no object of settings.")
        ends = settings.get("eos_token_id")
        ends = [] if ends is None else ends if isinstance(ends, list) else [ends]
        if not all(type(end) is int for end in ends):
            raise ValueError(f"Its eos_token_id is {settings['eos_token_id']!r}, no token id.")
    except ValueError as error:
        raise problem(
            "model",
            f"The file generation_config.json of {name} cannot be used.",
            reason(error),
            "Mend it, or fetch it again.",
        ) from None


def _fault(found: Checkpoint, name: str, why: str) -> ProblemError:
    written = found.config.get("transformers_version")
    newer = isinstance(written, str) and _numbers(written) > _numbers(transformers.__version__)
    return problem(
        "model",
        f"The file config.json of {name} cannot be used.",
        why,
        f"It was written for transformers {written}: {transformers.__version__}, which is "
        "installed, may be too old for it."
        if newer
        else "Mend it, or fetch it again.",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _places(part: Any, value: object, path: str = "") -> Iterator[str]:
    """Paths of a value within a configuration: ``rope_parameters.rope_type``."""
    if isinstance(part, dict):
        for key, inner in part.items():
            yield from _places(inner, value, f"{path}.{key}" if path else str(key))
    elif part == value and path:
        yield path


def _flat(names: Any) -> list[str]:
    return [part for name in names for part in ([name] if isinstance(name, str) else name)]
