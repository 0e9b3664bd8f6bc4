"""The word list of a weight analysis, and the vectors that tell which words are similar."""

from __future__ import annotations

from typing import Literal

from analysis.request import ModelChoice, Part


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
    """

    outside_key = ("path", "folder")

    source: Literal["demo", "file", "embeddings"]
    path: str = ""
    digest: str = ""
    folder: str = ""
    model: ModelChoice | None = None
