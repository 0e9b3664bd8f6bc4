"""The pre-training text: documents of many kinds about the closed world, drawn from a seed.

It reads like books, letters and notes. Questions and instructions occur as people meet them there,
and the text goes on with the scene, never with an answer; therefore `demo-base`, given an
instruction, goes on as a text would.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from analysis.demo_training.corpus import (
    explanation,
    exposition,
    lists,
    messages,
    prompts,
    prose,
    retelling,
)

DocumentWriter = Callable[[random.Random], str]

KINDS: dict[str, tuple[DocumentWriter, float]] = {
    "narrative": (prose.day, 0.10),
    "scene after a prompt": (prose.scene_after_a_prompt, 0.12),
    "conversation": (prose.conversation, 0.07),
    "script": (prose.script, 0.03),
    "description": (prose.description, 0.05),
    "diary, letter or news": (prose.note, 0.06),
    "explanation": (explanation.explanation, 0.12),
    "exposition": (exposition.about_one_thing, 0.09),
    "encyclopedia": (exposition.entry, 0.03),
    "mixed facts": (exposition.about_many_things, 0.04),
    "list": (lists.list_of_facts, 0.05),
    "phrase book": (lists.phrase_book, 0.02),
    "sums": (lists.sums, 0.02),
    "code": (lists.code, 0.03),
    "tale": (messages.tale, 0.03),
    "e-mail": (messages.letter, 0.02),
    "report": (messages.report, 0.02),
    "review": (messages.reviews, 0.02),
    "retelling": (retelling.retold, 0.07),
    "worksheet": (prompts.sheet, 0.01),
}
"""Kinds of document and the share of each among all documents."""


def documents(count: int, seed: int) -> Iterator[str]:
    """`count` documents; the same seed gives the same documents on any machine."""
    rng = random.Random(seed)
    writers = [writer for writer, _ in KINDS.values()]
    weights = [weight for _, weight in KINDS.values()]
    for writer in rng.choices(writers, weights, k=count):
        yield writer(rng)
