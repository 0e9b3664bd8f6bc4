"""What the tuned model will be asked for, as text that nobody asked for.

Sentences, lists, reasons, comments and rhymes about the facts of the closed world, without an
instruction before them: pre-training teaches what there is to say, tuning when to say it.
"""

from __future__ import annotations

import random

from analysis.demo.answers import answers, forms
from analysis.demo.categories import Item
from analysis.demo.tasks import Task, all_tasks
from analysis.demo.world import document

_ASKED_FOR = ("word", "code", "question", "polite", "letter", "e-mail", "rewritten")
"""Forms that make sense as somebody's answer only."""

_SAID = (
    "{name} smiled and said: {text}",
    "{name} nodded. {text}",
    "This is what {name} told us that day: {text}",
    "On the telephone {name} said: {text}",
    "The voice of {name} was friendly: {text}",
)
_WRITTEN = (
    "{name} took a pen and wrote: {text}",
    "On the table lay a letter. {text}",
    "The postcard was short. {text}",
    "There was only one page in the envelope: {text}",
    "We found this letter in an old book: {text}",
)
_PROGRAMMED = (
    "On the screen {name} read: {text}",
    "Somewhere in the program of {name} stands {text}",
)
_AS_SPEECH = {"polite": _SAID, "letter": _WRITTEN, "e-mail": _WRITTEN, "code": _PROGRAMMED}
"""How a story introduces what else is an answer, so that nobody seems to have asked for it."""


def retold(rng: random.Random) -> str:
    """Two to four things of one kind, told in one form or in several."""
    task = rng.choice([task for task in all_tasks() if _tellable(task)])
    told = [_tell(rng, task, rng.choice(task.items)) for _ in range(rng.randint(2, 4))]
    return rng.choice((" ", "\n", "\n\n")).join(told)


def introduced(rng: random.Random) -> str:
    """One to three friendly words or letters, each introduced as a story would."""
    return " ".join(_introduce(rng) for _ in range(rng.randint(1, 3)))


def _introduce(rng: random.Random) -> str:
    task = rng.choice([task for task in all_tasks() if _AS_SPEECH.keys() & forms(task.family)])
    form = rng.choice([form for form in forms(task.family) if form in _AS_SPEECH])
    writer, reader = rng.sample(document("letters")["names"], 2)
    names = {"writer": writer, "reader": reader}
    text = rng.choice(answers(task, rng.choice(task.items), form, names))
    return rng.choice(_AS_SPEECH[form]).format(name=writer, text=text)


def _tell(rng: random.Random, task: Task, item: Item) -> str:
    text = rng.choice(answers(task, item, rng.choice(_tellable(task))))
    # A summary and a translation mean nothing without their text, a review without its words.
    needs_text = task.family in {"summary", "french", "sentiment", "topic"}
    return f"{item.input} {text}" if needs_text else text


def _tellable(task: Task) -> tuple[str, ...]:
    return tuple(form for form in forms(task.family) if form not in _ASKED_FOR)
