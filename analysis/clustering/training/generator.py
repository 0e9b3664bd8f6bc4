"""Generates the synthetic tasks from a seed: mappings, instructions, hard examples (METHODS 5)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.clustering.training.instances import Instance
from analysis.clustering.training.patterns import (
    INSTRUCTION_SYMBOLS,
    Grammar,
    random_grammar,
)
from analysis.clustering.training.settings import DataSettings

TASK_SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_TRIES = 200
"""Number of draws before giving up."""

Mapping = tuple[str, str]


@dataclass(frozen=True)
class Distribution:
    """A source of instructions, all distinct and in no other distribution; a regular expression.

    `originals` are the instructions that these were made from, if they are hard examples.
    """

    pattern: str
    instructions: tuple[str, ...]
    originals: tuple[str, ...] = ()


@dataclass(frozen=True)
class SyntheticTask:
    """A function of one symbol, and the ways to ask for it."""

    mappings: tuple[Mapping, ...]
    distributions: tuple[Distribution, ...]


def generate(settings: DataSettings, seed: int) -> list[Instance]:
    """All instances: every instruction of a task with every mapping.

    Our choices where the paper leaves something open: the two symbols of a mapping differ; an
    instruction is no shorter than the shortest argument of a metacharacter, and occurs once, so
    that a regular expression with few strings has fewer instructions; the hard examples of a
    distribution form a distribution of their own; the evaluated training subset consists of hard
    examples and of the instructions that they were made from (`_subset`).

    Args:
        settings: How much of everything.
        seed: The same seed gives the same instances.

    Raises:
        ValueError: The settings require more than their symbols allow.
    """
    rng = random.Random(seed)
    makers = _Maker(settings, rng)
    tasks = [makers.task() for _ in range(settings.tasks)]
    unseen = _unseen_instructions(settings, tasks, rng)
    sources: list[int] = []
    hard: list[SyntheticTask] = []
    for source in rng.sample(range(settings.tasks), settings.tasks):
        if len(hard) < settings.hard_tasks and makers.has_other_outputs(tasks[source]):
            sources.append(source)
            hard.append(makers.hard_task(tasks[source], unseen))
    if len(hard) < settings.hard_tasks:
        raise ValueError(f"{settings.task_symbols} task symbols are too few")
    others = [task for number, task in enumerate(tasks) if number not in sources]
    subset = _subset(settings.subset_tasks, hard, rng.sample(others, len(others)))
    return list(_instances([*tasks, *hard], unseen, unseen | subset))


class _Maker:
    """Makes tasks and tracks what two tasks must not share."""

    def __init__(self, settings: DataSettings, rng: random.Random) -> None:
        self._settings, self._rng = settings, rng
        self._instructions: set[str] = set()
        symbols = TASK_SYMBOLS[: settings.task_symbols]
        # For each input, the outputs not yet used by any task.
        self._free = {given: set(symbols) - {given} for given in symbols}

    def task(self) -> SyntheticTask:
        settings, rng = self._settings, self._rng
        inputs = [given for given, outputs in self._free.items() if outputs]
        if len(inputs) < settings.mappings:
            raise ValueError(f"{settings.task_symbols} task symbols are too few")
        mappings = self._mappings(rng.sample(inputs, settings.mappings))
        count = rng.randint(settings.min_distributions, settings.max_distributions)
        return SyntheticTask(mappings, tuple(self._distribution() for _ in range(count)))

    def has_other_outputs(self, source: SyntheticTask) -> bool:
        """Whether every input of a task still has an output that no task uses."""
        return all(self._free[given] for given, _ in source.mappings)

    def hard_task(self, source: SyntheticTask, unseen: set[str]) -> SyntheticTask:
        """A task with another's inputs and other outputs; one symbol per instruction replaced."""
        mappings = self._mappings([given for given, _ in source.mappings])
        return SyntheticTask(
            mappings, tuple(self._altered(each, unseen) for each in source.distributions)
        )

    def _mappings(self, inputs: list[str]) -> tuple[Mapping, ...]:
        found = []
        for given in inputs:
            output = self._rng.choice(sorted(self._free[given]))
            self._free[given].remove(output)
            found.append((given, output))
        return tuple(found)

    def _distribution(self) -> Distribution:
        for _ in range(_TRIES):
            grammar = random_grammar(self._settings, self._rng)
            instructions = self._drawn(grammar)
            if len(instructions) >= self._settings.fewest_instructions:
                self._instructions.update(instructions)
                return Distribution(grammar.pattern, tuple(instructions))
        raise self._too_few_symbols()

    def _drawn(self, grammar: Grammar) -> list[str]:
        """The new instructions that the draws yield, no more than required."""
        found: list[str] = []
        for _ in range(self._settings.draws):
            text = grammar.draw(self._rng)
            new = text not in self._instructions and text not in found
            if new and len(text) >= self._settings.min_characters:
                found.append(text)
            if len(found) == self._settings.instructions:
                break
        return found

    def _altered(self, source: Distribution, unseen: set[str]) -> Distribution:
        seen = [text for text in source.instructions if text not in unseen]
        originals = self._rng.sample(seen, min(self._settings.hard_instructions, len(seen)))
        altered = tuple(self._with_one_symbol_replaced(text) for text in originals)
        return Distribution(source.pattern, altered, tuple(originals))

    def _with_one_symbol_replaced(self, text: str) -> str:
        symbols = INSTRUCTION_SYMBOLS[: self._settings.instruction_symbols]
        for _ in range(_TRIES):
            place = self._rng.randrange(len(text))
            other = self._rng.choice([each for each in symbols if each != text[place]])
            found = text[:place] + other + text[place + 1 :]
            if found not in self._instructions:
                self._instructions.add(found)
                return found
        raise self._too_few_symbols()

    def _too_few_symbols(self) -> ValueError:
        return ValueError(f"{self._settings.instruction_symbols} instruction symbols are too few")


