"""Table 3: the share of changed heads in which a verb has more word pairs after tuning.

METHODS 2. For a verb and a group of layers: among the heads whose number of pairs with that verb
changed, the share in which it rose. One half is neutral. A head's pairs are those of its
explanation; as in every comparison they are unordered and case-folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.heads.result import HeadPairs
from analysis.statistics.effects import EFFECT_COLUMNS, Effect, effect_cells, hedges_g
from analysis.statistics.inference import Sample, welch_p_value
from analysis.table import Table
from analysis.words.verbs import INSTRUCTION_VERBS, general_verbs

GROUPS = 4
"""Number of equal-sized groups of layers."""

COLUMNS = (
    "layers",
    "heads",
    "instruction_verbs",
    "instruction_mean",
    "instruction_deviation",
    "general_verbs",
    "general_mean",
    "general_deviation",
    "p_value",
    *EFFECT_COLUMNS,
    "note",
)


@dataclass(frozen=True)
class VerbRow:
    """One group of layers.

    Attributes:
        first: Its first layer, from 0.
        last: Its last layer.
        heads: Number of compared heads, in the layers that are present.
        instruction: Shares of the instruction verbs that changed anywhere, 0 to 1.
        general: The same for the general verbs.
        p_value: Welch's t-test that the means differ, two-sided like the paper's values; None if
            undefined.
        effect: Hedges' g of instruction verbs against general ones; None if undefined.
        note: Why there is no p-value; empty if there is one.
    """

    first: int
    last: int
    heads: int
    instruction: Sample
    general: Sample
    p_value: float | None
    effect: Effect | None
    note: str


@dataclass(frozen=True)
class VerbTable:
    """Table 3: a row for each group of layers."""

    rows: tuple[VerbRow, ...]

    def table(self) -> Table:
        """All rows, unrounded; layers from 0."""
        return Table(
            COLUMNS,
            [
                (
                    layers_in_words(row.first, row.last),
                    row.heads,
                    *_cells(row.instruction),
                    *_cells(row.general),
                    row.p_value,
                    *effect_cells(row.effect),
                    row.note,
                )
                for row in self.rows
            ],
        )


@dataclass(frozen=True)
class VerbMovements:
    """In how many heads each verb gained and lost word pairs: the data behind Table 3.

    Attributes:
        groups: The first and the last layer of each of the G groups.
        heads: int64 [G], heads that were compared.
        verbs: The V verbs, instruction verbs first.
        instructions: How many of them are instruction verbs.
        rose: int64 [G, V], heads with more word pairs with the verb after tuning.
        fell: int64 [G, V], heads with fewer.
    """

    groups: tuple[tuple[int, int], ...]
    heads: NDArray[np.int64]
    verbs: tuple[str, ...]
    instructions: int
    rose: NDArray[np.int64]
    fell: NDArray[np.int64]

    def shares(self, group: int) -> tuple[list[float], list[float]]:
        """The shares of the verbs that changed anywhere in a group: instruction, general."""
        up, changed = self.rose[group], self.rose[group] + self.fell[group]
        instruction, general = (
            (up[part] / np.maximum(changed[part], 1))[changed[part] > 0].tolist()
            for part in (slice(self.instructions), slice(self.instructions, None))
        )
        return instruction, general

    def table(self) -> VerbTable:
        rows = []
        for index, (first, last) in enumerate(self.groups):
            samples = self.shares(index)
            p_value, note = _test(*samples)
            rows.append(
                VerbRow(
                    first,
                    last,
                    int(self.heads[index]),
                    Sample.of(samples[0]),
                    Sample.of(samples[1]),
                    p_value,
                    hedges_g(*samples),
                    note,
                )
            )
        return VerbTable(tuple(rows))


def verb_table(
    base: Sequence[HeadPairs],
    tuned: Sequence[HeadPairs],
    layers: int,
    instruction: Sequence[str] = INSTRUCTION_VERBS,
    general: Sequence[str] | None = None,
    groups: int = GROUPS,
) -> VerbTable:
    """Instruction verbs against general verbs by group of layers (Table 3).

    Arguments and errors are those of `verb_movements`.
    """
    return verb_movements(base, tuned, layers, instruction, general, groups).table()


def verb_movements(
    base: Sequence[HeadPairs],
    tuned: Sequence[HeadPairs],
    layers: int,
    instruction: Sequence[str] = INSTRUCTION_VERBS,
    general: Sequence[str] | None = None,
    groups: int = GROUPS,
) -> VerbMovements:
    """In how many heads of each group of layers every verb gained and lost pairs.

    Args:
        base: Any layers of the base model, each once.
        tuned: The same layers of the tuned model in the same order.
        layers: L, the model's number of layers, which determines the groups.
        instruction: The instruction verbs.
        general: The verbs to compare them with; None for `general_verbs`, without these.
        groups: How many groups of layers, of equal size.

    Raises:
        ValueError: Base and tuned differ in layers or number of heads.
    """
    if [(each.layer, each.heads) for each in base] != [(each.layer, each.heads) for each in tuned]:
        raise ValueError("base and tuned are not the same layers")
    general = general_verbs(without=tuple(instruction)) if general is None else general
    verbs = (*instruction, *general)
    rose = np.zeros((layers, len(verbs)), dtype=np.int64)
    fell, heads = rose.copy(), np.zeros(layers, dtype=np.int64)
    for before, after in zip(base, tuned, strict=True):
        difference = verb_counts(after, verbs) - verb_counts(before, verbs)
        rose[after.layer] = (difference > 0).sum(axis=0)
        fell[after.layer] = (difference < 0).sum(axis=0)
        heads[after.layer] = after.heads
    parts = np.array_split(np.arange(layers), min(groups, layers))
    return VerbMovements(
        tuple((int(group[0]), int(group[-1])) for group in parts),
        np.array([heads[group].sum() for group in parts]),
        verbs,
        len(instruction),
        np.array([rose[group].sum(axis=0) for group in parts]),
        np.array([fell[group].sum(axis=0) for group in parts]),
    )


def layers_in_words(first: int, last: int) -> str:
    """A group of layers as shown in tables, from 0: "4-7", or "4" for a single one."""
    return f"{first}-{last}" if last > first else f"{first}"


def verb_counts(layer: HeadPairs, verbs: Sequence[str]) -> NDArray[np.int64]:
    """How many different word pairs of each head have each verb in them; int64 [H, verbs]."""
    places = {verb.casefold(): place for place, verb in enumerate(verbs)}
    folded = [word.casefold() for word in layer.words]
    ids = {word: number for number, word in enumerate(dict.fromkeys(folded))}
    numbers = np.array([ids[word] for word in folded], dtype=np.int64)
    sides = np.sort(np.stack([numbers[layer.first], numbers[layer.second]], axis=1), axis=1)
    head = np.repeat(np.arange(layer.heads), np.diff(layer.starts))
    different = np.unique(np.column_stack([head, sides]), axis=0)
    verb = np.array([places.get(word, -1) for word in ids], dtype=np.int64)
    counts = np.zeros((layer.heads, len(verbs)), dtype=np.int64)
    # A word pair of two cases of one word has that word once.
    for side, there in ((1, slice(None)), (2, different[:, 1] != different[:, 2])):
        rows = different[there]
        of = verb[rows[:, side]]
        np.add.at(counts, (rows[of >= 0, 0], of[of >= 0]), 1)
    return counts


def _test(instruction: list[float], general: list[float]) -> tuple[float | None, str]:
    """Two-sided p-value, or why there is none."""
    if min(len(instruction), len(general)) < 2:
        which = "instruction" if len(instruction) < 2 else "general"
        return None, f"fewer than two {which} verbs changed"
    one_sided = (welch_p_value(instruction, general), welch_p_value(general, instruction))
    known = [each for each in one_sided if each is not None]
    return (2 * min(known), "") if known else (None, "all shares are the same within both groups")


def _cells(sample: Sample) -> tuple[int, float | None, float | None]:
    empty = sample.count == 0
    return sample.count, None if empty else sample.mean, None if empty else sample.deviation
