"""Reverse mode: one vector-Jacobian product per response token (METHODS 1)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.engine.memory import Attempt, release
from analysis.engine.passes import exact, frozen
from analysis.saliency.compute.cost import Plan
from analysis.saliency.compute.ends import Run, fed_ids, finite, run
from analysis.saliency.compute.norms import Rule
from analysis.saliency.compute.pieces import Piece, Pieces
from analysis.saliency.compute.switches import checkpointed
from analysis.saliency.request import Target

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def reverse(
    model: PreTrainedModel,
    prompt: Tensor,
    response: Tensor,
    target: Target,
    plan: Plan,
    rule: Rule = nullcontext,
    *,
    first: int = 0,
) -> Pieces:
    """The map column by column.

    Positions after a response token do not affect it. To keep them out of its graph, the response
    is explained in segments, each with a forward pass that ends with the segment.

    Args:
        model: A causal language model.
        prompt: int64 [N].
        response: int64 [M].
        target: What to differentiate.
        plan: The segments, and whether their graphs fit into memory.
        rule: What differentiation follows.
        first: The first column to compute.
    """
    sparing, note = plan.checkpointed(), ""
    opened: Run | None = None
    segment = range(0)
    m = first
    while m < len(response):
        with Attempt(final=sparing) as attempt:
            if opened is None or m not in segment:
                opened = None  # Frees the old graph before the new one is built.
                segment = range(m, min(m + plan.segment(), len(response)))
                seen = response[: segment.stop]
                opened = _opened(model, prompt, seen, m, rule, sparing=sparing)
            column = _column(model, opened, m - segment.start, len(prompt), target)
        if attempt.failed:
            opened, sparing = None, True
            release(plan.shape.device)
            note = "Memory ran out: it went on with the graph of one layer at a time."
            continue
        yield Piece(slice(0, len(prompt)), slice(m, m + 1), column[:, None])
        m += 1
    return note


def _opened(
    model: PreTrainedModel,
    prompt: Tensor,
    response: Tensor,
    first: int,
    rule: Rule,
    *,
    sparing: bool,
) -> Run:
    """A run with a graph over this response, explained from its token `first` on.

    With `sparing` it keeps only the layers' inputs; every backward pass recomputes the rest.
    """
    ids = fed_ids(model, prompt, response)
    spared = checkpointed(model, rule) if sparing else nullcontext()
    with torch.inference_mode(False), rule(), spared:
        return run(model, ids, response[first:], graph=True)


def _column(model: PreTrainedModel, opened: Run, m: int, length: int, target: Target) -> Tensor:
    """float32 [N], the importance for the m-th response token of a run."""
    # Recomputed layers need the same modes as in the forward pass.
    with torch.inference_mode(False), frozen(model):
        (gradient,) = torch.autograd.grad(
            opened.states[m], opened.embeddings, opened.seeds[m], retain_graph=True
        )
        embedded = opened.embeddings.detach()[0, :length]
        precision = exact(embedded.dtype)
        column = (embedded.to(precision) * gradient[0, :length].to(precision)).sum(dim=-1)
        column *= opened.factors(target)[m].to(column.device)
    return finite(column, embedded.dtype)
