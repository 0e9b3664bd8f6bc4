"""Forward mode: one Jacobian-vector product per prompt token (METHODS 1)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.engine.memory import is_out_of_memory
from analysis.engine.passes import exact, frozen
from analysis.problems import ProblemError
from analysis.saliency.compute.attention import kernels
from analysis.saliency.compute.batches import in_batches
from analysis.saliency.compute.certificate import Certificate
from analysis.saliency.compute.cost import Plan
from analysis.saliency.compute.ends import Run, fed_ids, finite
from analysis.saliency.compute.norms import Rule
from analysis.saliency.compute.pieces import Pieces
from analysis.saliency.compute.reading import Reading, agree, refuse_changed_beginning
from analysis.saliency.compute.switches import differentiable_kernels
from analysis.saliency.compute.tape import Tape
from analysis.saliency.request import Target

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Moved = Callable[[int, Tensor], Tensor]
"""[B, M]: derivatives of seeds · states along tangents [B, 1, size, D] of a block's embeddings."""


class NoForwardModeError(Exception):
    """The model has an operation without a forward derivative."""


def forward(
    model: PreTrainedModel,
    prompt: Tensor,
    response: Tensor,
    target: Target,
    plan: Plan,
    known: Run,
    certificate: Certificate,
    rule: Rule = nullcontext,
    *,
    first: int = 0,
) -> Pieces:
    """The map in blocks of rows: the tangent E[x_n] at position n gives the whole row n.

    The model reads the text in blocks of positions, so a prompt token skips the blocks before its
    own, and blocks whose states are not needed stop at the last layer's keys and values.

    Args:
        model: A causal language model whose operations have forward derivatives.
        prompt: int64 [N].
        response: int64 [M].
        target: What to differentiate.
        plan: The blocks, the batch size, and whether a tape fits into memory.
        known: The text as read in one pass.
        certificate: Checks the rows.
        rule: What differentiation follows.
        first: The first row to compute.

    Raises:
        NoForwardModeError: Before the first piece.
        FailedRowsError: Before the first wrong row.
    """
    ids = fed_ids(model, prompt, response)
    factors = known.factors(target)
    seeds = known.seeds.to(exact(known.embeddings.dtype))
    attention, reading, moved = _differentiated(model, ids, known, seeds, plan, rule)
    points = reading.cut(known.embeddings)

    def rows(start: int, stop: int) -> Tensor:
        index = bisect_right(reading.ends, start)
        point, begins = points[index], reading.blocks()[index].start
        with _passes(model, attention), _forward_mode():
            tangents = point.new_zeros(stop - start, *point.shape)
            for n in range(start, stop):
                tangents[n - start, 0, n - begins] = point[0, n - begins]
            products = moved(index, tangents)
        values = finite(products * factors.to(products.device), point.dtype)
        certificate.check(slice(start, stop), products)
        return values

    # The tangents of a batch start in the same block.
    ends = [min(each, len(prompt)) for each in reading.ends]
    return (yield from in_batches(ends, plan.tangents(), ids.device, rows, start=first))


def _differentiated(
    model: PreTrainedModel, ids: Tensor, known: Run, seeds: Tensor, plan: Plan, rule: Rule
) -> tuple[str, Reading, Moved]:
    """Find a way to differentiate under which the model still reads the text correctly.

    Tries differentiable kernels by portions, then whole ones, for models that check kernel names;
    for each the text in blocks, then as a whole, for models that cannot continue from a block.

    Returns:
        The name of the attention, the reading and its derivative.
    """
    whole = plan.blocks()[-1:]
    failure: Exception | None = None
    for attention in kernels(model):
        for ends in dict.fromkeys((plan.blocks(), whole)):
            reading = Reading(model, ids, ends, plan.prompt - 1, rule)
            try:
                with _passes(model, attention):
                    points = reading.cut(known.embeddings)
                    moved, states = (_played if plan.taped() else _carried)(reading, points, seeds)
            except Exception as error:
                # Torch raises no specific type for an operation without a forward derivative.
                if isinstance(error, ProblemError) or is_out_of_memory(error):
                    raise
                failure = error
            else:
                if agree(states, known.states):
                    if ends == whole:
                        refuse_changed_beginning(model, ids, known.embeddings, known.states)
                    return attention, reading, moved
    raise NoForwardModeError from failure


def _played(reading: Reading, points: list[Tensor], seeds: Tensor) -> tuple[Moved, Tensor]:
    """The derivative, played from a tape of all blocks, and the states."""
    try:
        tape = Tape(reading.states, points)
    except NotImplementedError:
        # A model that overwrites its own states cannot be taped, but can be differentiated.
        return _carried(reading, points, seeds)
    return tape.player_along(seeds), tape.value


def _carried(reading: Reading, points: list[Tensor], seeds: Tensor) -> tuple[Moved, Tensor]:
    """The derivative, computed for every batch from its block on, and the states."""
    memories = reading.memories(points)

    def moved(index: int, tangents: Tensor) -> Tensor:
        def states(point: Tensor) -> Tensor:
            return reading.states([point, *points[index + 1 :]], memories[index])

        def along(tangent: Tensor) -> Tensor:
            change: Tensor = torch.func.jvp(states, (points[index],), (tangent,))[1]
            return change

        change: Tensor = torch.func.vmap(along)(tangents)
        return torch.einsum("bmd,md->bm", change.to(seeds.dtype), seeds)

    # Some caches cannot be written along a tangent. Better to fail now than between two pieces.
    moved(len(points) - 1, torch.ones_like(points[-1])[None])
    return moved, reading.states(points)


@contextmanager
def _passes(model: PreTrainedModel, attention: str) -> Iterator[None]:
    """Neither gradients nor inference tensors, and kernels with forward derivatives."""
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        frozen(model),
        differentiable_kernels(model, attention),
    ):
        yield


@contextmanager
def _forward_mode() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, ProblemError) or is_out_of_memory(error):
            raise
        raise NoForwardModeError from error
