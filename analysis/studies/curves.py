"""Curves over the steps of a training run, made of the tables of a study at every step.

Which columns are numbers to follow, and which tell the rows apart, is read off the tables, so that
a new study has curves without saying how.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from analysis.studies.findings import Figure, NamedTable, Series
from analysis.table import Cell

STEP = "step"
"""The first column of a table by step."""

MOST_ROWS = 12
"""Of a table with more rows a step there is a curve of their mean, not one of each."""
MOST_COLUMNS = 4
"""Columns of a table that are drawn; the table has all."""

Label: TypeAlias = int | str

# Numbers that tell rows apart, and numbers about numbers.
_PLACES = ("table", "layer", "expert", "head", "component", "neuron", "neuron_pair", "k", "place")
_ASIDE = ("p_value", "p_holm", "p_bh", "low", "high", "error", "deviation", "count", "seed")
_KEYS_OF_MEANS = ("model", "unit", "units")
_DEVIATION = "deviation"

_Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class StepTable:
    """A table of one step.

    Attributes:
        label: The step.
        named: The table.
        roles: What the models' names, which change with the step, stand for.
    """

    label: Label
    named: NamedTable
    roles: Mapping[str, str]

    def rows(self) -> list[tuple[Cell, ...]]:
        """Its rows, with the models called by their roles."""
        return [tuple(map(self._called, row)) for row in self.named.table]

    def _called(self, cell: Cell) -> Cell:
        if not isinstance(cell, str):
            return cell
        for name, role in self.roles.items():
            if cell in (name, f"{name} ({role})"):
                return role
        return cell


def curves(steps: Sequence[StepTable]) -> list[Figure]:
    """A figure for each column that can be followed over the steps, a line for each row.

    A row is known again by its first columns, up to the one that tells all rows of a step apart. A
    table of more than `MOST_ROWS` a step is followed by the means of its fractional columns, a line
    a model. Columns that never change, p-values and ends of intervals are left out, and of the
    others all after the first `MOST_COLUMNS`; of a single line, a deviation is the band.

    Args:
        steps: The table of one name at each step that has it, in order; at least one.
    """
    if len(steps) < 2:
        return []
    columns = steps[0].named.table.columns
    if any(each.named.table.columns != columns for each in steps):
        return []
    rows = [each.rows() for each in steps]
    if not all(rows):
        return []
    whole = max(map(len, rows)) <= MOST_ROWS
    keyed = _keyed(columns, rows) if whole else _means(columns, rows)
    if keyed is None:
        return []
    key, values = keyed
    figures: list[Figure] = []
    for column in _followed(columns, key, values, fractions=not whole):
        lines = tuple(_lines(steps, columns, column, values))
        moving = any(len({y for y in line.y if y is not None}) > 1 for line in lines)
        if moving and len(figures) < MOST_COLUMNS:
            figures.append(_figure(steps[0].named, column, lines, mean=not whole))
    return figures


def headline(labels: Sequence[Label], figures: Sequence[Figure]) -> Iterator[str]:
    """What moves most in the first of these figures that says so, in a sentence."""
    for figure in figures:
        ends = [
            (line.name, line.y[0], line.y[-1])
            for line in figure.series
            if line.y and line.y[0] is not None and line.y[-1] is not None
        ]
        if ends:
            name, first, last = max(ends, key=lambda end: abs((end[2] or 0) - (end[1] or 0)))
            yield (
                f"From step {labels[0]} to step {labels[-1]}, the {figure.y_label} of {name} goes "
                f"from {first:.4g} to {last:.4g}."
            )
            return
    if not figures:
        yield "None of the numbers that have curves changes from step to step."


_Values: TypeAlias = list[dict[_Key, tuple[Cell, ...]]]


def _keyed(
    columns: Sequence[str], rows: Sequence[Sequence[tuple[Cell, ...]]]
) -> tuple[tuple[int, ...], _Values] | None:
    """The fewest first columns that tell the rows of every step apart, and the rows by them."""
    candidates = [
        place
        for place, name in enumerate(columns)
        if name in _PLACES or any(isinstance(row[place], str) for at in rows for row in at)
    ]
    for count in range(1, len(candidates) + 1):
        key = tuple(candidates[:count])
        values = [{_key(columns, row, key): row for row in at} for at in rows]
        if all(len(found) == len(at) for found, at in zip(values, rows, strict=True)):
            # What no two steps have in common is no name.
            common = set(values[0]).intersection(*values[1:])
            return (key, values) if common else None
    if all(len(at) == 1 for at in rows):
        return (), [{(): at[0]} for at in rows]
    return None


def _means(
    columns: Sequence[str], rows: Sequence[Sequence[tuple[Cell, ...]]]
) -> tuple[tuple[int, ...], _Values]:
    """The means of all columns of numbers, of each model where a column names it."""
    key = tuple(place for place, name in enumerate(columns) if name in _KEYS_OF_MEANS)[:1]
    values: _Values = []
    for at in rows:
        groups: dict[_Key, list[tuple[Cell, ...]]] = {}
        for row in at:
            groups.setdefault(_key(columns, row, key), []).append(row)
        values.append(
            {
                name: tuple(_mean([row[place] for row in group]) for place in range(len(columns)))
                for name, group in groups.items()
            }
        )
    return key, values


def _mean(cells: Sequence[Cell]) -> Cell:
    """The mean of fractions; None of anything else."""
    numbers = [each for each in cells if each is not None]
    if not numbers or not all(isinstance(each, float) for each in numbers):
        return None
    return sum(float(each) for each in numbers) / len(numbers)


def _key(columns: Sequence[str], row: Sequence[Cell], places: Sequence[int]) -> _Key:
    """The cells there in words: a number with its column's name before it."""
    return tuple(
        ""
        if row[place] is None
        else f"{columns[place].replace('_', ' ')} {row[place]}"
        if columns[place] in _PLACES
        else str(row[place])
        for place in places
    )


