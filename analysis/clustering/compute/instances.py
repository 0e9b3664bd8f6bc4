"""Builds the instances of a task set, and tells whose output is one token (METHODS 5)."""

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

_LONGER = "Outputs of several tokens, which count for all but the neighbours' accuracy"
_SHOWN = 8


@dataclass(frozen=True, eq=False)
class Instances:
    """All phrasings of all tasks with all mappings.

    Attributes:
        tasks: With the mappings that are used.
        task, phrasing, mapping: int32 [n] each, indices for each instance.
        one_token: bool [n], the output is one token of the model's.
        notes: What the reader should know of them.
    """

    tasks: tuple[ClusterTask, ...]
    task: NDArray[np.int32]
    phrasing: NDArray[np.int32]
    mapping: NDArray[np.int32]
    one_token: NDArray[np.bool_]
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
            one_token=self.one_token[chosen],
            notes=(*self.notes, note),
        )

    def unseen(self) -> NDArray[np.bool_]:
        """bool [n]: the instances of every `UNSEEN`th phrasing of a task."""
        return np.equal(self.phrasing % UNSEEN, UNSEEN - 1)


def instances_of(
    tasks: Sequence[ClusterTask], tokenizer: PreTrainedTokenizerBase, mappings: int
) -> Instances:
    """All instances of the tasks: every phrasing with each of the first mappings.

    The states do not depend on the outputs. Those of several tokens matter only where an output
    is predicted, so they are named in a note and marked in `Instances.one_token`.

    Args:
        tasks: At least one.
        tokenizer: The model's.
        mappings: Maximum number per task; the first ones are taken.

    Raises:
        ProblemError: ``input`` if there are too many instances.
    """
    kept = [msgspec.structs.replace(task, mappings=task.mappings[:mappings]) for task in tasks]
    one_token = [[is_one_token(tokenizer, output) for _, output in task.mappings] for task in kept]
    longer = [
        f"{output} ({task.name})"
        for task, fits in zip(kept, one_token, strict=True)
        for (_, output), one in zip(task.mappings, fits, strict=True)
        if not one
    ]
    notes = (f"{_LONGER}: {_listed(longer)}.",) if longer else ()
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
    of_places = np.array([one_token[place[0]][place[2]] for place in places])
    return Instances(tuple(kept), task, phrasing, mapping, of_places, notes)


def is_one_token(tokenizer: PreTrainedTokenizerBase, word: str) -> bool:
    """Whether a word is one token after a space, or directly after other text."""
    return any(len(tokenize_response(tokenizer, text)) == 1 for text in (f" {word}", word))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
