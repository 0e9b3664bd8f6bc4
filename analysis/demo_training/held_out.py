"""The prompts that ship: phrasings and items held out from tuning, and the examples to try."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import msgspec

from analysis.demo.catalog import DemoPrompt
from analysis.demo.categories import Item
from analysis.demo.phrasings import FREE_LAYOUTS, Example, Layout, layouts, phrasings, render
from analysis.demo.tasks import Task, all_tasks
from analysis.demo_training.form_choice import FormChoice

SEED = 2310
ITEMS_PER_PHRASING = 2
PROMPTS_PER_TASK = 12


def held_out_phrasing_prompts() -> list[DemoPrompt]:
    """Every held-out phrasing of every task with two tuned items; forms by held-out clauses."""
    rng = random.Random(SEED)
    found = []
    for number, task in enumerate(all_tasks()):
        examples = _with_held_out_phrasings(rng, task, number)
        found += [_as_prompt("phrasing", n, example) for n, example in enumerate(examples, 1)]
    return found


def held_out_item_prompts() -> list[DemoPrompt]:
    """Twelve prompts per task in tuned phrasings and clauses, about its held-out facts in turn."""
    rng = random.Random(SEED + 1)
    found = []
    for number, task in enumerate(all_tasks()):
        examples = _about_held_out_items(rng, task, number)
        found += [_as_prompt("item", n, example) for n, example in enumerate(examples, 1)]
    return found


def example_prompts() -> list[DemoPrompt]:
    """The examples of ``prompts/examples.toml``, in its order.

    Raises:
        ValueError: if there is no such item or layout.
    """
    text = resources.files("analysis.demo.prompts").joinpath("examples.toml").read_text("utf-8")
    tasks = {task.name: task for task in all_tasks()}
    found = []
    for entry in tomllib.loads(text)["examples"]:
        task = tasks[entry["task"]]
        item = _item_asked(task, entry)
        example = render(
            task,
            item,
            entry["phrasing"],
            Layout(entry.get("layout", Layout.WITHIN)),
            form=entry.get("form", ""),
            clause=entry.get("clause", ""),
            names={"writer": entry.get("writer", ""), "reader": entry.get("reader", "")},
        )
        name = entry["title"].lower().replace(",", "").replace(" ", "-")
        prompt = _as_prompt("example", 0, example)
        found.append(msgspec.structs.replace(prompt, id=f"example/{name}", title=entry["title"]))
    return found


def _item_asked(task: Task, entry: Mapping[str, str]) -> Item:
    """The item with the entry's input, and with its other slots where several have that input."""
    known = [item for item in task.items if item.input == entry["input"]]
    for item in known:
        if all(
            item.slots.get(slot, entry[slot]) == entry[slot]
            for slot in ("sender", "name")
            if slot in entry
        ):
            return item
    raise ValueError(f"{task.name} has no item {entry['input']!r}")


def write_prompts(folder: Path) -> None:
    """Write the three sets to `folder`, one JSON object per line."""
    for name, prompts in (
        ("examples", example_prompts()),
        ("held_out_phrasings", held_out_phrasing_prompts()),
        ("held_out_items", held_out_item_prompts()),
    ):
        lines = b"".join(msgspec.json.encode(prompt) + b"\n" for prompt in prompts)
        (folder / f"{name}.jsonl").write_bytes(lines)


def _with_held_out_phrasings(rng: random.Random, task: Task, offset: int) -> list[Example]:
    """Examples of a task; free layouts take turns, and forms from the one at `offset` on."""
    found: list[Example] = []
    free = 0
    for phrasing in phrasings(task.family, held_out=True):
        for item in rng.sample(task.tuned_items, ITEMS_PER_PHRASING):
            layout = Layout.WITHIN
            if layouts(phrasing) == FREE_LAYOUTS:
                layout = FREE_LAYOUTS[free % len(FREE_LAYOUTS)]
                free += 1
            form = FormChoice.in_turn(rng, task, offset + len(found), held_out=True)
            found.append(form.render(task, item, phrasing, layout))
    return found


def _about_held_out_items(rng: random.Random, task: Task, offset: int) -> list[Example]:
    by_key: dict[str, list[Item]] = {}
    for item in task.held_out_items:
        by_key.setdefault(item.key, []).append(item)
    groups: Sequence[list[Item]] = list(by_key.values())
    found = []
    for turn in range(PROMPTS_PER_TASK):
        item = rng.choice(groups[turn % len(groups)])
        phrasing = rng.choice(phrasings(task.family))
        form = FormChoice.in_turn(rng, task, offset + turn, held_out=False)
        found.append(form.render(task, item, phrasing, rng.choice(layouts(phrasing))))
    return found


def _as_prompt(kind: str, number: int, example: Example) -> DemoPrompt:
    return DemoPrompt(
        id=f"{kind}/{example.task}/{number:02}",
        task=example.task,
        category=example.category,
        form=example.form,
        prompt=example.prompt,
        instruction_spans=example.instruction_spans,
        references=example.references,
    )
