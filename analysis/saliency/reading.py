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

from analysis.saliency.ends import body

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# How far the states of a text read in blocks may be from those of one that is read at once, as a
# share of the largest: far above rounding in half precision, far below a text that was forgotten.
_SAME = 0.1


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
    return bool((read - whole).abs().max() <= _SAME * whole.abs().max())


def _copied(cache: Cache) -> Cache:
    """The same memory, to be added to: it grows by new tensors, never in place."""
    copied = copy.copy(cache)
    copied.layers = [copy.copy(layer) for layer in cache.layers]
    return copied
