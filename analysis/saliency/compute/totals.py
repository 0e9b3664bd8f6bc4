"""The weight of every prompt token for a response or parts of it, without the map (METHODS 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from analysis.problems import problem
from analysis.saliency.compute.cost import Plan, budget_of, shape_of
from analysis.saliency.compute.ends import finite
from analysis.saliency.compute.norms import RULES
from analysis.saliency.compute.sums import Sums
from analysis.saliency.compute.trials import checked_ids, refuse_what_fails
from analysis.saliency.request import Target

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Derivative = Literal["gradient", "frozen_norms"]
"""What has totals: linear in the embedding, and so summed by one pass."""


def totals(
    model: PreTrainedModel,
    prompt_ids: Sequence[int] | Tensor,
    response_ids: Sequence[int] | Tensor,
    *,
    spans: Sequence[tuple[int, int]] | None = None,
    target: Target = "log_probability",
    method: Derivative = "gradient",
    memory_budget: int | None = None,
) -> Tensor:
    """Sums T[n] = Σ_m I[n, m] over response tokens, by one backward pass each (METHODS 1).

    These are the row sums of `importance`, at the cost of one of its columns, because
    Σ_m log p(y_m) is a single number.

    Args:
        model: Any transformers causal language model; unchanged afterwards.
        prompt_ids: N token ids x, special tokens included.
        response_ids: M token ids y that follow the prompt.
        spans: Parts of the response to sum over, (start, stop) each; they may overlap. None for
            the whole response.
        target: Differentiate log p(y_m) or p(y_m).
        method: The gradient, or that with the denominators of all norms constant.
        memory_budget: Bytes to take besides the weights; None for a share of free memory. If a
            graph of all layers does not fit, layers are recomputed one at a time.

    Returns:
        float32 on the CPU, signed: [N], or [N, S] for S spans.

    Raises:
        ProblemError: ``input`` for an empty prompt, an id outside the vocabulary, a sequence beyond
            the context window or a span outside the response; ``model`` when the model is not
            causal or gives no finite gradient.
    """
    if method not in get_args(Derivative) or target not in get_args(Target):
        raise ValueError(f"unknown method {method!r} or target {target!r}")
    prompt, response = checked_ids(model, prompt_ids, response_ids)
    asked = _checked([(0, len(response))] if spans is None else spans, len(response))
    found = torch.zeros(len(prompt), len(asked), dtype=torch.float32)
    # Tokens after the last span do not affect it.
    response = response[: max((stop for start, stop in asked if start < stop), default=0)]
    if len(response):
        refuse_what_fails(model, prompt, response, method)
        shape = shape_of(model)
        plan = Plan(shape, len(prompt), len(response), budget_of(memory_budget, model))
        sums = Sums(model, prompt, response, plan, RULES[method])
        sums.refuse_changed_beginning()
        factors = sums.known().factors(target)
        for index, (start, stop) in enumerate(asked):
            if start < stop:
                weights = torch.zeros_like(factors)
                weights[start:stop] = factors[start:stop]
                found[:, index] = finite(sums.along(weights).sum(dim=1), model.dtype)
    return found[:, 0] if spans is None else found


def _checked(spans: Sequence[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    checked = [(int(start), int(stop)) for start, stop in spans]
    for start, stop in checked:
        if not 0 <= start <= stop <= count:
            raise problem(
                "input",
                f"The span {start} to {stop} does not lie in the response.",
                f"The response has {count} tokens.",
                "Give positions of response tokens, from 0; the last one is not in the span.",
            )
    return checked
