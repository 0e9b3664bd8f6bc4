"""All matrices at once: as a map, and ranked by how much they changed.

Map and ranking show the same matrix under their cursors. In a narrow view only the pane that has
the focus is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Resize

from analysis.table import Cell
from app.views.changes.atlas import ChangesAtlas, Ranked, percent
from app.views.changes.text import ends_text
from app.widgets.number_map import WIDEST, NumberMap
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Row, Rows

BESIDE_FROM = 120
"""From this width on both panes are there."""

_PANES = ("map", "ranking")
_LABELS, _FRAME = 12, 2
_WORDS = 200
"""Cells of words that are asked for; the table cuts them to its width."""


class ChangesOverview(Horizontal):
    """Both panes; the map's cursor says which matrix is looked at."""

    def __init__(self, follow: Callable[[], None], *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        """Args: called when the user moves to another matrix; plain ASCII; the widget's id."""
        super().__init__(id=id)
        self._ascii, self._follow = ascii_only, follow
        self._ranked: Sequence[Ranked] = ()
        self._pane = _PANES[0]
        # The ranking begins with its first row, until the user moves.
        self._moved = False

    def compose(self) -> ComposeResult:
        yield NumberMap(ascii_only=self._ascii, follow=lambda _: self._map_moved(), id="map")
        yield TableList(
            ascii_only=self._ascii,
            follow=self._ranking_moved,
            empty=" no matrix yet",
            filters=False,
            id="ranking",
        )

    def on_mount(self) -> None:
        self._choose(self._pane)

    @property
    def map(self) -> NumberMap:
        return self.query_one(NumberMap)

    @property
    def ranking(self) -> TableList:
        return self.query_one("#ranking", TableList)

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < BESIDE_FROM, "-narrow")
        self._fit()

    def show(self, atlas: ChangesAtlas) -> None:
        """Show what is compared so far."""
        self.map.show_numbers(atlas.numbers(ascii_only=self._ascii))
        self._ranked = atlas.ranked()
        what = "matrices" if atlas.matrices else "norms and biases"
        self.ranking.border_title = Text(f"{what} by change")
        rows = Rows.made(len(self._ranked), lambda index: self._cells(self._ranked[index]))
        row = self._rank_of_cursor() if self._moved else 0
        self.ranking.show_rows(self._columns(atlas), rows, row=row)
        self._fit()

    def begin_again(self, atlas: ChangesAtlas) -> None:
        """Show other tensors: from the first ranked, or on the map from the same layer."""
        on_map = self._pane == "map"
        row = self.map.cursor[0]
        ranked = atlas.ranked()
        there = [each.place for each in ranked if not on_map or each.place[0] == row]
        self._moved = on_map
        self.show(atlas)
        if there:
            self.go_to(*(min(there) if on_map else there[0]))

    @property
    def next_pane(self) -> str:
        """The name of the other pane than that which has the focus, or had it last."""
        return _PANES[1 - _PANES.index(self._pane)]

    def turn(self) -> None:
        """Go to the other pane."""
        self._choose(self.next_pane)
        self.focus_shown()
        if self._pane == "ranking":
            self._ranking_moved()

    def go_to(self, row: int, column: int) -> None:
        """Look at another matrix."""
        self.map.move_cursor(row, column)
        self._map_moved()

    def focus_shown(self) -> None:
        self.query_one(f"#{self._pane}").focus()

    def _choose(self, pane: str) -> None:
        self._pane = pane
        for each in _PANES:
            self.set_class(each == pane, f"-on-{each}")

    def _fit(self) -> None:
        """Give the map the room that its columns need, or all of a narrow view."""
        if self.has_class("-narrow"):
            self.map.styles.width = "1fr"
            return
        wanted = _LABELS + _FRAME + WIDEST // 2 * self.map.map.shape[1]
        self.map.styles.width = max(40, min(wanted, self.size.width // 2))

    def _columns(self, atlas: ChangesAtlas) -> list[Column]:
        columns = [
            Column("layer", missing="outside"),
            Column("matrix" if atlas.matrices else "vector", least=8),
            Column("% changed", lambda cell: percent(_number(cell), self._ascii), "accent"),
        ]
        if atlas.matrices:
            columns += [
                Column("effective rank", "{:,.1f}".format),
                Column("90 % in"),
                Column("of", style="dim"),
                Column("first direction", style="dim", least=10, harmless=True),
            ]
        return columns

    def _cells(self, ranked: Ranked) -> Row:
        change = ranked.change
        known = ranked.layer, change.role, change.relative
        found = change.directions
        if not change.is_matrix:
            return known
        if found is None:
            return (*known, None, None, min(change.shape), "")
        words = "  ".join(ends_text(found, 0, _WORDS, ascii_only=self._ascii) if found.side else ())
        return (*known, found.effective_rank, found.holding, min(change.shape), words)

    def _rank_of_cursor(self) -> int | None:
        place = self.map.cursor
        return next((n for n, each in enumerate(self._ranked) if each.place == place), None)

    def _map_moved(self) -> None:
        self._moved = True
        rank = self._rank_of_cursor()
        if rank is not None:
            self.ranking.move_to_row(rank)
        self._follow()

    def _ranking_moved(self) -> None:
        rank = self.ranking.row_number
        if rank is None or rank >= len(self._ranked):
            return
        place = self._ranked[rank].place
        # While rows are shown the cursor of the map decides.
        if self._pane == "ranking" and place != self.map.cursor:
            self._moved = True
            self.map.move_cursor(*place)
            self._follow()


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0
