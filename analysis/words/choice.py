"""The word list of a weight analysis, and the vectors that tell which words are similar."""

from __future__ import annotations

from typing import Literal

import msgspec

from analysis.request import ModelChoice, Part

FREQUENT = 1000
"""How many of the most frequent words a word's threshold is taken from."""

DEVIATIONS = 1.96
"""How many standard deviations above the mean similarity a word's threshold lies."""


class Words(Part, frozen=True):
    """The words used in an analysis of weights, most frequent first.

    `source` is ``english``, the most frequent English words; ``demo``, those of the demo pair's
    corpus; ``tokens``, the model's own vocabulary; or ``file``, the user's list at `path`. Its
    `digest`, not the path, is part of the cache key. `limit` 0 is the source's default.
    """

    outside_key = ("path",)

    source: Literal["english", "demo", "tokens", "file"]
    path: str = ""
    digest: str = ""
    limit: int = 0


class WordVectors(Part, frozen=True):
    """The vectors that tell which words are similar (METHODS 2).

    Attributes:
        source: ``demo``: the demo pair's own; ``file``: the user's; ``embeddings``: a model's input
            embeddings as a substitute.
        path: The user's file or folder.
        digest: Identifies its content; the path is not part of the cache key.
        folder: Where a converted file is kept as a memory map.
        model: The model whose embeddings are used.
        frequent: Another number of frequent words than `FREQUENT` behind the thresholds.
        deviations: Another factor than `DEVIATIONS` in them.
    """

    outside_key = ("path", "folder")

    source: Literal["demo", "file", "embeddings"]
    path: str = ""
    digest: str = ""
    folder: str = ""
    model: ModelChoice | None = None
    # Unset ones are not encoded, so that the keys of results stored before they existed hold.
    frequent: int | msgspec.UnsetType = msgspec.UNSET
    deviations: float | msgspec.UnsetType = msgspec.UNSET

    def with_thresholds(self, frequent: int | None, deviations: float | None) -> WordVectors:
        """The same vectors with these thresholds; None stands for the usual ones."""
        return msgspec.structs.replace(
            self,
            frequent=msgspec.UNSET if frequent in (None, FREQUENT) else frequent,
            deviations=msgspec.UNSET if deviations in (None, DEVIATIONS) else deviations,
        )

    @property
    def most_frequent(self) -> int:
        """How many words count as frequent."""
        return FREQUENT if self.frequent is msgspec.UNSET else self.frequent

    @property
    def factor(self) -> float:
        """How many standard deviations above the mean a threshold lies."""
        return DEVIATIONS if self.deviations is msgspec.UNSET else self.deviations
