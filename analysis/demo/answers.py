"""What follows an instruction: the acceptable answers to a task about an item, in every form.

The templates are in `world/answers.toml`. A form, such as a reason, a list or a letter, is what an
instruction asks for besides its task; a family of phrasings answers in some of them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from string import Formatter
from types import MappingProxyType

from analysis.demo.categories import Item
from analysis.demo.tasks import Task
from analysis.demo.world import capitalise, document

Lists = Mapping[str, Sequence[str]]

NAMELESS: Mapping[str, str] = MappingProxyType({"writer": "", "reader": ""})


def forms(family: str) -> tuple[str, ...]:
    """The forms that a family can be answered in; without a clause the first is meant."""
    return tuple(document("answers")[family]["forms"])


@cache
def clauses(form: str, *, held_out: bool = False) -> tuple[str, ...]:
    """The unfilled clauses that ask for a form: those for tuning, or the held-out ones.

    None for a form that only phrasings ask for, such as an e-mail.
    """
    text = resources.files("analysis.demo.prompts").joinpath("forms.toml").read_text("utf-8")
    by_form: Mapping[str, Mapping[str, list[str]]] = tomllib.loads(text)
    return tuple(by_form.get(form, {}).get("held_out" if held_out else "tuning", ()))


def answers(
    task: Task, item: Item, form: str, names: Mapping[str, str] = NAMELESS
) -> tuple[str, ...]:
    """Every acceptable answer, each once, in the order of the templates.

    Args:
        task: What is asked.
        item: What it is asked about.
        form: One of `forms(task.family)`.
        names: The slots of the clause, `writer` and `reader`, for answers that are letters.

    Raises:
        KeyError: if the family has no such form or a template has a slot that nothing fills.
    """
    if form not in forms(task.family):
        raise KeyError(f"{task.family} has no form {form!r}")
    return said(task, item, form, names)


def said(task: Task, item: Item, part: str, names: Mapping[str, str] = NAMELESS) -> tuple[str, ...]:
    """The texts of one list of the family (``core``, ``more``, a form …); none if it has no such.

    Raises:
        KeyError: if a template has a slot that nothing fills.
    """
    lists: Lists = {**document("answers")["common"], **document("answers")[task.family]}
    slots = {**task.slots, **item.slots, **names, "answer": item.response}
    slots |= {"Answer": capitalise(item.response), "Input": capitalise(item.input)}
    found = [text for template in lists.get(part, ()) for text in _written(template, lists, slots)]
    return tuple(dict.fromkeys(found))


def _written(template: str, lists: Lists, slots: Mapping[str, str]) -> list[str]:
    """The template with its slots filled, once for every choice among the lists it names."""
    found = [""]
    for text, name, _, _ in Formatter().parse(template):
        if name is None:
            options = [""]
        elif name in lists:
            options = [each for option in lists[name] for each in _written(option, lists, slots)]
        else:
            options = [slots[name]]
        found = [start + text + option for start in found for option in options]
    return found
