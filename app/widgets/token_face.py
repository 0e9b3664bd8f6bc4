"""The base of the three faces of a saliency map: shared data, one cursor, one message."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView

from app.terminal.colours import LEVELS, Palette, palette_for, palette_of
from app.terminal.key_by_key import KeyByKeyApp

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from textual.events import Click

MARK = "▌"
"""Marks rows of instruction sentences."""

TEMPLATE = "┄"
"""Marks rows of tokens that the user did not write."""

Cell = tuple[int, int]
"""A row (prompt token) and a column (response token), from 0."""


@dataclass(frozen=True, eq=False)
class TokenMap:
    """Plain data of one map: R prompt tokens by C response tokens.

    Labels are exact token texts; the widgets make them harmless.
    """

    row_labels: Sequence[str] = ()
    column_labels: Sequence[str] = ()
    levels: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    """uint8 [R, C], 0..10."""
    density: NDArray[np.float64] | None = None
    """float64 [R], 0..1."""
    totals: NDArray[np.uint8] | None = None
    """uint8 [R], 0..10: the level of each whole row."""
    marked: NDArray[np.bool_] | None = None
    """bool [R]: rows of instruction sentences."""
    special: NDArray[np.bool_] | None = None
    """bool [R]: rows of tokens that the user did not write."""
    gaps: NDArray[np.bool_] | None = None
    """bool [R]: rows that exist only in the other model."""
    missing: NDArray[np.bool_] | None = None
    """bool [R, C]: cells not computed yet."""
    negative: NDArray[np.bool_] | None = None
    """bool [R, C]: cells whose level is a number below zero; None if there can be none."""
    negative_totals: NDArray[np.bool_] | None = None
    """bool [R]: whole rows whose level is a number below zero; None if there can be none."""

    def __post_init__(self) -> None:
        rows, columns = self.shape
        for name, array, shape in (
            ("levels", self.levels, (rows, columns)),
            ("density", self.density, (rows,)),
            ("totals", self.totals, (rows,)),
            ("marked", self.marked, (rows,)),
            ("special", self.special, (rows,)),
            ("gaps", self.gaps, (rows,)),
            ("missing", self.missing, (rows, columns)),
            ("negative", self.negative, (rows, columns)),
            ("negative_totals", self.negative_totals, (rows,)),
        ):
            if array is not None and array.shape != shape:
                raise ValueError(f"{name} has the shape {array.shape}, the labels ask for {shape}")
        if self.levels.size and self.levels.max() >= LEVELS:
            raise ValueError(f"levels go up to {LEVELS - 1}, not {self.levels.max()}")

    @property
    def shape(self) -> Cell:
        """Number of rows and columns."""
        return len(self.row_labels), len(self.column_labels)

    def is_marked(self, row: int) -> bool:
        """Whether a row belongs to an instruction."""
        return self.marked is not None and bool(self.marked[row])

    def mark(self, *rows: int) -> str:
        """What stands before these rows: that of an instruction, of a template, or a space."""
        if any(self.is_marked(row) for row in rows):
            return MARK
        special = self.special is not None and any(self.special[row] for row in rows)
        return TEMPLATE if special else " "

    def is_gap(self, row: int) -> bool:
        """Whether a row exists only in the other model."""
        return self.gaps is not None and bool(self.gaps[row])

    def is_blank(self, row: int, column: int) -> bool:
        """Whether a cell has no level: it is missing, or in a gap."""
        return self.is_gap(row) or (self.missing is not None and bool(self.missing[row, column]))

    def is_negative(self, row: int, column: int) -> bool:
        """Whether a cell's level is a number below zero."""
        return self.negative is not None and bool(self.negative[row, column])

    def total(self, row: int) -> int:
        """The level of a whole row; 0 if unknown."""
        return 0 if self.totals is None else int(self.totals[row])

    def blank(self) -> NDArray[np.bool_]:
        """bool [R, C]: cells without a level, because they are missing or in a gap row."""
        blank = np.zeros(self.shape, dtype=np.bool_) if self.missing is None else self.missing
        return blank if self.gaps is None else blank | self.gaps[:, None]

    @cached_property
    def blank_columns(self) -> NDArray[np.bool_]:
        """bool [C]: columns without any level yet."""
        if self.missing is None:
            return np.zeros(self.shape[1], dtype=np.bool_)
        return np.asarray(self.blank().all(axis=0), dtype=np.bool_)

    def changed_since(self, before: TokenMap) -> NDArray[np.bool_]:
        """bool [R, C]: cells that look different from an older state of the same map."""
        changed = (self.levels != before.levels) | (self.blank() != before.blank())
        if self.negative is not None and before.negative is not None:
            changed |= self.negative != before.negative
        return np.asarray(changed, dtype=np.bool_)


