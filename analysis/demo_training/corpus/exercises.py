"""Questions and instructions that are continued, not answered: sheets, tests, homework."""

from __future__ import annotations

import random

from analysis.demo.phrasings import Example, Layout, layouts, phrasings, render
from analysis.demo.tasks import Task, all_tasks
from analysis.demo.world import document, sentences


def sheet(rng: random.Random) -> str:
    """A list of exercises, sometimes with a title, never with a solution."""
    parts = []
    if rng.random() < 0.25:
        parts.append(_remark(rng, "sheet_titles"))
    task = rng.choice(all_tasks())
    for _ in range(rng.randint(2, 5)):
        if rng.random() < 0.5:
            task = rng.choice(all_tasks())
        parts.append(_exercise(rng, task))
        if rng.random() < 0.4:
            parts.append(_remark(rng, "after_exercise"))
    # One separator for the whole sheet, so its beginning predicts how it continues.
    return rng.choice(("\n", "\n\n", " ")).join(parts)


def instruction(rng: random.Random) -> str:
    """An instruction on one line, as someone would quote it."""
    example = _example(rng, rng.choice(all_tasks()))
    return example.prompt if example.layout is Layout.WITHIN else example.instruction_spans[0]


def _exercise(rng: random.Random, task: Task) -> str:
    """An exercise; in the layout with fields, several inputs follow, each with an empty output."""
    example = _example(rng, task)
    if example.layout is not Layout.FIELDS:
        return example.prompt
    more = [rng.choice(task.items).input for _ in range(rng.randint(1, 3))]
    return "\n\n".join([example.prompt, *(f"Input: {given}\n\nOutput:" for given in more)])


def _example(rng: random.Random, task: Task) -> Example:
    phrasing = rng.choice(phrasings(task.family))
    return render(task, rng.choice(task.items), phrasing, rng.choice(layouts(phrasing)))


def _remark(rng: random.Random, kind: str) -> str:
    summaries = document("summaries")
    name = rng.choice(document("letters")["names"])
    return rng.choice(sentences(kind)).format(name=name, day=rng.choice(summaries["days"]))
