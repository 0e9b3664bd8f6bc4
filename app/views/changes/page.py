"""A matrix's change: its directions with their words; and the directions found by a word."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from analysis.changes.result import Directions, TensorChange
from analysis.changes.tables import shares
from app.terminal.text import pad
from app.views.changes.atlas import ChangesAtlas, WordPlace, row_name
from app.views.changes.text import ends_text, measures, title
from app.widgets.item_list import FollowedList, FoundList, ItemList
from app.widgets.lines import Line, Lines

_NUMBERS = 30
_SCROLLBAR = 1


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
        yield Lines(id="columns", classes="columns")
        yield FollowedList(self._line, self._show_ends, empty=" no directions", id="directions")
        yield Lines(id="ends")

    @property
    def items(self) -> ItemList:
        return self.query_one("#directions", ItemList)

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
        self.items.show(len(self._shares), cursor=cursor)
        self._show_columns()
        self._show_ends()

    def on_resize(self, event: Resize) -> None:
        self._show_columns()
        self._show_ends()

    @property
    def _directions(self) -> Directions | None:
        return None if self._change is None else self._change.directions

    def _show_columns(self) -> None:
        found = self._directions
        heading = f"{'#':>4}{'σ':>10}{'share %':>8}{'sum %':>7} "
        if found is not None and found.side:
            heading += f"what it {found.side}, by the {found.embeddings} embeddings"
        elif found is not None:
            heading += "neither side is the hidden state: no words"
        self.query_one("#columns", Lines).show([(heading, "dim")])

    def _show_ends(self) -> None:
        """Both ends of the direction under the cursor, with cosines."""
        found, width = self._directions, self.size.width - 2
        lines: list[Line] = []
        if found is not None and found.side and self.items.count:
            ends = ends_text(found, self.items.cursor, width, ascii_only=self._ascii, cosines=True)
            lines = [[(each, "")] for each in ends]
        self.query_one("#ends", Lines).show(*lines)

    def _line(self, index: int, width: int) -> Line:
        found = self._directions
        assert found is not None
        mark = " " if found.settled[index] else "~"
        together = 100 * min(1.0, sum(self._shares[: index + 1]))
        parts = [
            (f"{mark}{index:>3}", ""),
            (f"{found.singular_values[index]:>10.4g}", ""),
            (f"{100 * self._shares[index]:>8.2f}", "accent"),
            (f"{together:>7.1f} ", "dim"),
        ]
        if found.side:
            room = (width - _NUMBERS - _SCROLLBAR) // 2
            plus, minus = ends_text(found, index, room, ascii_only=self._ascii)
            parts += [(f"{pad(plus, max(0, room))} ", ""), (minus, "dim")]
        return parts


class FoundDirections(FoundList[WordPlace]):
    """One line a direction: its place, and the words of the end where the word is."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(self._line, ascii_only=ascii_only, id=id)
        self._atlas = ChangesAtlas(0)

    def show_places(self, word: str, places: list[WordPlace], atlas: ChangesAtlas) -> None:
        """List the places of a word among these layers' directions."""
        self._atlas = atlas
        self.list_places(word, places, f"{len(places)} directions of {len(atlas.layers)} parts")

    def _line(self, index: int, width: int) -> Line:
        place = self.places[index]
        layer = self._atlas.row(place.row)
        change = None if layer is None else layer.of(place.role)
        assert change is not None
        assert change.directions is not None
        where = f"{row_name(self._atlas.places[place.row]):>10} · {place.role:<14}"
        cosine = abs(change.directions.cosines[place.direction, place.end, place.rank])
        number = (
            f" direction {place.direction:>2} {change.directions.side:<6} "
            f"no. {place.rank + 1:>2} {cosine:.2f}  "
        )
        room = width - len(where) - len(number)
        ends = ends_text(change.directions, place.direction, room, ascii_only=self._ascii)
        return [(where, ""), (number, "dim"), (ends[place.end], "")]