def _same(before: NDArray[np.uint8] | None, after: NDArray[np.uint8] | None) -> bool:
    if before is None or after is None:
        return before is after
    return np.array_equal(before, after)


class TokenFace(ScrollView, can_focus=True):
    """Base of the faces: holds a `TokenMap` and a cursor, and reports when the user moves it.

    Subclasses draw. Once mounted they are told what changed (`map_replaced`, `levels_changed`,
    `marks_changed`, `hits_changed`, `cursor_changed`, `palette_changed`) and respond with the
    smallest repaint.
    """

    # Reserve space for the scrollbar, so that lines are not re-wrapped when it comes and goes.
    DEFAULT_CSS = """
    TokenFace { scrollbar-gutter: stable; scrollbar-size-vertical: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1, 0)", "Prompt token", show=False),
        Binding("down,j", "move(1, 0)", "Prompt token", show=False),
        Binding("left,h", "move(0, -1)", "Response token", show=False),
        Binding("right,l", "move(0, 1)", "Response token", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move_to_edge(-1)", "First response token", show=False),
        Binding("end", "move_to_edge(1)", "Last response token", show=False),
    ]

    cursor: reactive[Cell] = reactive((0, 0), repaint=False)
    """Row and column under the cursor; (0, 0) when the map is empty."""

    class CursorMoved(Message):
        """The user moved the cursor of `face` (`move_cursor` does not send this).

        `across` says that it was along the response.
        """

        def __init__(self, face: TokenFace, row: int, column: int, *, across: bool = False) -> None:
            super().__init__()
            self.face = face
            self.row = row
            self.column = column
            self.across = across

        @property
        def control(self) -> TokenFace:
            """The face, for `@on(TokenFace.CursorMoved, "#id")`."""
            return self.face

    def __init__(
        self,
        token_map: TokenMap | None = None,
        *,
        ascii_only: bool = False,
        follow: Callable[[TokenFace.CursorMoved], object] | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name
        classes: str | None = None,
    ) -> None:
        """Takes the arguments of a widget; `ascii_only` draws labels in plain ASCII.

        `follow` is called when the user moves the cursor, instead of posting `CursorMoved`, so that
        its changes elsewhere are painted in the same frame as the cursor.
        """
        super().__init__(name=name, id=id, classes=classes)
        self.ascii_only = ascii_only
        self._follow = follow or self.post_message
        self.map = token_map or TokenMap()
        self.hit_rows: frozenset[int] = frozenset()
        self.hit_columns: frozenset[int] = frozenset()
        self.palette: Palette = palette_for(dark=True, mono=False)
        self._ready = False
        self._ground: Style | None = None

    # Called by views.

    def show(self, token_map: TokenMap) -> None:
        """Show another map. The cursor keeps its position if possible; search hits are cleared."""
        self.map = token_map
        self.hit_rows = self.hit_columns = frozenset()
        self.set_reactive(TokenFace.cursor, self.validate_cursor(self.cursor))
        if self._ready:
            self.map_replaced()

    def update_levels(
        self,
        levels: NDArray[np.uint8],
        *,
        missing: NDArray[np.bool_] | None = None,
        negative: NDArray[np.bool_] | None = None,
        density: NDArray[np.float64] | None = None,
        totals: NDArray[np.uint8] | None = None,
        negative_totals: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take a newer state of the same map and repaint only the differences.

        Args:
            levels: uint8 [R, C], 0..10.
            missing: bool [R, C], cells not computed yet; None if all are computed.
            negative: bool [R, C], cells whose level is a number below zero.
            density: float64 [R], 0..1.
            totals: uint8 [R], 0..10, of whole rows.
            negative_totals: bool [R], whole rows whose level is a number below zero.
        """
        before = self.map
        self.map = replace(
            before,
            levels=levels,
            missing=missing,
            negative=negative,
            density=density,
            totals=totals,
            negative_totals=negative_totals,
        )
        if not self._ready:
            return
        self.levels_changed(before)
        if not _same(before.totals, totals):
            self.marks_changed()

    def update_marks(self, marked: NDArray[np.bool_] | None) -> None:
        """Mark other rows (bool [R]) as instructions."""
        self.map = replace(self.map, marked=marked)
        if self._ready:
            self.marks_changed()

    def move_cursor(self, row: int, column: int) -> None:
        """Put the cursor on a cell (clamped to the map) without sending a message."""
        self.cursor = (row, column)

    def highlight(self, rows: Collection[int] = (), columns: Collection[int] = ()) -> None:
        """Highlight the labels of these rows and columns (search hits); no arguments clear them."""
        self.hit_rows, self.hit_columns = frozenset(rows), frozenset(columns)
        if self._ready:
            self.hits_changed()

    # Implemented by faces.

    def map_replaced(self) -> None:
        """Lay out and paint the new `map`."""
        self.refresh()

    def levels_changed(self, before: TokenMap) -> None:
        """Repaint where `map` differs from `before` (same labels)."""
        self.refresh()

    def marks_changed(self) -> None:
        """Repaint the marks of instruction rows."""
        self.refresh()

    def hits_changed(self) -> None:
        """Repaint the highlighted labels."""
        self.refresh()

    def cursor_changed(self, before: Cell, after: Cell) -> None:
        """Repaint the old and new place of the cursor, scrolling if it left the pane."""
        self.refresh()

    def palette_changed(self) -> None:
        """Discard what was drawn in the old colours."""
        self.refresh()

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The cell drawn at these coordinates of the pane; None if there is none."""
        raise NotImplementedError

    def page_rows(self) -> int:
        """Number of rows per page."""
        return max(1, self.size.height - 1)

    # Cursor.

    def validate_cursor(self, cursor: Cell) -> Cell:
        rows, columns = self.map.shape
        row, column = cursor
        return max(0, min(row, rows - 1)), max(0, min(column, columns - 1))

    def watch_cursor(self, before: Cell, after: Cell) -> None:
        if self._ready and before != after:
            self.cursor_changed(before, after)

    @property
    def rests(self) -> bool:
        """Whether no response token is singled out: the first step along them only does that."""
        return False

    def _go(self, row: int, column: int, *, across: bool = False) -> None:
        """Move as the user asked, and report any change."""
        before = self.cursor
        begins = across and self.rests and self.map.shape[1] > 0
        self.cursor = (row, column)
        if self.cursor != before or begins:
            self._follow(self.CursorMoved(self, *self.cursor, across=across))

    def action_move(self, rows: int, columns: int) -> None:
        """Move by rows and columns, times the number of queued key presses."""
        row, column = self.cursor
        times = self._times()
        steps = times - 1 if self.rests else times
        self._go(row + times * rows, column + steps * columns, across=bool(columns))

    def action_page(self, direction: int) -> None:
        """Move by a page of rows, times the number of queued key presses."""
        row, column = self.cursor
        self._go(row + self._times() * direction * self.page_rows(), column)

    def _times(self) -> int:
        return 1 + (self.app.take_repeats() if isinstance(self.app, KeyByKeyApp) else 0)

    def action_move_to_edge(self, direction: int) -> None:
        """Move to the first (-1) or last (1) column."""
        row, _ = self.cursor
        self._go(row, 0 if direction < 0 else self.map.shape[1] - 1, across=True)

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        cell = None if offset is None else self.cell_at(offset.x, offset.y)
        if cell is not None:
            self._go(*cell, across=cell[1] != self.cursor[1])

    # Colours.

    def on_mount(self) -> None:
        """Choose the colours, now and on theme changes, and lay out the map."""
        self._choose_palette()
        self.watch(self.app, "theme", self._theme_changed, init=False)
        self._ready = True
        self.map_replaced()

    @property
    def ground(self) -> Style:
        """`rich_style`, cached: every line asks for it, and it depends on all ancestors."""
        if self._ground is None:
            self._ground = self.rich_style
        return self._ground

    def notify_style_update(self) -> None:
        self._ground = None
        super().notify_style_update()

    def _choose_palette(self) -> None:
        self.palette = palette_of(self.app)

    def _theme_changed(self) -> None:
        self._choose_palette()
        self.palette_changed()
