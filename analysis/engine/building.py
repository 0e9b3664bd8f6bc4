"""Builds transformers' own model from a folder's weights, and explains in words what fails."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, PreTrainedConfig

from analysis.engine.configuration import building_fault, configuration_fault, package_problem
from analysis.engine.memory import is_out_of_memory
from analysis.engine.quantised_models import PLAIN, loading_options, settle
from analysis.engine.reasons import missing_package, reason
from analysis.models.checkpoint import Checkpoint
from analysis.models.quantisation import quantisation
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice

if TYPE_CHECKING:
    # Half of transformers' import time, and reading single weights does not need it.
    from transformers import PreTrainedModel

LAST_RESORT = "Check the folder with another program, or fetch the model again."

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
# Tensors stored next to quantised numbers, from which the true numbers are restored.
_BESIDE_QUANTISED = re.compile(
    r"(^|[._])(qweight|qzeros|g_idx|absmax|quant_map|quant_state\..*|SCB|weight_packed|codebooks"
    r"|scales|weight_scale|weight_scale_inv|weight_scale_2|weight_zero_point)$"
)
# Masks that older versions of transformers stored with the weights.
_LEFT_OVER = re.compile(r"\b(attn|attention)\.(masked_)?bias$")


def build(
    choice: ModelChoice,
    found: Checkpoint,
    config: PreTrainedConfig,
    device: torch.device,
    attention: str,
    placing: Mapping[str, Any] | None = None,
) -> tuple[PreTrainedModel, tuple[str, ...]]:
    """Build the model with its weights in the precision asked for, not yet on its device.

    For the meta device it is built without numbers, from the names and shapes that the files list:
    what does not fit shows in a moment, whatever the model's size.

    Args:
        choice: How to load it.
        found: Its folder.
        config: The folder's configuration.
        device: Where it will go; a quantised model is there already, and one for the meta device.
            The default dtype is float32 on a CPU, elsewhere the folder's own.
        attention: ``auto``, or an attention implementation that transformers knows.
        placing: What transformers is told of a model on several devices or on disk.

    Returns:
        The model, and notes for whoever reads its numbers, one sentence each.

    Raises:
        ProblemError: ``model`` when the folder cannot be used; out-of-memory errors pass through.
    """
    dtype = dtype_of(choice, device)
    options = dict(placing or loading_options(found, choice.name, config, device))
    if device.type == "meta":
        options["device_map"] = "meta"
    loaded: Any
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            found.folder,
            config=config,
            dtype=dtype or "auto",
            attn_implementation=None if attention == "auto" else attention,
            local_files_only=True,
            trust_remote_code=choice.trust_remote_code,
            use_safetensors=not found.pickled,
            # Mismatched shapes are refused below, in words.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **options,
        )
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise _in_words(choice, found, config, error) from None
    model: PreTrainedModel
    model, report = loaded
    _refuse_random(choice, found, report)
    _refuse_doubles(choice, found, model, report)
    _refuse_quantised_in_disguise(choice, found, model, report)
    quantised = settle(model, found, choice.name, dtype)
    return model, (*quantised, *_notes(report))


def dtype_of(choice: ModelChoice, device: torch.device) -> torch.dtype | None:
    """The precision of the weights in memory; None for the checkpoint's own."""
    return _DTYPES.get(choice.dtype, torch.float32 if device.type == "cpu" else None)


def _in_words(
    choice: ModelChoice, found: Checkpoint, config: PreTrainedConfig, error: Exception
) -> ProblemError:
    if isinstance(error, SafetensorError):
        return problem(
            "model",
            f"The weights of {choice.name} are damaged.",
            reason(error),
            "Fetch the model again.",
        )
    if "Weights only load failed" in str(error):
        return problem(
            "model",
            f"The pickled weights of {choice.name} hold more than weights.",
            "Reading them would run code; that is refused even with --allow-pickle.",
            "Find a safetensors version.",
        )
    if torn := _conversion_errors(error):
        name = min(torn)
        why = re.search(r"^\w+Error: (.+)$", torn[name], re.MULTILINE)
        return problem(
            "model",
            f"The weights of {choice.name} do not fit its configuration.",
            f"{name} cannot be put together from what the files hold"
            + (f": {why[1][:200].removesuffix('.')}." if why else "."),
            f"Give {PLAIN}." if found.quantised() else LAST_RESORT,
        )
    # If building fails without the weights too, the configuration is at fault.
    fault = building_fault(config, trust_remote_code=choice.trust_remote_code)
    if fault is not None:
        return configuration_fault(found, choice.name, fault)
    if found.quantised():
        return _quantised(choice, found, error)
    if isinstance(error, ImportError):
        return package_problem(choice.name, error)
    return problem("model", f"{choice.name} cannot be loaded.", reason(error), LAST_RESORT)


