"""Reverse mode: one vector-Jacobian product a response token (METHODS 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.requests import Target
from analysis.saliency.ends import Run, exact, fed_ids, finite, run
from analysis.saliency.pieces import Piece, Pieces

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def reverse(
    model: PreTrainedModel, prompt: Tensor, response: Tensor, target: Target, segment: int
) -> Pieces:
    """The map column by column.

    Positions after a response token do not concern it. So that they are not in its graph, the
    response is explained in segments, each with a forward pass that ends where the segment does.

    Args:
        model: A causal language model.
        prompt: int64 [N].
        response: int64 [M].
        target: What to differentiate.
        segment: Response tokens that share a graph.
    """
    for start in range(0, len(response), segment):
        stop = min(start + segment, len(response))
        ids = fed_ids(model, prompt, response[:stop])
        with torch.inference_mode(False):
            opened = run(model, ids, response[start:stop], graph=True)
            factors = opened.factors(target)
        for m in range(start, stop):
            column = _column(opened, m - start, len(prompt), last=m + 1 == stop)
            column = column * factors[m - start].to(column.device)
            values = finite(column, opened.states.dtype)[:, None]
            yield Piece(slice(0, len(prompt)), slice(m, m + 1), values)
        # Not both graphs at once.
        del opened
    return ""


def _column(opened: Run, m: int, length: int, *, last: bool) -> Tensor:
    """[N], the derivative of log p(y_m) / (1 − p(y_m)) along every prompt embedding."""
    with torch.inference_mode(False):
        (gradient,) = torch.autograd.grad(
            opened.states[m], opened.embeddings, opened.seeds[m], retain_graph=not last
        )
        embedded = opened.embeddings.detach()[0, :length]
        precision = exact(embedded.dtype)
        return (embedded.to(precision) * gradient[0, :length].to(precision)).sum(dim=-1)
