"""Forward mode: one Jacobian-vector product a prompt token (METHODS 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.models.memory import is_out_of_memory
from analysis.problems import ProblemError
from analysis.requests import Target
from analysis.saliency.batches import in_batches
from analysis.saliency.ends import body, exact, fed_ids, finite, run
from analysis.saliency.pieces import Pieces
from analysis.saliency.switches import differentiable_kernels, frozen

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class NoForwardModeError(Exception):
    """The model has an operation without a forward derivative."""


def forward(
    model: PreTrainedModel, prompt: Tensor, response: Tensor, target: Target, batch: int
) -> Pieces:
    """The map in blocks of rows: the tangent E[x_n] at position n gives row n at once.

    Args:
        model: A causal language model whose operations know their forward derivative.
        prompt: int64 [N].
        response: int64 [M].
        target: What to differentiate.
        batch: Prompt tokens whose tangents are carried along together.

    Raises:
        NoForwardModeError: Before the first piece.
    """
    count = len(response)
    ids = fed_ids(model, prompt, response)
    with torch.inference_mode(False):
        opened = run(model, ids, response, graph=False)
        embeddings = opened.embeddings
        precision = exact(embeddings.dtype)
        seeds = opened.seeds.to(precision)
        factors = opened.factors(target)

    def states(given: Tensor) -> Tensor:
        return body(model, ids, given, count)

    def moved(tangent: Tensor) -> Tensor:
        derivative: Tensor = torch.func.jvp(states, (embeddings,), (tangent,))[1]
        return derivative

    def rows(start: int, stop: int) -> Tensor:
        with torch.inference_mode(False), torch.no_grad():
            tangents = embeddings.new_zeros(stop - start, *embeddings.shape)
            for n in range(start, stop):
                tangents[n - start, 0, n] = embeddings[0, n]
            with frozen(model), differentiable_kernels(model):
                change = _or_no_forward_mode(lambda: torch.func.vmap(moved)(tangents))
            values = torch.einsum("bmd,md->bm", change.to(precision), seeds) * factors
        return finite(values, embeddings.dtype)

    return (yield from in_batches(len(prompt), batch, ids.device, rows))


def _or_no_forward_mode(compute: Callable[[], Tensor]) -> Tensor:
    """The result; what an operation without a forward derivative raises has no common type."""
    try:
        return compute()
    except Exception as error:
        if isinstance(error, ProblemError) or is_out_of_memory(error):
            raise
        raise NoForwardModeError from error
