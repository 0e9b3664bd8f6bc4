"""Which words an analysis of weights speaks of, and what says which of them are alike."""

from __future__ import annotations

from typing import Literal

from analysis.request import ModelChoice, Part


class Words(Part, frozen=True):
    """The words that an analysis of weights speaks of, most frequent first.

    Attributes:
        source: ``english``: the most frequent English words; ``demo``: those of the demo pair's
            corpus; ``tokens``: the model's own vocabulary; ``file``: the user's list.
        path: The user's file.
        digest: Identifies the file's content; the path is part of no cache key.
        limit: At most so many words; 0 for the source's own number.
    """

    outside_key = ("path",)

    source: Literal["english", "demo", "tokens", "file"]
    path: str = ""
    digest: str = ""
    limit: int = 0


class WordVectors(Part, frozen=True):
    """The vectors that say which words are alike (METHODS 2).

    Attributes:
        source: ``demo``: the demo pair's own; ``file``: the user's; ``embeddings``: the input
            embeddings of a model stand in.
        path: The user's file or folder.
        digest: Identifies its content; the path is part of no cache key.
        folder: Where a file is kept as a memory map once it is read.
        model: Whose embeddings stand in.
    """

    outside_key = ("path", "folder")

    source: Literal["demo", "file", "embeddings"]
    path: str = ""
    digest: str = ""
    folder: str = ""
    model: ModelChoice | None = None
