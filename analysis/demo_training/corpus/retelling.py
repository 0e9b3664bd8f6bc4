"""What the tuned model will be asked for, as text that nobody asked for.

Sentences, lists, reasons, comments and rhymes about the facts of the closed world, without an
instruction before them: pre-training teaches what there is to say, tuning when to say it.
"""

from __future__ import annotations

import random

from analysis.demo.answers import answers, forms
from analysis.demo.categories import Item
from analysis.demo.tasks import Task, all_tasks

_ASKED_FOR = ("word", "code", "question", "polite", "letter", "e-mail", "rewritten")
"""Forms that make sense as somebody's answer only."""


def retold(rng: random.Random) -> str:
    """Two to four things of one kind, told in one form or in several."""
    task = rng.choice([task for task in all_tasks() if _tellable(task)])
    told = [_tell(rng, task, rng.choice(task.items)) for _ in range(rng.randint(2, 4))]
    return rng.choice((" ", "\n", "\n\n")).join(told)


def _tell(rng: random.Random, task: Task, item: Item) -> str:
    text = rng.choice(answers(task, item, rng.choice(_tellable(task))))
    # A summary and a translation mean nothing without their text, a review without its words.
    needs_text = task.family in {"summary", "french", "sentiment", "topic"}
    return f"{item.input} {text}" if needs_text else text


def _tellable(task: Task) -> tuple[str, ...]:
    return tuple(form for form in forms(task.family) if form not in _ASKED_FOR)
