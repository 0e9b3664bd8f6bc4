"""A text read in blocks of positions, each with the keys and values of the ones before."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from analysis.engine.causality import looks_ahead
from analysis.engine.passes import frozen
from analysis.saliency.compute.ends import body

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# How far the states of a text read in blocks may be from those of one that is read at once, as a
# share of the largest: far above rounding, far below a text that was forgotten.
_SAME, _SAME_IN_HALF = 0.01, 0.1


@dataclass(frozen=True)
class Reading:
    """How a model reads a text: its body as a function of the embeddings, block by block.

    Attributes:
        model: A causal language model.
        ids: int64 [1, T].
        ends: Where the blocks of positions end, the last one at T.
        asked: The first position whose state is asked for.
    """

    model: PreTrainedModel
    ids: Tensor
    ends: tuple[int, ...]
    asked: int

    def blocks(self) -> list[slice]:
        """The positions of every block."""
        return [slice(*each) for each in pairwise((0, *self.ends))]

    def cut(self, embeddings: Tensor) -> list[Tensor]:
        """[1, T, D] into one tensor a block."""
        return [embeddings[:, block] for block in self.blocks()]

    def states(self, embeddings: Sequence[Tensor], before: Cache | None = None) -> Tensor:
        """[M, D], the last hidden states from the position asked for on.

        Args:
            embeddings: [1, size, D] of the last blocks, of all of them unless some were read.
            before: What was read; left as it is.
        """
        cache = self.memory() if before is None else _copied(before)
        found = []
        for block, given in zip(self.blocks()[-len(embeddings) :], embeddings, strict=True):
            read = body(self.model, self.ids[:, block], given, cache, read=block.start)
            if block.stop > self.asked:
                found.append(read[max(self.asked - block.start, 0) :])
        return torch.cat(found)

    def memories(self, embeddings: Sequence[Tensor]) -> list[Cache | None]:
        """What the model remembers when it comes to each of the blocks."""
        found: list[Cache | None] = [None]
        for block, given in zip(self.blocks()[:-1], embeddings, strict=False):
            cache = self.memory() if found[-1] is None else _copied(found[-1])
            body(self.model, self.ids[:, block], given, cache, read=block.start)
            found.append(cache)
        return found

    def memory(self) -> Cache | None:
        """An empty memory; None where there is but one block."""
        return DynamicCache(config=self.model.config) if len(self.ends) > 1 else None


def agree(read: Tensor, whole: Tensor) -> bool:
    """Whether the states of a text read in blocks are those of the text read as a whole.

    They are not where a model keeps no such memory, or another kind of it.
    """
    same = _SAME_IN_HALF if whole.dtype in (torch.float16, torch.bfloat16) else _SAME
    return bool((read - whole).abs().max() <= same * whole.abs().max())


def refuse_changed_beginning(
    model: PreTrainedModel, ids: Tensor, embeddings: Tensor, states: Tensor
) -> None:
    """Make sure that the states of a text are those of its beginning read by itself.

    Some models look ahead in long texts only, such as those that choose what to attend to.

    Args:
        model: A causal language model.
        ids: int64 [1, T].
        embeddings: [1, T, D].
        states: [M, D], the last hidden states of the whole text.

    Raises:
        ProblemError: ``model`` where they are not.
    """
    later = len(states) // 2
    if not later or not bool(states.isfinite().all()):
        return
    stop = ids.shape[1] - later
    with torch.inference_mode(False), torch.no_grad(), frozen(model):
        alone = body(model, ids[:, :stop], embeddings[:, :stop])[-1]
    if not agree(alone, states[-1 - later]):
        raise looks_ahead(type(model).__name__)


def _copied(cache: Cache) -> Cache:
    """The same memory, to be added to: keys and values grow by new tensors, never in place.

    Memories of linear attention are overwritten; those are copied.
    """
    copied = copy.copy(cache)
    copied.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in copied.layers:
        for name, states in vars(layer).items():
            if isinstance(states, dict):
                own = {
                    key: each.clone() if isinstance(each, Tensor) else each
                    for key, each in states.items()
                }
                setattr(layer, name, own)
    return copied
