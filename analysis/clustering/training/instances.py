"""Instances of the synthetic tasks, with their labels and subsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Split = Literal["training", "validation"]

SPLITS: tuple[Split, ...] = ("training", "validation")
"""The evaluated instances: the training subset, and instances with unseen instructions."""

LABELS = ("task", "distribution", "distribution-mapping")


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """[instruction; input; output] with the origin of each. A line of ``data.jsonl``.

    Attributes:
        instruction: The instruction, one character per symbol.
        input, output: One symbol each.
        task: Index of the task; those made from hard examples come last.
        distribution: Index of the distribution that the instruction is drawn from, over all tasks.
        mapping: Index of the mapping, over all tasks.
        pattern: The distribution's regular expression; a hard example need not match it.
        original: The instruction that a hard example was made from; None for others.
        split: Whether the model trains on it.
        evaluated: Whether its state is clustered.
    """

    instruction: str
    input: str
    output: str
    task: int
    distribution: int
    mapping: int
    pattern: str
    original: str | None
    split: Split
    evaluated: bool


def set_sizes(instances: Sequence[Instance]) -> dict[str, int]:
    """The number of instances in each set of the paper's Table 2."""
    training = [each for each in instances if each.split == "training"]
    return {
        "training": len(training),
        "training subset": sum(each.evaluated for each in training),
        "validation": len(instances) - len(training),
    }


def label_arrays(instances: Sequence[Instance]) -> dict[str, NDArray[np.int64]]:
    """The labels of `LABELS`, int64 [n] each."""
    table = np.array(
        [(each.task, each.distribution, each.mapping) for each in instances], dtype=np.int64
    ).reshape(-1, 3)
    mappings = int(table[:, 2].max(initial=0)) + 1
    return {
        "task": table[:, 0],
        "distribution": table[:, 1],
        "distribution-mapping": table[:, 1] * mappings + table[:, 2],
    }
