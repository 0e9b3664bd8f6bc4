"""Builds the instances of a task set that a model's tokenizer supports (METHODS 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from analysis.clustering.tasks.task_set import ClusterTask, prompt_of
from analysis.engine.tokenizing import tokenize_response
from analysis.problems import problem

MOST_INSTANCES = 50_000

UNSEEN = 5
"""One phrasing of a task in this many is unseen; the others are the training instances."""

_SHOWN = 8


@dataclass(frozen=True, eq=False)
class Instances:
    """All phrasings of all tasks with all mappings.

    Attributes:
        tasks: With the mappings that are used.
        task, phrasing, mapping: int32 [n] each, indices for each instance.
        notes: What was left out.
    """

    tasks: tuple[ClusterTask, ...]
    task: NDArray[np.int32]
    phrasing: NDArray[np.int32]
    mapping: NDArray[np.int32]
    notes: tuple[str, ...]

    def prompts(self) -> list[str]:
        """The text of every instance up to its output."""
        places = zip(self.task, self.phrasing, self.mapping, strict=True)
        return [
            prompt_of(self.tasks[task].phrasings[phrasing], self.tasks[task].mappings[mapping][0])
            for task, phrasing, mapping in places
        ]

    def outputs(self) -> NDArray[np.str_]:
        """[n] the correct answers."""
        places = zip(self.task, self.mapping, strict=True)
        return np.array([self.tasks[task].mappings[mapping][1] for task, mapping in places])

    def labels(self) -> tuple[NDArray[np.int64], ...]:
        """One int64 [n] for each of `task_set.LABELS`, in order."""
        identities = [task.identity for task in self.tasks]
        numbers = {identity: number for number, identity in enumerate(dict.fromkeys(identities))}
        identity = np.array([numbers[each] for each in identities], dtype=np.int64)[self.task]
        widest = max(len(task.mappings) for task in self.tasks)
        distribution = self.task.astype(np.int64)
        return identity, distribution, distribution * widest + self.mapping

    def sampled(self, count: int, seed: int) -> Instances:
        """A random sample of the instances in their original order; all if there are fewer.

        The notes say how many there were.
        """
        total = len(self.task)
        if total <= count:
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(total, count, replace=False))
        note = (
            f"t-SNE takes too long for {total:,} instances: all this is about {count:,} of them, "
            f"drawn at random with seed {seed}."
        )
        return replace(
            self,
            task=self.task[chosen],
            phrasing=self.phrasing[chosen],
            mapping=self.mapping[chosen],
            notes=(*self.notes, note),
        )

    def unseen(self) -> NDArray[np.bool_]:
        """bool [n]: the instances of every `UNSEEN`th phrasing of a task."""
        return np.equal(self.phrasing % UNSEEN, UNSEEN - 1)


def instances_of(
    tasks: Sequence[ClusterTask], tokenizer: PreTrainedTokenizerBase, mappings: int
) -> Instances:
    """All instances of the tasks, with mappings whose output is one token.

    Args:
        tasks: At least one.
        tokenizer: The model's.
        mappings: Maximum number per task; the first usable ones are taken.

    Raises:
        ProblemError: ``input`` if no output is one token, or there are too many instances.
    """
    kept: list[ClusterTask] = []
    left_out: list[str] = []
    notes: list[str] = []
    for task in tasks:
        usable: list[tuple[str, str]] = []
        for given, output in task.mappings:
            if len(usable) == mappings:
                break
            if is_one_token(tokenizer, output):
                usable.append((given, output))
            else:
                left_out.append(f"{output} ({task.name})")
        if usable:
            kept.append(msgspec.structs.replace(task, mappings=tuple(usable)))
        else:
            notes.append(f"{task.name} is left out: none of its answers is one token.")
    if not kept:
        raise problem(
            "input",
            "None of the answers is one token.",
            f"The model's tokenizer cuts each of them up: {_listed(left_out)}.",
            "Give answers that it has as one token, or choose a model for this language.",
        )
    if left_out:
        notes.append(f"Answers left out, being more than one token: {_listed(left_out)}.")
    places = [
        (number, phrasing, mapping)
        for number, task in enumerate(kept)
        for phrasing in range(len(task.phrasings))
        for mapping in range(len(task.mappings))
    ]
    if len(places) > MOST_INSTANCES:
        raise problem(
            "input",
            f"{len(places):,} instances are too many.",
            f"Every phrasing goes with every mapping; at most {MOST_INSTANCES:,} can be clustered.",
            "Give fewer tasks, phrasings or mappings.",
        )
    task, phrasing, mapping = np.ascontiguousarray(np.array(places, dtype=np.int32).T)
    return Instances(tuple(kept), task, phrasing, mapping, tuple(notes))


def is_one_token(tokenizer: PreTrainedTokenizerBase, word: str) -> bool:
    """Whether a word is one token after a space, or directly after other text."""
    return any(len(tokenize_response(tokenizer, text)) == 1 for text in (f" {word}", word))


def _listed(left_out: Sequence[str]) -> str:
    more = f" and {len(left_out) - _SHOWN} more" if len(left_out) > _SHOWN else ""
    return ", ".join(left_out[:_SHOWN]) + more
