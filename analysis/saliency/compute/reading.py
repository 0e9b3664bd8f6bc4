"""Reads a text in blocks of positions, each using the keys and values of the previous ones."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from analysis.engine.causality import looks_ahead
from analysis.engine.passes import frozen
from analysis.saliency.compute.ends import body
from analysis.saliency.compute.norms import Rule

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# How far the states of a text read in blocks may differ from those of one read at once, as a share
# of the largest: far above rounding, far below losing the earlier text.
_SAME, _SAME_IN_HALF = 0.01, 0.1


@dataclass(frozen=True)
class Reading:
    """How a model reads a text: its body as a function of the embeddings, block by block.

    Attributes:
        model: A causal language model.
        ids: int64 [1, T].
        ends: Ends of the blocks of positions, the last at T.
        asked: The first position whose state is needed.
        rule: What differentiation follows.
    """

    model: PreTrainedModel
    ids: Tensor
    ends: tuple[int, ...]
    asked: int
    rule: Rule = nullcontext

    def blocks(self) -> list[slice]:
        return [slice(*each) for each in pairwise((0, *self.ends))]

    def cut(self, embeddings: Tensor) -> list[Tensor]:
        """Split embeddings [1, T, D] into blocks."""
        return [embeddings[:, block] for block in self.blocks()]

    def states(self, embeddings: Sequence[Tensor], before: Cache | None = None) -> Tensor:
        """The last hidden states [M, D] from the first position needed.

        `embeddings` are [1, size, D] of the last blocks, or of all if there is no cache `before`.
        """
        cache = self.memory() if before is None else _copied(before)
        found = []
        for block, given in zip(self.blocks()[-len(embeddings) :], embeddings, strict=True):
            read = self._read(block, given, cache)
            if block.stop > self.asked:
                found.append(read[max(self.asked - block.start, 0) :])
        return torch.cat(found)

    def memories(self, embeddings: Sequence[Tensor]) -> list[Cache | None]:
        """The model's cache at the start of each block."""
        found: list[Cache | None] = [None]
        for block, given in zip(self.blocks()[:-1], embeddings, strict=False):
            cache = self.memory() if found[-1] is None else _copied(found[-1])
            self._read(block, given, cache)
            found.append(cache)
        return found

    def memory(self) -> Cache | None:
        return DynamicCache(config=self.model.config) if len(self.ends) > 1 else None

    def _read(self, block: slice, embeddings: Tensor, cache: Cache | None) -> Tensor:
        with self.rule():
            return body(self.model, self.ids[:, block], embeddings, cache, read=block.start)


def agree(read: Tensor, whole: Tensor) -> bool:
    """Whether the states of a text read in blocks equal those of the text read as a whole.

    They do not if a model has no such cache, or one of another kind.
    """
    same = _SAME_IN_HALF if whole.dtype in (torch.float16, torch.bfloat16) else _SAME
    return bool((read - whole).abs().max() <= same * whole.abs().max())


def refuse_changed_beginning(
    model: PreTrainedModel, ids: Tensor, embeddings: Tensor, states: Tensor
) -> None:
    """Check that the states of a text's beginning stay the same when it is read by itself.

    Some models look ahead only in long texts, such as those that choose what to attend to.

    Args:
        model: A causal language model.
        ids: int64 [1, T].
        embeddings: [1, T, D].
        states: [M, D], the last hidden states of the whole text.

    Raises:
        ProblemError: ``model`` when they change.
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
    """A copy of a cache that can be extended: keys and values grow by new tensors, never in place.

    Linear attention overwrites its states, so those are copied.
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
