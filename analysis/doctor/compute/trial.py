"""A trial of both models: each explains a few tokens, and the time of a map is estimated."""

from __future__ import annotations

import time
from contextlib import closing
from math import floor, log10

import torch

from analysis.doctor.compute.patient import Single
from analysis.doctor.findings import Finding, Findings, from_problem
from analysis.doctor.request import TrialRequest
from analysis.engine.loading import LoadedModel
from analysis.engine.passes import frozen, options
from analysis.engine.pool import ModelPool
from analysis.events import Partial, Pause, Progress, Steps
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.saliency.compute.attribution import attribute
from analysis.saliency.compute.cost import Plan, budget_of, shape_of
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution

_PROMPT = "Name three colours of the rainbow."
_TOKENS = 6
_REPEATS = 2


def attempt(request: TrialRequest, models: ModelPool) -> Steps[Findings]:
    """Load both models, explain a short response of each, and time a forward pass."""
    found: list[Finding] = []
    seconds = []
    for subject, choice in _both(request):
        try:
            found.append((yield from _explained(subject, choice, models)))
            loaded = yield from models.get(choice)
            yield Progress("time", 0, None, choice.name)
            seconds.append(_map_seconds(loaded, request.prompt_tokens, request.response_tokens))
        except ProblemError as error:
            found.append(from_problem("trial", "cannot", subject, error.problem))
            models.release_working_memory()
    if len(seconds) == 2:
        found.append(_time(request, seconds))
    return Findings(tuple(found))


def _both(request: TrialRequest) -> tuple[tuple[Single, ModelChoice], ...]:
    return ("base", request.base), ("tuned", request.tuned)


def _explained(subject: Single, choice: ModelChoice, models: ModelPool) -> Steps[Finding]:
    """Whether forward mode works, or reverse mode alone; ProblemError if there is no map."""
    asked = AttributionRequest(choice, _PROMPT, max_new_tokens=_TOKENS, method="forward")
    answer = yield from _silently(attribute(asked, models))
    notes = answer.note
    if not len(answer.response_tokens):
        what = f"{choice.name} loads and runs; it ended its response at once, so no map was tried."
    elif answer.method == "forward":
        what = f"{choice.name} loads, runs and is explained, in forward and in reverse mode."
    else:
        what = f"{choice.name} loads, runs and is explained, in reverse mode alone."
    return Finding("trial", "ok", subject, what, notes)


def _silently(steps: Steps[Attribution]) -> Steps[Attribution]:
    """The same without partial results, which would not be findings."""
    with closing(steps):
        while True:
            try:
                said = next(steps)
            except StopIteration as end:
                result: Attribution = end.value
                return result
            if not isinstance(said, Partial | Pause):
                yield said


def _map_seconds(loaded: LoadedModel, prompt: int, response: int) -> float:
    """Seconds of a map, from a forward pass over as many positions and the plan of its passes."""
    shape = shape_of(loaded.model)
    plan = Plan(shape, prompt, response, budget_of(None, loaded.model))
    window = loaded.facts.context_window or plan.length
    length = min(plan.length, window)
    ids = (torch.arange(length, device=loaded.device) % loaded.facts.vocabulary)[None]
    return _pass_seconds(loaded, ids) * plan.length / length * plan.passes()


def _pass_seconds(loaded: LoadedModel, ids: torch.Tensor) -> float:
    """The faster of a few passes, after one that warms up."""
    times = []
    with torch.no_grad(), frozen(loaded.model):
        for _ in range(1 + _REPEATS):
            _settle(loaded.device)
            started = time.perf_counter()
            loaded.model(input_ids=ids, **options(loaded.model, ids, keep=1))
            _settle(loaded.device)
            times.append(time.perf_counter() - started)
    return min(times[1:])


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _time(request: TrialRequest, seconds: list[float]) -> Finding:
    each = " and ".join(_rounded(value) for value in seconds)
    size = f"{request.prompt_tokens} × {request.response_tokens}"
    return Finding(
        "time",
        "ok",
        "pair",
        f"A map of {size} tokens takes about {each} (base and tuned), once the response is "
        "written.",
        "An estimate from a forward pass and the number of passes that a map costs: it may be "
        "three times as much, or a third.",
    )


def _rounded(seconds: float) -> str:
    """One significant digit, in seconds, minutes or hours."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{_one_digit(seconds / size):g} {unit}"
    return f"{_one_digit(seconds):g} s" if seconds >= 0.1 else "less than 0.1 s"


def _one_digit(value: float) -> float:
    step = 10.0 ** floor(log10(value))
    return round(value / step) * step
