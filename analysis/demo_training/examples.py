"""The tuning set: prompts in all forms, each with one of its acceptable answers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.demo.phrasings import Example, layouts, phrasings
from analysis.demo.tasks import WORD_CATEGORIES, all_tasks
from analysis.demo_training.form_choice import FormChoice

CHAT_SHARE = 0.3
"""The share of tuning examples that come in the chat template instead of raw."""

OPEN_TASK_WEIGHT = 1.5
"""How often an open task is drawn for one draw of a word task."""


@dataclass(frozen=True)
class TuningExample:
    """An example, the answer to learn, and whether the chat template is put around them."""

    example: Example
    response: str
    chat: bool


def tuning_examples(count: int, seed: int) -> Iterator[TuningExample]:
    """`count` examples drawn from tuned items, tuned phrasings and tuned clauses only."""
    rng = random.Random(seed)
    tasks = all_tasks()
    weights = [1.0 if task.category in WORD_CATEGORIES else OPEN_TASK_WEIGHT for task in tasks]
    items = {task.name: task.tuned_items for task in tasks}
    for task in rng.choices(tasks, weights, k=count):
        phrasing = rng.choice(phrasings(task.family))
        layout = rng.choice(layouts(phrasing))
        form = FormChoice.drawn(rng, task)
        example = form.render(task, rng.choice(items[task.name]), phrasing, layout)
        # Several answers to one prompt leave the model with a choice, as people's answers would.
        response = rng.choice(example.references)
        yield TuningExample(example, response, chat=rng.random() < CHAT_SHARE)
