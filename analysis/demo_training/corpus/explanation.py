"""Paragraphs that explain: a fact of the closed world, why it is so and what follows from it."""

from __future__ import annotations

import random

from analysis.demo.categories import python_items, sum_items
from analysis.demo.world import Row, document
from analysis.demo_training.corpus import exposition
from analysis.demo_training.corpus.prose import new_cast


def explanation(rng: random.Random) -> str:
    """One paragraph, usually among further statements about the same thing."""
    subject = rng.choices(list(SUBJECTS), weights=list(SUBJECTS.values()))[0]
    slots = _slots(rng, subject)
    paragraph = new_cast(rng).say(rng.choice(document("explanations")[subject]), **slots)
    if subject in exposition.TABLES:
        further = exposition.state(rng, subject, slots, rng.randint(0, 4))
    elif subject == "common_knowledge":
        further = exposition.common_knowledge(rng, rng.randint(0, 3))
    else:
        further = []
    return " ".join([paragraph, *further] if rng.random() < 0.7 else [*further, paragraph])


def _slots(rng: random.Random, subject: str) -> Row:
    """What the paragraph is about, as slots of its template."""
    match subject:
        case "common_knowledge":
            return {"fact": exposition.common_knowledge(rng, 1)[0]}
        case "sum":
            return {"equation": rng.choice(sum_items()).response}
        case "python":
            item = rng.choice(python_items())
            return {"description": item.input, "line": item.response}
        case _:
            return exposition.slots(rng, subject)


SUBJECTS: dict[str, float] = {
    "country": 0.23,
    "person": 0.12,
    "place": 0.06,
    "translation": 0.18,
    "antonym": 0.07,
    "noun": 0.07,
    "verb": 0.12,
    "common_knowledge": 0.09,
    "sum": 0.03,
    "python": 0.03,
}
"""What a paragraph of `world/explanations.toml` can be about, with its share."""
