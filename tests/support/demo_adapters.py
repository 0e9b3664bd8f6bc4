"""The demo's folder with an adapter and checkpoints of five steps, in place of the shipped one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

from analysis.demo.catalog import DEMO_BASE, DEMO_LORA, DEMO_STEPS, DEMO_TUNED, WEIGHTS
from analysis.demo_training.adapter import AfterStep, tune_adapter
from analysis.demo_training.optimisation import Meter, optimise

STEPS = 5
CHECKPOINTS = (2, 4)


def with_adapters(folder: Path) -> LlamaForCausalLM:
    """Copy the shipped pair to a folder, and tune an adapter beside it.

    Returns:
        The tuned model, as it was in memory when its last step was taken.
    """
    for name in (DEMO_BASE, DEMO_TUNED):
        shutil.copytree(WEIGHTS / name, folder / name)
    return tune(folder / DEMO_BASE, folder / DEMO_LORA, checkpoints(folder))


def checkpoints(folder: Path) -> dict[int, Path]:
    """Where the checkpoints of `with_adapters` lie, by their step."""
    return {step: folder / DEMO_STEPS / f"checkpoint-{step}" for step in CHECKPOINTS}


def tune(base: Path, output: Path, save_at: Mapping[int, Path]) -> LlamaForCausalLM:
    """Tune an adapter by five small steps on text of random tokens; always the same."""
    ids = torch.randint(4, 500, (STEPS, 4, 33), generator=torch.Generator().manual_seed(0))
    batches = ((each[:, :-1], each[:, 1:]) for each in ids)
    trained: list[LlamaForCausalLM] = []

    def train(model: LlamaForCausalLM, after_step: AfterStep) -> None:
        trained.append(model)
        meter = Meter("lora", STEPS, None)
        optimise(model, batches, steps=STEPS, rate=5e-3, meter=meter, after_step=after_step)

    tune_adapter(base, output, train, rank=4, alpha=8, seed=0, save_at=save_at)
    return trained[0]
