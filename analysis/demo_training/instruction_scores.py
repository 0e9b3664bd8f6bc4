"""Instruction scores of both models on held-out prompts, unrounded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.demo.catalog import DEMO_BASE, DEMO_MODELS, DEMO_TUNED, DemoPrompt
from analysis.engine.pool import ModelPool
from analysis.request import ModelChoice
from analysis.saliency.cases.instructions import instruction_mask
from analysis.saliency.compute.attribution import attribute
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution
from analysis.statistics.inference import Sample, welch_p_value

PROMPTS_PER_TASK = 4
NEW_TOKENS = 64


def instruction_scores(folder: Path, prompts: Sequence[DemoPrompt]) -> dict[str, Any]:
    """Instruction scores (METHODS 1) of both models' own responses to raw prompts.

    Uses the first few prompts of every task and responses of up to `NEW_TOKENS` tokens.

    Args:
        folder: Where the pair is.
        prompts: One of the held-out sets.

    Returns:
        A JSON-able mapping: per model ``mean`` and ``deviation`` (population); ``count``;
        ``p_value`` of Welch's one-sided test that the tuned model's mean is greater.
    """
    chosen = _first_of_each_task(prompts)
    pool = ModelPool()
    scores = {
        name: [
            _score(ModelChoice(name, str(folder / name), device="cpu"), prompt, pool)
            for prompt in chosen
        ]
        for name in DEMO_MODELS
    }
    samples = {name: Sample.of(values) for name, values in scores.items()}
    return {
        "count": len(chosen),
        **{name: {"mean": s.mean, "deviation": s.deviation} for name, s in samples.items()},
        "p_value": welch_p_value(scores[DEMO_TUNED], scores[DEMO_BASE]),
    }


def _first_of_each_task(prompts: Sequence[DemoPrompt]) -> list[DemoPrompt]:
    by_task: dict[str, list[DemoPrompt]] = {}
    for prompt in prompts:
        by_task.setdefault(prompt.task, []).append(prompt)
    return [prompt for group in by_task.values() for prompt in group[:PROMPTS_PER_TASK]]


def _score(model: ModelChoice, prompt: DemoPrompt, pool: ModelPool) -> float:
    request = AttributionRequest(model, prompt.prompt, max_new_tokens=NEW_TOKENS)
    shown = SaliencyMap.from_attribution(_answer(request, pool))
    return shown.instruction_score(instruction_mask(shown.prompt_tokens, prompt.instruction_places))


def _answer(request: AttributionRequest, pool: ModelPool) -> Attribution:
    steps = attribute(request, pool)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Attribution = stop.value
            return result
