"""A table: rows under their headings, sorted and filtered by its user, with one row in full.

Textual's DataTable keeps an object for every row and cell. Of a hundred thousand rows of eight
columns it is filled in 21 seconds, sorted in 0.9 and filtered in 1.7; this table draws what is in
sight alone and is filled, sorted and filtered within a tenth of a second each
(`tests.bench.bench_tables`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click, Key, Paste, Resize
from textual.message import Message
from textual.strip import Strip

from analysis.table import Table
from app.terminal.text import fit, prose
from app.widgets.item_list import ItemList
from app.widgets.lines import Line
from app.widgets.table_columns import ColumnLayout
from app.widgets.table_rows import (
    AS_IT_COMES,
    NO_ROWS,
    Arrangement,
    Column,
    Row,
    Rows,
    TableRows,
    cell_text,
    rows_of,
)

_SEARCHED_S, _AFTER_PAINT_S = 0.02, 0.05
"""How long rows are searched before a letter is answered, and how soon after that for the rest."""

_FITTED_TO = 200
"""Number of rows used to fit column widths; numbers make more room when they are drawn."""


def _key(keys: str, action: str, label: str, words: str, name: str) -> Binding:
    """A key that is an action (`app.frame.actions`): `label` is for the key line, `words` help."""
    return Binding(keys, action, label, tooltip=words, show=False, id=f"table.{name}")


class TableList(ItemList):
    """Rows drawn when in sight, under their columns' names.

    `cursor` is the place of the current row among those shown, `row_number` its number among all;
    it stays on its row when the table is sorted and filtered.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("o", "sort", "sort", "Sort by the next column", "sort"),
        _key("O", "turn", "", "Turn the order round", "turn"),
        _key("slash", "filter", "find", "Show only the rows that have some words", "filter"),
        _key("space", "open_row", "", "Show the row with every cell in full", "row"),
        _key("greater_than_sign", "columns(1)", "cols", "Columns to the right", "columns"),
        _key("less_than_sign", "columns(-1)", "", "Columns back", "columns_back"),
        Binding("escape", "clear_filter", "Show all rows again", show=False),
        # Letters are typed while words are.
        Binding("k", "letter(-1)", "Up", show=False),
        Binding("j", "letter(1)", "Down", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"item-list--heading", "item-list--sorted"}
    DEFAULT_CSS = """
    TableList .item-list--heading { background: $boost; text-style: bold; }
    TableList .item-list--sorted { background: $boost; text-style: bold; color: $text-accent; }
    """

    class Arranged(Message):
        """The rows were sorted or filtered, or typing began or ended: other keys are of use."""

    def __init__(
        self,
        *,
        ascii_only: bool,
        id: str,  # noqa: A002 - Textual's own name
        follow: Callable[[], None] = lambda: None,
        empty: str = " nothing yet",
        filters: bool = True,
    ) -> None:
        """Set up an empty table.

        Args:
            ascii_only: Whether text is shown in ASCII.
            id: The widget's id.
            follow: What to call when another row is under the cursor.
            empty: What to say without rows.
            filters: Whether ``/`` filters here; False where the view's own search bar does it.
        """
        super().__init__(self._line, empty=empty, id=id)
        self._above = 1
        self._ascii, self._follow, self._filters = ascii_only, follow, filters
        self._no_rows = empty
        self._rows = TableRows((), NO_ROWS)
        self._layout = ColumnLayout((), ascii_only=ascii_only)
        self._order: Sequence[int] = ()
        self.arrangement = AS_IT_COMES
        self.typing = False
        # What else looks for the words to filter by, in words: no row here is not nowhere.
        self._beyond = ""

    # What is shown

    def show_table(self, table: Table, arrangement: Arrangement | None = None) -> None:
        """Show a table's rows; see `show_rows`."""
        self.show_rows(*rows_of(table), arrangement)

    def show_rows(
        self,
        columns: Sequence[Column],
        rows: Rows,
        arrangement: Arrangement | None = None,
        *,
        row: int | None = None,
    ) -> None:
        """Show rows, arranged as given, or as they are if the columns are the same.

        `row` is the number of the row to go to.
        """
        same = self.names == [column.name for column in columns]
        if arrangement is None:
            arrangement = self.arrangement if same else AS_IT_COMES
        if row is not None:
            arrangement = replace(arrangement, row=row)
        moved = self._layout.moved if same else 0
        self._rows = TableRows(columns, rows)
        self._layout = ColumnLayout(columns, ascii_only=self._ascii)
        self._layout.moved = moved
        self._layout.measure(rows.row(index) for index in range(min(rows.count, _FITTED_TO)))
        self.rearrange(arrangement)

    def rearrange(self, arrangement: Arrangement, *, seconds: float = _SEARCHED_S) -> None:
        """Sort and filter the rows, and put the cursor on a row.

        Of a search that takes longer, what is found so far is shown first.
        """
        before = self.row_number
        self.arrangement = arrangement
        self._order = self._rows.arranged(arrangement, seconds=seconds)
        if not self._rows.searched:
            self.set_timer(_AFTER_PAINT_S, self._search_on)
        self._below = int(self.typing or bool(arrangement.words))
        none = f" no row here: {self._beyond}" if self._beyond else " no row has these words"
        self._empty = none if arrangement.words else self._no_rows
        self.show(len(self._order), cursor=self._place_of(arrangement.row) or 0)
        if self.row_number != before:
            self._follow()
        self.post_message(self.Arranged())

    def _search_on(self) -> None:
        if not self._rows.searched:
            self.rearrange(self.arrangement, seconds=float("inf"))

    @property
    def row_number(self) -> int | None:
        """The number of the row under the cursor among all rows, as they come; None for none."""
        return self._order[self.cursor] if self.cursor < len(self._order) else None

    @property
    def cells(self) -> Row | None:
        """The cells of the row under the cursor; None for no row."""
        number = self.row_number
        return None if number is None else self._rows.rows.row(number)

    @property
    def shown(self) -> list[int]:
        """The numbers of the rows that are shown, in order."""
        return list(self._order)

    @property
    def total(self) -> int:
        """How many rows there are, whether shown or not."""
        return self._rows.rows.count

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [column.name for column in self._rows.columns]

    @property
    def is_whole(self) -> bool:
        """Whether no cell is cut and every column is visible."""
        return self._layout.is_whole(self._width)

    def heading(self) -> str:
        """The column names, aligned with the columns."""
        return "".join(text for text, _ in self._heading())

    def text(self) -> str:
        """What is shown as text, one line per row, cells separated by tabs."""
        rows = (map(cell_text, self._rows.rows.row(number)) for number in self._order)
        return "".join("\t".join(row) + "\n" for row in (self.names, *rows))

    def on_resize(self, event: Resize) -> None:
        """More or fewer columns may be in sight."""
        self.post_message(self.Arranged())

    # The cursor

    def move_cursor(self, index: int) -> None:
        before = self.cursor
        super().move_cursor(index)
        if self.cursor != before:
            self._keep_row()
            self._follow()

    def move_to_row(self, number: int) -> None:
        """Put the cursor on a row by its number; a filter that hides the row is cleared."""
        if self._place_of(number) is None:
            self.filter("")
        place = self._place_of(number)
        if place is not None:
            self.move_cursor(place)

    def _place_of(self, number: int) -> int | None:
        """Where a row is shown; None if it is not."""
        try:
            return self._order.index(number)
        except ValueError:
            return None

    def _keep_row(self) -> None:
        number = self.row_number
        if number is not None:
            self.arrangement = replace(self.arrangement, row=number)

    def action_letter(self, by: int) -> None:
        self.move_cursor(self.cursor + by)

    # Sorting

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether a key means something now."""
        match action:
            case "letter":
                return not self.typing
            case "sort" | "turn" | "filter" | "open_row" | "columns" if self.typing:
                return False
            case "sort":
                return self.total > 1
            case "turn":
                return self.total > 1 and self.arrangement.column is not None
            case "filter":
                return self._filters and self.total > 1
            case "open_row":
                return self.count > 0
            case "clear_filter":
                return self.typing or bool(self.arrangement.words)
            case "columns":
                return not self._layout.all_in_sight(self._width)
        return True

    def action_sort(self) -> None:
        """Sort by the next column; after the last one the rows stand as they come."""
        before = self.arrangement.column
        column = 0 if before is None else before + 1
        if column == len(self._rows.columns):
            self.rearrange(replace(self.arrangement, column=None, falling=False))
            return
        self._sort_by(column)

    def _sort_by(self, column: int) -> None:
        falling = self._rows.begins_with_largest(column)
        self.rearrange(replace(self.arrangement, column=column, falling=falling))
        self._layout.reveal(column, self._width)

    def action_turn(self) -> None:
        """Turn the order round."""
        self.rearrange(replace(self.arrangement, falling=not self.arrangement.falling))

    def action_columns(self, by: int) -> None:
        """Scroll the columns after the first by one, left (1) or back (-1)."""
        self._layout.move(by, self._width)
        self.refresh()
        self._follow()

    def on_click(self, event: Click) -> None:
        """Sort by the column whose name is clicked; turn the order round if it is sorted by it."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y:
            return
        place, widths = 1, self._layout.widths(self._width)
        for number in self._layout.shown(self._width):
            place += widths[number] + 2
            if offset.x < place:
                if number == self.arrangement.column:
                    self.action_turn()
                else:
                    self._sort_by(number)
                return

    # Filtering

    def filter(self, words: str, *, beyond: str = "") -> None:
        """Show only the rows that have all these words; `beyond` says how to look elsewhere."""
        self._beyond = beyond
        self.rearrange(replace(self.arrangement, words=words))

    def action_filter(self) -> None:
        """Take what is typed as words to filter by."""
        self._set_typing(True)
        self._prepare()

    def action_clear_filter(self) -> None:
        """Show all rows again."""
        self._set_typing(False)
        self.filter("")

    def _set_typing(self, typing: bool) -> None:
        if typing != self.typing:
            self.typing = typing
            self.rearrange(self.arrangement)

    def _prepare(self) -> None:
        # Before the first letter is typed, and between letters.
        if self._rows.prepare() and self.typing:
            self.call_later(self._prepare)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is a part of the words that are typed."""
        if not self.typing:
            return False
        return key in ("backspace", "ctrl+u") or (character is not None and character.isprintable())

    def on_key(self, event: Key) -> None:
        """Take what is typed."""
        words = self.arrangement.words
        if self.check_consume_key(event.key, event.character):
            event.stop()
            event.prevent_default()
            erased = {"backspace": words[:-1], "ctrl+u": ""}
            self.filter(erased.get(event.key, words + (event.character or "")))

    def on_paste(self, event: Paste) -> None:
        """Add a paste to the words, without its control characters."""
        if self.typing:
            event.stop()
            event.prevent_default()
            pasted = "".join(char for char in event.text if char.isprintable())
            self.filter(self.arrangement.words + pasted)

    def on_blur(self) -> None:
        self._set_typing(False)

    def action_choose(self) -> None:
        """End typing; else choose the row."""
        if self.typing:
            self._set_typing(False)
        else:
            super().action_choose()

    # A row in full

    def action_open_row(self) -> None:
        """Show the row under the cursor with every cell in full."""
        from app.widgets.row_panel import RowPanel  # Not before the first paint.

        row = self.cells
        if row is not None:
            title = f"row {self.cursor + 1:,} of {self.count:,}"
            self.app.push_screen(RowPanel(title, self._layout.in_full(row)))

    # Drawing

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self._frozen(self._heading())
        if self._below and y == self.size.height - 1:
            return self._frozen(self._filtered())
        return super().render_line(y)

    def _frozen(self, line: Line) -> Strip:
        """A line that does not scroll."""
        strip = Strip([Segment(text, self._style(name)) for text, name in line])
        return strip.adjust_cell_length(self._width, self._style("heading"))

    def _heading(self) -> Line:
        falling, rising = "v^" if self._ascii else "▼▲"
        mark = falling if self.arrangement.falling else rising
        return self._layout.heading(self._width, sorted_by=self.arrangement.column, mark=mark)

    def _filtered(self) -> Line:
        """The words to filter by, and how many rows have them."""
        more = "" if self._rows.searched else "+"
        how_many = f" {self.count:,}{more} of {self.total:,} "
        cursor = ("_" if self._ascii else "▏") if self.typing else ""
        ends = "esc clears " if self.typing or self._beyond else "/ changes it · esc clears "
        ends = f"{self._beyond} · {ends}" if self._beyond else ends
        words = prose(self.arrangement.words, ascii_only=self._ascii)
        room = max(8, self._width - len(how_many) - len(ends) - 5)
        shown = fit(words, room)
        return [(f" /{shown}{cursor}  ", "sorted"), (how_many, "heading"), (ends, "heading")]

    def _line(self, index: int, width: int) -> Line:
        row = self._rows.rows.row(self._order[index])
        if self._layout.widen(row):
            self.refresh()
        return self._layout.line(row, self._width)