def _followed(
    columns: Sequence[str], key: Sequence[int], values: _Values, *, fractions: bool
) -> Iterator[str]:
    """Columns of numbers, fractions before counts."""
    counts = []
    for place, name in enumerate(columns):
        aside = name in _ASIDE or name.split("_")[-1] in _ASIDE
        if place in key or aside or (fractions and name in _PLACES):
            continue
        cells = [row[place] for at in values for row in at.values() if row[place] is not None]
        if not cells or not all(_is_number(each) for each in cells):
            continue
        if any(isinstance(each, float) for each in cells):
            yield name
        else:
            counts.append(name)
    yield from counts


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _lines(
    steps: Sequence[StepTable], columns: Sequence[str], column: str, values: _Values
) -> Iterator[Series]:
    place, spread = columns.index(column), _spread_of(columns, column)
    group = _group_of(columns, column)
    labels = tuple(
        float(each.label) if isinstance(each.label, int) else each.label for each in steps
    )
    keys = list(dict.fromkeys(key for at in values for key in at))
    # The bands of several lines would hide them.
    spread = None if len(keys) > 1 else spread
    for key in keys:
        y = tuple(_number(at.get(key), place) for at in values)
        band = () if spread is None else tuple(_number(at.get(key), spread) for at in values)
        if any(each is not None for each in y):
            named = key if group is None else (*key, *_key(columns, _first(values, key), (group,)))
            name = " · ".join(dict.fromkeys(filter(None, named)))
            yield Series(name or "all", labels, y, band)


def _first(values: _Values, key: _Key) -> tuple[Cell, ...]:
    return next(at[key] for at in values if key in at)


def _group_of(columns: Sequence[str], column: str) -> int | None:
    """The column that says whose number it is, where rows compare a group with another."""
    name = "other_group" if column.startswith("other_") else "group"
    return columns.index(name) if name in columns else None


def _spread_of(columns: Sequence[str], column: str) -> int | None:
    """The column of a mean's deviation, if there is one."""
    words = column.split("_")
    if words[-1] != "mean":
        return None
    name = "_".join((*words[:-1], _DEVIATION))
    return columns.index(name) if name in columns else None


def _number(row: Sequence[Cell] | None, place: int) -> float | None:
    cell = None if row is None else row[place]
    return float(cell) if isinstance(cell, int | float) and math.isfinite(cell) else None


def _figure(named: NamedTable, column: str, lines: tuple[Series, ...], *, mean: bool) -> Figure:
    words = column.replace("_", " ")
    label = f"mean {words}" if mean and "mean" not in words.split() else words
    return Figure(
        f"curve-{named.name}-{column.replace('_', '-')}",
        f"{named.title}: {label} by step",
        STEP,
        label,
        lines,
    )
