"""Quantised checkpoints: which methods are undone, and which are refused, by name (METHODS 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analysis.engine.weights.quantised import bitsandbytes, compressed, packed, scaled
from analysis.engine.weights.quantised.source import PLAIN, QuantisedTensors, Weights
from analysis.engine.weights.tensors import DiskTensors
from analysis.models.quantisation import Quantisation
from analysis.problems import problem

__all__ = ["dequantised"]

_METHODS: dict[str, Callable[[DiskTensors, Quantisation], Weights]] = {
    "awq": packed.awq,
    "bitsandbytes": bitsandbytes.weights,
    "compressed-tensors": compressed.weights,
    "fbgemm_fp8": scaled.fp8,
    "fp8": scaled.fp8,
    "gptq": packed.gptq,
    "mxfp4": scaled.mxfp4,
    "mxfp8": scaled.fp8,
}
# What each method may ask for beyond what is undone here: setting, values undone, in words.
_VARIANTS: dict[str, tuple[tuple[str, tuple[Any, ...], str], ...]] = {
    "awq": (
        ("bits", (4, None), "bits"),
        ("version", ("gemm", None), "order of its words"),
        ("format", ("gemm", None), "order of its words"),
    ),
    "gptq": (
        ("checkpoint_format", ("gptq", "gptq_v2", "", None), "order of its words"),
        ("format", ("gptq", "gptq_v2", "", None), "order of its words"),
        ("pack_dtype", ("int32", None), "size of its words"),
        ("rotation", ("", None), "rotation of its weights"),
        ("planar", (False, None), "order of its bits"),
    ),
    "compressed-tensors": (
        ("transform_config", ({}, None), "rotation of its weights"),
        ("sparsity_config", ({}, None), "sparse storage"),
    ),
}


def dequantised(disk: DiskTensors, how: Quantisation, *, transposed: bool) -> QuantisedTensors:
    """The tensors of a quantised checkpoint, restored in float32 one by one when they are read.

    Args:
        disk: Its files.
        how: What its configuration says.
        transposed: The family stores [in, out], where every method quantises [out, in].

    Raises:
        ProblemError: ``model`` for a method or a variant that is not undone here, or for tensors
            that do not fit it.
    """
    if how.method not in _METHODS:
        raise _refusal(disk, how, f"It undoes {', '.join(sorted(_METHODS))}.")
    for setting, known, words in _VARIANTS.get(how.method, ()):
        value = _plainly(how.settings.get(setting))
        if value not in known:
            raise _refusal(disk, how, f"The {words} is {value!r} ({setting} in its configuration).")
    try:
        weights = dict(_METHODS[how.method](disk, how))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # Shapes and settings come from files that anyone may have written.
        raise _refusal(disk, how, f"Its tensors are not of its form: {error!r}.") from None
    if not weights:
        raise problem(
            "model",
            f"No weight of {disk.where} is quantised, though its configuration says {how.name}.",
            "Whether its numbers are meant as they are stored, nothing says.",
            "Install the files that belong to the configuration, or take quantization_config out "
            "of config.json.",
        )
    note = f"The weights are dequantised from {how.name}."
    return QuantisedTensors(disk, weights, note, transposed=transposed)


def _plainly(value: Any) -> Any:
    """A setting as `_VARIANTS` has it: names in lower case, settings that ask for nothing empty."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, dict):
        asks = value.get("config_groups") or value.get("format", "dense") != "dense"
        return value if asks else {}
    return value


def _refusal(disk: DiskTensors, how: Quantisation, why: str) -> Exception:
    return problem(
        "model",
        f"The weights of {disk.where} are quantised in a way that insttui cannot undo: {how.name}.",
        why,
        PLAIN,
    )
