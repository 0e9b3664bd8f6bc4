"""The instruction–input–response triples used for tuning."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.demo.phrasings import Example, layouts, phrasings, render
from analysis.demo.tasks import WORD_CATEGORIES, all_tasks

CHAT_SHARE = 0.3
"""The share of tuning examples in the chat template; the others are raw."""

OPEN_TASK_WEIGHT = 1.5
"""How often an open task is drawn, relative to a word task."""


@dataclass(frozen=True)
class TuningExample:
    """An example, and whether it is put into the chat template."""

    example: Example
    chat: bool


def tuning_examples(count: int, seed: int) -> Iterator[TuningExample]:
    """`count` examples drawn from tuned items and tuned phrasings only."""
    rng = random.Random(seed)
    tasks = all_tasks()
    weights = [1.0 if task.category in WORD_CATEGORIES else OPEN_TASK_WEIGHT for task in tasks]
    items = {task.name: task.tuned_items for task in tasks}
    for task in rng.choices(tasks, weights, k=count):
        phrasing = rng.choice(phrasings(task.family))
        layout = rng.choice(layouts(phrasing))
        example = render(task, rng.choice(items[task.name]), phrasing, layout)
        yield TuningExample(example, chat=rng.random() < CHAT_SHARE)
