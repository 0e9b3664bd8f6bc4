"""A matrix's change: its directions with their words; and the directions found by a word."""

from __future__ import annotations

from itertools import accumulate

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from analysis.changes.request import OUTSIDE
from analysis.changes.result import Directions, TensorChange
from analysis.changes.tables import shares
from analysis.table import Cell
from app.views.changes.atlas import ChangesAtlas, WordPlace, row_name
from app.views.changes.text import ends_text, measures, title
from app.widgets.found_list import FoundList
from app.widgets.lines import Line, Lines
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Row, Rows

_WORDS = 400
"""Cells of words that are asked for; the table cuts them to its width."""


class MatrixPage(Vertical):
    """One line a direction, by falling singular value."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._change: TensorChange | None = None
        self._shares: list[float] = []
        self._leads = ""

    def compose(self) -> ComposeResult:
        yield Lines(id="matrix")
        yield TableList(
            ascii_only=self._ascii,
            follow=self._show_ends,
            empty=" no directions",
            filters=False,
            id="directions",
        )
        yield Lines(id="ends")

    @property
    def items(self) -> TableList:
        return self.query_one("#directions", TableList)

    def show(self, layer: int, change: TensorChange | None, leads: str, *, cursor: int) -> None:
        """Show a tensor, None if there is none or not yet; `leads` says where Enter goes."""
        self._change, self._leads = change, leads
        self._shares = [] if change is None else shares(change)
        lines: list[Line] = [[(f"{row_name(layer)} · not computed yet", "dim")], []]
        if change is not None:
            lines = [
                [(title(layer, change), "strong"), (f" · {leads}" if leads else "", "dim")],
                [(measures(change, ascii_only=self._ascii), "accent")],
            ]
        self.query_one("#matrix", Lines).show(*lines)
        together = [min(1.0, sum_) for sum_ in accumulate(self._shares)]
        rows = Rows.made(len(self._shares), lambda index: self._cells(index, together[index]))
        self.items.show_rows(self._columns(), rows, row=cursor)
        self._show_ends()

    def on_resize(self, event: Resize) -> None:
        self._show_ends()

    @property
    def _directions(self) -> Directions | None:
        return None if self._change is None else self._change.directions

    def _columns(self) -> list[Column]:
        found = self._directions
        columns = [
            Column("#", self._number_text),
            Column("σ"),
            Column("share %", "{:.2f}".format, "accent"),
            Column("sum %", "{:.1f}".format, "dim"),
        ]
        if found is not None and found.side:
            heading = f"what it {found.side}, by the {found.embeddings} embeddings"
            columns += [
                Column(heading, least=10, harmless=True),
                Column("opposite end", style="dim", least=10, harmless=True),
            ]
        return columns

    def _number_text(self, number: Cell) -> str:
        """A direction's number, marked if it is not settled."""
        found = self._directions
        assert found is not None
        assert isinstance(number, int)
        return f"{'' if found.settled[number] else '~'}{number}"

    def _cells(self, index: int, together: float) -> Row:
        found = self._directions
        assert found is not None
        sigma = float(found.singular_values[index])
        numbers = index, sigma, 100 * self._shares[index], 100 * together
        if not found.side:
            return numbers
        return *numbers, *ends_text(found, index, _WORDS, ascii_only=self._ascii)

    def _show_ends(self) -> None:
        """Both ends of the direction under the cursor, with cosines."""
        found, width = self._directions, self.size.width - 2
        lines: list[Line] = []
        number = self.items.row_number
        if found is not None and not found.side:
            lines = [[("neither side is the hidden state: no words", "dim")]]
        elif found is not None and number is not None:
            ends = ends_text(found, number, width, ascii_only=self._ascii, cosines=True)
            lines = [[(each, "")] for each in ends]
        self.query_one("#ends", Lines).show(*lines)


class FoundDirections(FoundList[WordPlace]):
    """One line a direction: its place, and the words of the end where the word is."""

    COLUMNS = (
        Column("layer", missing="outside"),
        Column("matrix", least=8),
        Column("direction"),
        Column("side", style="dim"),
        Column("no.", style="dim"),
        Column("cos", "{:.2f}".format, "dim"),
        Column("words", least=12, harmless=True),
    )

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(ascii_only=ascii_only, id=id)
        self._atlas = ChangesAtlas(0)

    def show_places(self, word: str, places: list[WordPlace], atlas: ChangesAtlas) -> None:
        """List the places of a word among these layers' directions."""
        self._atlas = atlas
        count = f"{len(places)} direction{'' if len(places) == 1 else 's'}"
        self.list_places(word, places, f"{count} of {len(atlas.layers)} parts")

    def row_of(self, place: WordPlace) -> Row:
        layer = self._atlas.row(place.row)
        change = None if layer is None else layer.of(place.role)
        assert change is not None
        assert change.directions is not None
        number = self._atlas.places[place.row]
        cosine = abs(float(change.directions.cosines[place.direction, place.end, place.rank]))
        ends = ends_text(change.directions, place.direction, _WORDS, ascii_only=self._ascii)
        return (
            None if number == OUTSIDE else number,
            place.role,
            place.direction,
            change.directions.side,
            place.rank + 1,
            cosine,
            ends[place.end],
        )