def _conversion_errors(error: Exception) -> dict[str, str]:
    """Tensors that could not be converted, and why; transformers only logs the reasons."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        report = frame.f_locals.get("loading_info")
        found: dict[str, str] | None = getattr(report, "conversion_errors", None)
        if found:
            return found
    return {}


def _quantised(choice: ModelChoice, found: Checkpoint, error: Exception) -> ProblemError:
    package = missing_package(error)
    install = f"Install {package} into insttui's environment, or give" if package else "Give"
    return problem(
        "model",
        f"{choice.name} is quantised ({found.quantised()}) and cannot be loaded here.",
        reason(error),
        f"{install} {PLAIN}.",
    )


def _refuse_random(choice: ModelChoice, found: Checkpoint, report: dict[str, Any]) -> None:
    """Refuse missing tensors, which transformers fills with random numbers."""
    unusable = {*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])}
    if unusable:
        quantised = bool(found.quantised() or found.whole_numbers())
        raise problem(
            "model",
            f"The weights of {choice.name} do not fit its configuration.",
            f"Missing or of another shape: {len(unusable)}, {min(unusable)} among them."
            + (" They are quantised." if quantised else ""),
            f"Give {PLAIN}." if quantised else LAST_RESORT,
        )


def _refuse_doubles(
    choice: ModelChoice, found: Checkpoint, model: PreTrainedModel, report: dict[str, Any]
) -> None:
    """Refuse tensors stored twice, with and without the base model's prefix."""
    names = set(found.names())
    prefix = f"{model.base_model_prefix}."
    twice = sorted(name for name in names if prefix + name in names)
    twice = [name for name in twice if not {name, prefix + name} & report["unexpected_keys"]]
    if model.base_model_prefix and twice:
        raise problem(
            "model",
            f"The files of {choice.name} hold some tensors twice.",
            f"{len(twice):,} are there under two names, {twice[0]} and {prefix}{twice[0]} among "
            "them; only one of the two can be used.",
            "Take the one set or the other out of the files, or fetch the model again.",
        )


def _refuse_quantised_in_disguise(
    choice: ModelChoice, found: Checkpoint, model: PreTrainedModel, report: dict[str, Any]
) -> None:
    """Refuse quantised numbers that were loaded as if they were the true ones.

    transformers ignores quantisation methods it does not know, and some tools do not name theirs.
    """
    beside = sorted(name for name in report["unexpected_keys"] if _BESIDE_QUANTISED.search(name))
    how = quantisation(found.config)
    # Restored weights have been compared with the files.
    restored = how is not None and how.restored_on_loading
    undone = restored or getattr(model, "hf_quantizer", None) is not None
    whole = [] if undone else _whole_numbers(found, model)
    if beside or whole:
        raise problem(
            "model",
            f"The weights of {choice.name} are quantised in a way that is not undone here.",
            f"{[*beside, *whole][0]} is {'left over' if beside else 'stored as whole numbers'}.",
            f"Give {PLAIN}.",
        )


def _whole_numbers(found: Checkpoint, model: PreTrainedModel) -> list[str]:
    """Tensors stored as integers that became parameters."""
    stored = found.whole_numbers()
    names = [f".{name}" for name, _ in model.named_parameters()] if stored else []
    # Some names have a prefix more or less on disk than in memory.
    return [
        each
        for each in stored
        if any(name.endswith(f".{each}") or f".{each}".endswith(name) for name in names)
    ]


def _notes(report: dict[str, Any]) -> tuple[str, ...]:
    unused = [name for name in report["unexpected_keys"] if not _LEFT_OVER.search(name)]
    if not unused:
        return ()
    return (
        f"{len(unused):,} tensors of the model's files have no place in it and are not used, "
        f"{min(unused)} among them.",
    )
