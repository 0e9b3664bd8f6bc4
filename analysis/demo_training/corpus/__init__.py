"""The pre-training text: documents of many kinds about the closed world, drawn from a seed.

It contains questions and instructions, but each is continued (by another question, a remark, a
story) and never answered; therefore `demo-base` does not follow instructions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from analysis.demo_training.corpus import exercises, exposition, lists, narrative

DocumentWriter = Callable[[random.Random], str]

KINDS: dict[str, tuple[DocumentWriter, float]] = {
    "exposition": (exposition.about_one_thing, 0.16),
    "mixed facts": (exposition.about_many_things, 0.12),
    "list": (lists.list_of_facts, 0.12),
    "sums": (lists.sums, 0.05),
    "code": (lists.code, 0.07),
    "narrative": (narrative.day, 0.08),
    "tale": (narrative.tale, 0.05),
    "dialogue": (narrative.dialogue, 0.06),
    "e-mail": (narrative.letter, 0.04),
    "report": (narrative.report, 0.05),
    "review": (narrative.reviews, 0.04),
    "exercise": (exercises.sheet, 0.16),
}
"""Kinds of document and the share of each among all documents."""


def documents(count: int, seed: int) -> Iterator[str]:
    """`count` documents; the same seed gives the same documents on any machine."""
    rng = random.Random(seed)
    writers = [writer for writer, _ in KINDS.values()]
    weights = [weight for _, weight in KINDS.values()]
    for writer in rng.choices(writers, weights, k=count):
        yield writer(rng)
