"""From the command line's words and vectors to what a request carries."""

from __future__ import annotations

from argparse import Namespace

from analysis.models.references import DEMO_NAMES
from analysis.requests import ModelChoice, Words, WordVectors
from app.config import Settings


def words_and_vectors(
    options: Namespace, settings: Settings, base: ModelChoice, tuned: ModelChoice
) -> tuple[Words, WordVectors]:
    """The words that analyses of weights speak of, and the vectors that say which are alike.

    Without an option the demo pair has its own of both; other pairs get the most frequent English
    words, and the base model's input embeddings stand in for vectors (METHODS 2).
    """
    if base.name in DEMO_NAMES and tuned.name in DEMO_NAMES:
        return Words("demo"), WordVectors("demo")
    return Words("english"), WordVectors("embeddings", model=base)
