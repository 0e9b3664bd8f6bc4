"""The sixteen tasks of the natural setting (METHODS 5): true facts and our own sentences.

Tasks and facts come from the demo pair's world, limited to single words; the phrasings are the demo
pair's and about as many more, so that there are about fifty per task.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from itertools import cycle, zip_longest
from pathlib import Path

from analysis.clustering.tasks.task_set import INPUT, ClusterTask, TaskSet
from analysis.demo.answers import clauses
from analysis.demo.phrasings import phrasings
from analysis.demo.tasks import WORD_CATEGORIES, Task, all_tasks

Mapping = tuple[str, str]


@cache
def natural_tasks() -> TaskSet:
    """Translation, linguistic and knowledge tasks, each with about 50 phrasings.

    Mappings alternate between outputs, so that a task's first ten contain as many outputs as
    possible. The past perfect is reduced to its participle: with "had" it would be two words.
    """
    more = tomllib.loads((Path(__file__).parent / "natural.toml").read_text("utf-8"))
    found: list[ClusterTask] = []
    for task in all_tasks():
        if task.category in WORD_CATEGORIES:
            own = more["mappings"].get(task.name)
            mappings = [(given, out) for given, out in own] if own else _single_words(task)
            asked = _asked(task, more["phrasings"][task.family])
            found.append(ClusterTask(task.name, asked, _alternating(mappings), task.category))
    return TaskSet("natural", tuple(found))


def _asked(task: Task, more: Iterable[str]) -> tuple[str, ...]:
    """Every phrasing that can be followed by the input, with its slots filled.

    Each asks for a single word, by the clauses in turn: the setting's outputs are words, and a
    model may well answer a bare question with a sentence.
    """
    known = (*phrasings(task.family), *phrasings(task.family, held_out=True))
    unfilled = dict.fromkeys([*(each for each in known if INPUT not in each), *more])
    asking = cycle((*clauses("word"), *clauses("word", held_out=True)))
    return tuple(
        f"{each} {clause}".format(**task.slots)
        for each, clause in zip(unfilled, asking, strict=False)
    )


def _single_words(task: Task) -> list[Mapping]:
    """The items of a task whose input and output are one word each; inputs are unique."""
    found: dict[str, str] = {}
    for item in task.items:
        given, output = item.slots["input"], item.response.removeprefix("had ")
        if " " not in given and " " not in output:
            found.setdefault(given, output)
    return list(found.items())


def _alternating(mappings: Iterable[Mapping]) -> tuple[Mapping, ...]:
    """A mapping to every output in turn, then the second of every output, and so on."""
    by_output: dict[str, list[Mapping]] = {}
    for mapping in mappings:
        by_output.setdefault(mapping[1], []).append(mapping)
    rounds = zip_longest(*by_output.values())
    return tuple(mapping for each in rounds for mapping in each if mapping is not None)
