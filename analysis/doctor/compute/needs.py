"""Checks of what the two models need here: fast kernels for their family, and memory."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import torch

from analysis.doctor.compute.patient import Patient
from analysis.doctor.findings import Finding, from_problem
from analysis.engine.loading import pick_device
from analysis.engine.memory import free_bytes, readable
from analysis.engine.pool import ModelPool, bytes_in_memory
from analysis.problems import ProblemError

_CONVOLUTION = {"causal_conv1d": "causal-conv1d"}
_STATE_SPACE = {**_CONVOLUTION, "mamba_ssm": "mamba-ssm"}
_DELTA_RULE = {**_CONVOLUTION, "fla": "flash-linear-attention"}
KERNELS: dict[str, dict[str, str]] = {
    **dict.fromkeys(
        (
            *("bamba", "falcon_h1", "falcon_mamba", "granitemoehybrid", "jamba", "mamba"),
            *("mamba2", "nemotron_h", "zamba", "zamba2"),
        ),
        _STATE_SPACE,
    ),
    **dict.fromkeys(
        (
            *("bailing_hybrid", "glm5_next", "kimi_linear", "olmo_hybrid", "qwen3_5"),
            *("qwen3_5_moe", "qwen3_next", "qwen4_exp"),
        ),
        _DELTA_RULE,
    ),
    **dict.fromkeys(("inkling", "inkling2", "lfm2", "lfm2_moe"), _CONVOLUTION),
}
"""Modules that transformers' code of a family takes its fast kernels from, and their packages.

The keys are the folders of ``transformers.models``; without the modules plain torch is used."""

# Room for activations beside the weights, as a share of them.
_HEADROOM = 0.2


def check_kernels(base: Patient, tuned: Patient) -> Iterator[Finding]:
    """Whether packages are missing that the models' families compute faster with."""
    for family in dict.fromkeys(filter(None, map(_family, (base, tuned)))):
        packages = KERNELS.get(family, {})
        missing = [package for module, package in packages.items() if find_spec(module) is None]
        if not packages:
            continue
        if not missing:
            yield Finding("kernels", "ok", "pair", f"The fast kernels of {family} are installed.")
        elif any(_device(each).type == "cuda" for each in (base, tuned)):
            yield Finding(
                "kernels",
                "warning",
                "pair",
                f"The family {family} runs without its fast kernels.",
                f"{' and '.join(missing)} not being installed, its recurrent layers are computed "
                "step by step in plain torch. The numbers are the same; it takes many times as "
                "long.",
                f"pip install {' '.join(missing)} into insttui's environment.",
            )
        else:
            yield Finding(
                "kernels",
                "ok",
                "pair",
                f"The recurrent layers of {family} are computed in plain torch, which is slow.",
                f"There are faster kernels ({', '.join(missing)}), for NVIDIA GPUs only.",
            )


def check_peft(base: Patient, tuned: Patient) -> Iterator[Finding]:
    """Whether the package is missing that runs adapters."""
    if find_spec("peft") is not None:
        return
    for patient in (base, tuned):
        if patient.adapter is not None:
            yield Finding(
                "adapter",
                "warning",
                patient.subject,
                f"{patient.name} cannot run: it is an adapter, and peft is not installed.",
                "Heads, Concepts and Changes read it without; Saliency, Neurons and Clusters "
                "run it.",
                "pip install peft into insttui's environment.",
            )


def _family(patient: Patient) -> str | None:
    """The folder of transformers that the model's code is in; None for code of its own."""
    if patient.outline is None:
        kind = patient.found.config.get("model_type")
        return kind if isinstance(kind, str) else None
    parts = type(patient.outline).__module__.split(".")
    return parts[2] if parts[:2] == ["transformers", "models"] else None


def _device(patient: Patient) -> torch.device:
    return pick_device(patient.choice.device)


def check_memory(base: Patient, tuned: Patient, models: ModelPool) -> Iterator[Finding]:
    """Whether both models fit into the memory of their device."""
    try:
        device = _device(base)
    except ProblemError as error:
        yield from_problem("memory", "cannot", "pair", error.problem)
        return
    shared = base.place.folder == tuned.place.folder
    counted = (base,) if shared else (base, tuned)
    sizes = [bytes_in_memory(each.choice, each.place, device) for each in counted]
    held = sum(size for size, each in zip(sizes, counted, strict=True) if models.holds(each.choice))
    free = free_bytes(device) + held
    dtype = base.choice.dtype if base.choice.dtype != "auto" else _own(base, device)
    weights = " and ".join(map(readable, sizes))
    needed = f"The weights take {weights} in {dtype} on {device}; {readable(free)} are free."
    remedy = "Choose a smaller model, another device or --dtype bfloat16; close other programs."
    if free < max(sizes):
        yield Finding(
            "memory",
            "cannot",
            "pair",
            f"{'The model does' if shared else 'The larger of both models does'} not fit into "
            f"the memory of {device}.",
            needed,
            remedy,
        )
    elif free < sum(sizes):
        yield Finding(
            "memory",
            "warning",
            "pair",
            f"The two models do not fit into the memory of {device} together.",
            f"{needed} They take turns: every change from one to the other loads it again.",
            remedy,
        )
    elif free < sum(sizes) * (1 + _HEADROOM):
        yield Finding(
            "memory",
            "warning",
            "pair",
            f"Memory is short on {device}.",
            f"{needed} What is left may be too little for long prompts.",
            remedy,
        )
    else:
        yield Finding("memory", "ok", "pair", needed)


def _own(patient: Patient, device: torch.device) -> str:
    if device.type == "cpu":
        return "float32"
    if quantised := patient.found.quantised():
        return f"their quantised form ({quantised})"
    return " and ".join(patient.found.precisions()) or "the stored precision"
