"""What makes a token likelier: parts of both models that add to its logit, and neurons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical

from analysis.contributions.result import Contributions
from analysis.contributions.tables import tokens_in
from analysis.table import Cell
from app.terminal.text import prose, visible
from app.widgets.lines import Line, Lines
from app.widgets.scale import change_style
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Rows

Both = tuple[Contributions, Contributions]

_HEAD = "head "
_FEED_FORWARD = "feed-forward"


@dataclass(frozen=True)
class PartRow:
    """A part of the models: what it adds in base and tuned; NaN where that is not known."""

    layer: int | None
    part: str
    base: float
    tuned: float

    @property
    def change(self) -> float:
        """Tuned minus base."""
        return self.tuned - self.base

    @property
    def weight(self) -> float:
        """What it is ranked by: the size of the change, or of what only one model has."""
        return abs(
            self.tuned
            if np.isnan(self.base)
            else self.base
            if np.isnan(self.tuned)
            else self.change
        )

    @property
    def head(self) -> int | None:
        """The head's number; None for what is none."""
        return int(self.part.removeprefix(_HEAD)) if self.part.startswith(_HEAD) else None

    @property
    def has_neurons(self) -> bool:
        """Whether it is a feed-forward network."""
        return self.part == _FEED_FORWARD

    def cells(self) -> tuple[Cell, ...]:
        numbers = (self.base, self.tuned, self.change)
        return self.layer, self.part, *(None if np.isnan(each) else each for each in numbers)


@dataclass(frozen=True)
class NeuronRow:
    """A neuron of a layer, in the model of a side (0 base, 1 tuned)."""

    side: int
    layer: int
    neuron: int
    activation: float
    contribution: float


def words_of(prompt: str) -> list[tuple[str, tuple[int, int]]]:
    """The words of a prompt, with their characters."""
    return [(found.group(), found.span()) for found in re.finditer(r"\S+", prompt)]


def part_rows(both: Both, word: tuple[int, int] | None) -> list[PartRow]:
    """What every part adds, the largest change first.

    Args:
        both: Base and tuned.
        word: Characters of the prompt: then only heads, and what they add by attending to it.
    """
    if word is None:
        base, tuned = (
            {(layer, part): value for layer, part, value in each.direct.rows()} for each in both
        )
        # Models of one tokenizer may be built differently.
        places = dict.fromkeys((*base, *tuned))
        rows = [PartRow(*at, base.get(at, np.nan), tuned.get(at, np.nan)) for at in places]
    else:
        added = []
        for each in both:
            sources = tokens_in(each.prompt_tokens, [word])
            added.append(each.words[:, :, sources].sum(axis=2))
        rows = [
            PartRow(int(layer), f"{_HEAD}{head}", *(_cell(each, layer, head) for each in added))
            for layer, head in np.ndindex(*np.maximum(added[0].shape, added[1].shape))
        ]
        rows = [row for row in rows if not (np.isnan(row.base) and np.isnan(row.tuned))]
    return sorted(rows, key=lambda row: -row.weight)


def _cell(added: NDArray[np.float32], layer: int, head: int) -> float:
    """What a head adds; NaN where a model has no such head."""
    there = layer < added.shape[0] and head < added.shape[1]
    return float(added[layer, head]) if there else np.nan


def neuron_rows(both: Both, layer: int) -> list[NeuronRow]:
    """The neurons of a layer that add most, in either model, by falling |contribution|."""
    rows = [
        NeuronRow(
            side,
            layer,
            int(neuron),
            float(each.activations[layer, rank]),
            float(each.neuron_contributions[layer, rank]),
        )
        for side, each in enumerate(both)
        for rank, neuron in enumerate(each.neurons[layer] if layer < len(each.neurons) else ())
        if neuron >= 0
    ]
    return sorted(rows, key=lambda row: -abs(row.contribution))


def subject(both: Both, word: str, *, ascii_only: bool) -> str:
    """What is taken apart, and what it is in both models, in a harmless sentence."""
    base, tuned = both
    what = f"logit(“{visible(tuned.token_text, ascii_only=ascii_only)}”)"
    if tuned.rival is not None:
        what += f" − logit(“{visible(tuned.rival_text, ascii_only=ascii_only)}”)"
    said = f"{what} is {base.logit:+.2f} in base and {tuned.logit:+.2f} in tuned"
    if tuned.capped_logit is not None:
        said += ", before the soft cap"
    if word:
        said += f"; only what heads take from “{prose(word, ascii_only=ascii_only)}”"
    return prose(f"{said}.", ascii_only=ascii_only)


class PartsPage(Vertical):
    """Two tables of which one is shown: parts of the models, or neurons of one layer."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._parts: Sequence[PartRow] = ()
        self._neurons: Sequence[NeuronRow] = ()
        self.on_neurons = False

    def compose(self) -> ComposeResult:
        yield Lines(id="subject")
        yield TableList(ascii_only=self._ascii, empty=" nothing yet", id="parts")
        yield TableList(ascii_only=self._ascii, empty=" no neurons are known here", id="neurons")

    @property
    def table(self) -> TableList:
        """The table that is shown."""
        return self.query_one("#neurons" if self.on_neurons else "#parts", TableList)

    @property
    def part(self) -> PartRow | None:
        """The part under the cursor."""
        row = self.query_one("#parts", TableList).row_number
        return self._parts[row] if row is not None and row < len(self._parts) else None

    @property
    def neuron(self) -> NeuronRow | None:
        """The neuron under the cursor."""
        row = self.query_one("#neurons", TableList).row_number
        return self._neurons[row] if row is not None and row < len(self._neurons) else None

    def show_parts(self, said: str, rows: Sequence[PartRow], names: tuple[str, str]) -> None:
        self._parts = rows
        number = "{:+.3f}".format
        table = self.query_one("#parts", TableList)
        table.border_title = Text("parts, by what tuning changed · enter opens")
        table.show_rows(
            [
                Column("layer", missing="–"),
                Column("part", least=12),
                Column(names[0], number, harmless=True, missing="–"),
                Column(names[1], number, harmless=True, missing="–"),
                Column("change", number, change_style, missing="–"),
            ],
            Rows.made(len(rows), lambda index: rows[index].cells()),
        )
        self._turn(said, neurons=False)

    def show_neurons(self, said: str, rows: Sequence[NeuronRow], names: tuple[str, str]) -> None:
        self._neurons = rows
        number = "{:+.3f}".format
        table = self.query_one("#neurons", TableList)
        layer = rows[0].layer if rows else 0
        table.border_title = Text(f"layer {layer}: neurons by what they add · enter opens")
        table.show_rows(
            [
                Column("model", least=8, harmless=True),
                Column("neuron"),
                Column("activation", number),
                Column("adds", number, change_style),
            ],
            Rows.made(len(rows), lambda index: _neuron_cells(rows[index], names)),
        )
        self._turn(said, neurons=True)

    def _turn(self, said: str, *, neurons: bool) -> None:
        self.on_neurons = neurons
        self.set_class(neurons, "-neurons")
        line: Line = [(said, "strong")]
        self.query_one("#subject", Lines).show(line)


def _neuron_cells(row: NeuronRow, names: tuple[str, str]) -> tuple[Cell, ...]:
    return names[row.side], row.neuron, row.activation, row.contribution
