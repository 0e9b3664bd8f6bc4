"""Instructions as people meet them in texts: quoted, at the head of a document, on a worksheet.

They are drawn from the phrasings and clauses of the tuning, over all items, and never answered.
"""

from __future__ import annotations

import random

from analysis.demo.phrasings import Example, Layout, layouts, phrasings
from analysis.demo.tasks import Task, all_tasks
from analysis.demo.world import sentences
from analysis.demo_training.corpus.cast import Cast
from analysis.demo_training.form_choice import FormChoice

LONGEST_QUOTE = 80
"""Characters; people do not quote a whole passage with its task."""


def raw_prompt(rng: random.Random) -> str:
    """A whole prompt in any of its layouts, as a user would give it to a base model."""
    return _example(rng, rng.choice(all_tasks())).prompt


def quoted(rng: random.Random) -> str:
    """An instruction on one line, short enough for somebody to say it."""
    while True:
        example = _example(rng, rng.choice(all_tasks()))
        within = example.layout is Layout.WITHIN
        text = example.prompt if within else example.instruction_spans[0]
        if len(text) <= LONGEST_QUOTE and text[-1] in ".?!":
            return text


def sheet(rng: random.Random) -> str:
    """A worksheet of a few exercises of one kind, with a remark at its end."""
    cast = Cast(rng)
    task = rng.choice(all_tasks())
    parts = [_example(rng, task).prompt for _ in range(rng.randint(2, 3))]
    if rng.random() < 0.5:
        parts.insert(0, cast.say(rng.choice(sentences("sheet_titles"))))
    parts.append(cast.say(rng.choice(sentences("after_exercise"))))
    # One separator for the whole sheet, so its beginning predicts how it continues.
    return rng.choice(("\n", "\n\n")).join(parts)


def _example(rng: random.Random, task: Task) -> Example:
    phrasing = rng.choice(phrasings(task.family))
    form = FormChoice.drawn(rng, task)
    return form.render(task, rng.choice(task.items), phrasing, rng.choice(layouts(phrasing)))
