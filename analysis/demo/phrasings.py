"""Renders a task and an item as a prompt, in many phrasings and layouts of the instruction."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from analysis.demo.answers import NAMELESS, answers, forms
from analysis.demo.categories import Item
from analysis.demo.tasks import Task

INPUT = "{input}"


class Layout(StrEnum):
    """Where the input goes relative to an instruction that does not contain it."""

    LINES = "lines"
    COLON = "colon"
    FIELDS = "fields"
    BEFORE = "before"
    WITHIN = "within"
    """The phrasing contains the input."""


FREE_LAYOUTS = (Layout.LINES, Layout.COLON, Layout.FIELDS, Layout.BEFORE)


@dataclass(frozen=True)
class Example:
    """A prompt, as the user types it, with the responses that count as following it.

    `item` is the key of what is asked for; `phrasing` and `clause` are before their slots are
    filled, and the clause, empty for none, asks for the form. `instruction_spans` are substrings of
    `prompt`, in order; the rest is input or scaffolding.
    """

    task: str
    category: str
    item: str
    phrasing: str
    clause: str
    layout: Layout
    form: str
    prompt: str
    instruction_spans: tuple[str, ...]
    references: tuple[str, ...]


@cache
def phrasings(family: str, *, held_out: bool = False) -> tuple[str, ...]:
    """The unfilled phrasings of a family: those for tuning, or the held-out ones."""
    text = resources.files("analysis.demo.prompts").joinpath("phrasings.toml").read_text("utf-8")
    families: Mapping[str, Mapping[str, list[str]]] = tomllib.loads(text)
    return tuple(families[family]["held_out" if held_out else "tuning"])


def layouts(phrasing: str) -> tuple[Layout, ...]:
    """The layouts that a phrasing can be rendered in."""
    return (Layout.WITHIN,) if INPUT in phrasing else FREE_LAYOUTS


def render(
    task: Task,
    item: Item,
    phrasing: str,
    layout: Layout,
    *,
    form: str = "",
    clause: str = "",
    names: Mapping[str, str] = NAMELESS,
) -> Example:
    """The prompt of `task` about `item`, with its acceptable answers.

    Args:
        task: What is asked.
        item: What it is asked about.
        phrasing: One of the task's family, unfilled.
        layout: One of `layouts(phrasing)`.
        form: The form of the answers; empty for the one that is meant without a clause.
        clause: What asks for the form, unfilled; empty if the phrasing alone does.
        names: Fills `writer` and `reader` in the clause and the answers.

    Raises:
        ValueError: if the phrasing has no such layout.
    """
    if layout not in layouts(phrasing):
        raise ValueError(f"the phrasing {phrasing!r} has no layout {layout.value!r}")
    form = form or forms(task.family)[0]
    slots = {**task.slots, **item.slots, **names}
    # An instruction of two sentences, such as "Name the capital. Answer in one word."
    asked = f"{phrasing} {clause}".strip()
    if layout is Layout.WITHIN:
        prompt = asked.format(**slots)
        pieces = [piece.format(**slots).lstrip(" ?.!,").strip() for piece in asked.split(INPUT)]
        # Nobody would mark a lone "?" after the input as an instruction.
        spans = [piece for piece in pieces if any(map(str.isalnum, piece))] or [prompt]
    else:
        instruction = asked.format(**slots)
        if layout is Layout.COLON:
            instruction = instruction.rstrip(".?:")
        spans = [instruction]
        prompt = _arrange(instruction, item.input, layout)
    return Example(
        task=task.name,
        category=task.category,
        item=item.key,
        phrasing=phrasing,
        clause=clause,
        layout=layout,
        form=form,
        prompt=prompt,
        instruction_spans=tuple(spans),
        references=answers(task, item, form, names),
    )


def _arrange(instruction: str, given: str, layout: Layout) -> str:
    match layout:
        case Layout.LINES:
            return f"{instruction}\n{given}"
        case Layout.COLON:
            return f"{instruction}: {given}"
        case Layout.FIELDS:
            return f"{instruction}\n\nInput: {given}\n\nOutput:"
        case _:
            return f"{given}\n\n{instruction}"
