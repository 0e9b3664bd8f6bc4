"""From the command line's words and vectors to what a request carries."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Literal, cast

from analysis.models.references import DEMO_NAMES
from analysis.problems import problem
from analysis.request import ModelChoice
from analysis.words.choice import Words, WordVectors
from app.config import Settings

_SOURCES = ("english", "demo", "tokens")


def words_and_vectors(
    options: Namespace, settings: Settings, base: ModelChoice, tuned: ModelChoice
) -> tuple[Words, WordVectors]:
    """The words that analyses of weights speak of, and the vectors that say which are alike.

    Without an option the demo pair has its own of both; other pairs get the most frequent English
    words, and the base model's input embeddings stand in for vectors (METHODS 2).

    Raises:
        ProblemError: A file cannot be read.
    """
    demo = base.name in DEMO_NAMES and tuned.name in DEMO_NAMES
    vocabulary: str | None = getattr(options, "vocab", None)
    given: str | None = getattr(options, "vectors", None) or settings.vectors or None
    words = Words("demo" if demo else "english") if vocabulary is None else _words(vocabulary)
    if given is not None:
        return words, _vectors(Path(given).expanduser().absolute(), options)
    own = demo and words.source == "demo"
    return words, WordVectors("demo") if own else WordVectors("embeddings", model=base)


def _words(name: str) -> Words:
    if name in _SOURCES:
        return Words(cast("Literal['english', 'demo', 'tokens']", name))
    # It brings OpenSSL with it, which who names no file need not wait for.
    import hashlib

    path = Path(name).expanduser().absolute()
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise problem(
            "input",
            f"The word list {name} cannot be read.",
            f"{error.strerror}.",
            f"Give a file, or one of {', '.join(_SOURCES)}.",
        ) from None
    return Words("file", path=str(path), digest=digest)


def _vectors(path: Path, options: Namespace) -> WordVectors:
    # Imported here: only who has vectors pays for it, and the app is not painted yet.
    from analysis.words.word_vectors import identity
    from app.commands.storage import cache_folder

    folder = str(cache_folder(options) / "vectors")
    return WordVectors("file", path=str(path), digest=identity(path), folder=folder)
