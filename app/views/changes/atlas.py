"""The layers compared so far: the numbers of the map, and the places of a word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.changes.request import OUTSIDE
from analysis.changes.result import LayerChanges, TensorChange
from analysis.table import Cell, Table
from app.terminal.text import prose
from app.widgets.head_map import levels_of
from app.widgets.number_map import Numbers

_SHORT = {
    "query_key_value": "qkv",
    "output": "out",
    "gate_up": "gate+up",
    "embeddings": "embed",
    "positions": "pos",
    "input_layernorm": "norm 1",
    "post_attention_layernorm": "norm 2",
}
"""Names for columns that are narrow on a small screen."""


@dataclass(frozen=True)
class WordPlace:
    """A direction with a word at one of its ends.

    Attributes:
        row: Of the map.
        role: The matrix.
        direction: From 0.
        end: 0 or 1.
        rank: The word's place at that end, from 0.
    """

    row: int
    role: str
    direction: int
    end: int
    rank: int


class Ranked(NamedTuple):
    """A tensor in the ranking: its place on the map, its layer (None outside), its change."""

    place: tuple[int, int]
    layer: int | None
    change: TensorChange


PLACE_COLUMNS = ("word", "layer", "tensor", "direction", "end", "rank", "cosine")


class ChangesAtlas:
    """The layers and what stands outside of them, each a row of the map; holds no widgets."""

    def __init__(self, layers: int) -> None:
        self.places = (*range(layers), OUTSIDE)
        self._rows: dict[int, LayerChanges] = {}
        self.matrices = True

    @property
    def layers(self) -> list[LayerChanges]:
        """What is there, in the order of the rows."""
        return [self._rows[row] for row in sorted(self._rows)]

    def add(self, row: int, found: LayerChanges) -> None:
        self._rows[row] = found

    def row(self, row: int) -> LayerChanges | None:
        """What a row shows; None if it is not computed yet."""
        return self._rows.get(row)

    @property
    def columns(self) -> list[str]:
        """The roles of all matrices, or of all vectors, those of the layers first."""
        return list(
            dict.fromkeys(
                change.role
                for found in self.layers
                for change in found.tensors
                if change.is_matrix == self.matrices
            )
        )

    def cell(self, row: int, column: int) -> TensorChange | None:
        """The tensor of a cell; None if there is none, or not yet."""
        found, columns = self.row(row), self.columns
        return found.of(columns[column]) if found and column < len(columns) else None

    def ranked(self) -> list[Ranked]:
        """What the map shows, by falling relative change; tensors that were zero come first."""
        columns = {role: number for number, role in enumerate(self.columns)}
        found = [
            Ranked(
                (row, columns[change.role]),
                None if layer.layer == OUTSIDE else layer.layer,
                change,
            )
            for row, layer in sorted(self._rows.items())
            for change in layer.tensors
            if change.is_matrix == self.matrices
        ]
        return sorted(found, key=lambda each: -each.change.relative)

    def largest(self) -> float:
        """The largest relative change of what is shown, leaving out tensors that were zero."""
        values = [
            change.relative
            for found in self.layers
            for change in found.tensors
            if change.is_matrix == self.matrices and math.isfinite(change.relative)
        ]
        return max(values, default=0.0)

    def numbers(self, *, ascii_only: bool = False) -> Numbers:
        """The map: relative changes in percent, lightest the largest of them."""
        columns, largest = self.columns, self.largest()
        missing = "?" if ascii_only else "╌"
        values = np.full((len(self.places), len(columns)), np.nan)
        texts = [[missing] * len(columns) for _ in self.places]
        for row, found in self._rows.items():
            for column, role in enumerate(columns):
                change = found.of(role)
                texts[row][column] = "" if change is None else percent(change.relative, ascii_only)
                if change is not None and largest:
                    values[row, column] = min(1.0, change.relative / largest)
        return Numbers(
            [row_name(place) for place in self.places],
            [short_name(each, ascii_only=ascii_only) for each in columns],
            levels_of(values),
            texts,
        )

    def find(self, word: str) -> list[WordPlace]:
        """The directions with a word among those at an end, ignoring case; best first."""
        sought = word.casefold()
        found = []
        for row, layer in sorted(self._rows.items()):
            for change in layer.tensors:
                kept = change.directions
                if kept is None or not kept.side:
                    continue
                for direction in range(len(kept.settled)):
                    for end, words in enumerate(kept.ends(direction)):
                        rank = _place(words, sought)
                        if rank is not None:
                            found.append(WordPlace(row, change.role, direction, end, rank))
        return sorted(found, key=lambda each: (each.direction + each.rank, each.row, each.role))

    def places_table(self, word: str, places: Sequence[WordPlace]) -> Table:
        """The directions that `find` found for a word, as they are listed; ranks count from 1."""
        rows: list[tuple[Cell, ...]] = []
        for place in places:
            layer = self._rows[place.row]
            change = layer.of(place.role)
            assert change is not None
            assert change.directions is not None
            cosine = change.directions.cosines[place.direction, place.end, place.rank]
            number = None if layer.layer == OUTSIDE else layer.layer
            where = (number, place.role, place.direction, "+-"[place.end], place.rank + 1)
            rows.append((word, *where, float(cosine)))
        return Table(PLACE_COLUMNS, rows)


def row_name(layer: int) -> str:
    return "outside" if layer == OUTSIDE else f"layer {layer}"


def short_name(role: str, *, ascii_only: bool) -> str:
    """The name of a column, harmless."""
    group, _, name = role.rpartition(".")
    short = _SHORT.get(role) or _SHORT.get(name, name)
    if group in ("experts", "shared"):
        short = f"{group[0]}.{short}"
    elif name == "bias":
        short = f"{_SHORT.get(group, group)}.b"
    return prose(short, ascii_only=ascii_only)


def percent(relative: float, ascii_only: bool = False) -> str:
    """A relative change in percent, in at most five characters; 0 only if nothing changed."""
    value = 100 * relative
    if not value:
        return "0"
    if not math.isfinite(value):
        return "inf" if ascii_only else "∞"
    if value < 0.005:
        return "<0.01"
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}" if value < 99999 else f"{value:.0e}"


def _place(words: Sequence[str], sought: str) -> int | None:
    return next((n for n, word in enumerate(words) if word.casefold() == sought), None)
