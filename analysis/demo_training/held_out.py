"""The evaluation prompts: phrasings and items held out from tuning."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec

from analysis.demo.catalog import DemoPrompt
from analysis.demo.categories import Item
from analysis.demo.phrasings import (
    FREE_LAYOUTS,
    Example,
    Layout,
    layouts,
    phrasings,
    render,
)
from analysis.demo.tasks import Task, all_tasks

SEED = 2310
ITEMS_PER_PHRASING = 2
PROMPTS_PER_TASK = 12


def held_out_phrasing_prompts() -> list[DemoPrompt]:
    """Every held-out phrasing of every task, each with two tuned items."""
    rng = random.Random(SEED)
    found = []
    for task in all_tasks():
        examples = _with_held_out_phrasings(rng, task)
        found += [_as_prompt("phrasing", n, example) for n, example in enumerate(examples, 1)]
    return found


def held_out_item_prompts() -> list[DemoPrompt]:
    """Twelve prompts per task in tuned phrasings, cycling through its held-out facts."""
    rng = random.Random(SEED + 1)
    found = []
    for task in all_tasks():
        examples = _about_held_out_items(rng, task)
        found += [_as_prompt("item", n, example) for n, example in enumerate(examples, 1)]
    return found


def write_prompts(folder: Path) -> None:
    """Write both sets to `folder`, one JSON object per line."""
    for name, prompts in (
        ("held_out_phrasings", held_out_phrasing_prompts()),
        ("held_out_items", held_out_item_prompts()),
    ):
        lines = b"".join(msgspec.json.encode(prompt) + b"\n" for prompt in prompts)
        (folder / f"{name}.jsonl").write_bytes(lines)


def _with_held_out_phrasings(rng: random.Random, task: Task) -> list[Example]:
    """Examples of a task; phrasings with a free layout cycle through the layouts."""
    found: list[Example] = []
    free = 0
    for phrasing in phrasings(task.family, held_out=True):
        for item in rng.sample(task.tuned_items, ITEMS_PER_PHRASING):
            layout = Layout.WITHIN
            if layouts(phrasing) == FREE_LAYOUTS:
                layout = FREE_LAYOUTS[free % len(FREE_LAYOUTS)]
                free += 1
            found.append(render(task, item, phrasing, layout))
    return found


def _about_held_out_items(rng: random.Random, task: Task) -> list[Example]:
    by_key: dict[str, list[Item]] = {}
    for item in task.held_out_items:
        by_key.setdefault(item.key, []).append(item)
    groups: Sequence[list[Item]] = list(by_key.values())
    found = []
    for turn in range(PROMPTS_PER_TASK):
        item = rng.choice(groups[turn % len(groups)])
        phrasing = rng.choice(phrasings(task.family))
        found.append(render(task, item, phrasing, rng.choice(layouts(phrasing))))
    return found


def _as_prompt(kind: str, number: int, example: Example) -> DemoPrompt:
    return DemoPrompt(
        id=f"{kind}/{example.task}/{number:02}",
        task=example.task,
        category=example.category,
        prompt=example.prompt,
        instruction_spans=example.instruction_spans,
        reference=example.response,
    )