def _unseen_instructions(
    settings: DataSettings, tasks: list[SyntheticTask], rng: random.Random
) -> set[str]:
    """The instructions withheld from training, a few of every distribution of some tasks."""
    return {
        text
        for task in rng.sample(tasks, settings.validation_tasks)
        for each in task.distributions
        for text in rng.sample(
            each.instructions, min(settings.validation_instructions, len(each.instructions) - 1)
        )
    }


def _subset(count: int, hard: list[SyntheticTask], others: list[SyntheticTask]) -> set[str]:
    """The instructions of as many tasks as `count`, for the evaluated training subset.

    The paper's has five tasks and "contains both the hard examples and their original examples":
    by turns a task of hard examples, and of the task that it was made from the originals. If more
    tasks are wanted than that, whole other tasks follow.
    """
    of_tasks: list[set[str]] = []
    for made in hard:
        of_tasks.append({text for each in made.distributions for text in each.instructions})
        of_tasks.append({text for each in made.distributions for text in each.originals})
    of_tasks += [
        {text for one in task.distributions for text in one.instructions} for task in others
    ]
    return set().union(*of_tasks[:count])


def _instances(
    tasks: list[SyntheticTask], unseen: set[str], evaluated: set[str]
) -> Iterator[Instance]:
    distribution = -1
    mapping = 0
    for number, task in enumerate(tasks):
        for source in task.distributions:
            distribution += 1
            originals = source.originals or (None,) * len(source.instructions)
            for text, original in zip(source.instructions, originals, strict=True):
                for offset, (given, output) in enumerate(task.mappings):
                    yield Instance(
                        instruction=text,
                        input=given,
                        output=output,
                        task=number,
                        distribution=distribution,
                        mapping=mapping + offset,
                        pattern=source.pattern,
                        original=original,
                        split="validation" if text in unseen else "training",
                        evaluated=text in evaluated,
                    )
        mapping += len(task.mappings)
