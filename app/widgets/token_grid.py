"""The grid face: prompt rows by response columns, with labels frozen at the left and top.

A strip one cell wide between a row's label and its cells shows the level of the whole row. A row's
cells are drawn once per scroll position and cached; the cursor is drawn on top, so that a move
repaints only two cells and their labels.
"""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip

from app.terminal.colours import MISSING_GLYPH
from app.terminal.text import pad, visible
from app.widgets.token_face import MARK, Cell, TokenFace, TokenMap

HEADER = 1
"""Lines of frozen column labels."""

GAP = 1
"""Blank cells after a column and after the row labels."""

TOTAL = 1
"""Cells after a row's label that show the level of the whole row."""

NARROWEST, WIDEST = 2, 8
"""Width of a column in cells, without the gap: the highest level has two digits."""


class TokenGrid(TokenFace):
    """A cell for every pair of tokens, coloured by its level."""

    digits: reactive[bool] = reactive(False, repaint=False)
    """Whether cells also show their level as a number."""

    # Layout.

    def map_replaced(self) -> None:
        self._rows: LRUCache[int, Strip] = LRUCache(256)
        self._row_labels = [visible(t, ascii_only=self.ascii_only) for t in self.map.row_labels]
        labels = [visible(t, ascii_only=self.ascii_only) for t in self.map.column_labels]
        narrowest = NARROWEST if self.map.negative is None else NARROWEST + len("-")
        widths = [min(max(cell_len(label), narrowest), WIDEST) for label in labels]
        self._column_labels = [
            pad(label, width) for label, width in zip(labels, widths, strict=True)
        ]
        self._widths = widths
        self._starts = np.concatenate([[0], np.cumsum(np.array(widths, dtype=np.intp) + GAP)])
        self._longest_label = max(map(cell_len, self._row_labels), default=0)
        self._fit_to_pane()
        self.refresh()

    def on_resize(self) -> None:
        self._fit_to_pane()

    def _fit_to_pane(self) -> None:
        pane = self.scrollable_content_region.width
        longest = min(self._longest_label, max(8, pane // 4))
        self._label_width = len(MARK) + longest + TOTAL + GAP
        self.virtual_size = Size(
            self._label_width + int(self._starts[-1]), HEADER + self.map.shape[0]
        )
        self._rows.clear()
        self.call_after_refresh(self._reveal)

    @property
    def _pane(self) -> Size:
        """Space for cells: the pane without its labels."""
        width, height = self.scrollable_content_region.size
        return Size(max(0, width - self._label_width), max(0, height - HEADER))

    def page_rows(self) -> int:
        return max(1, self._pane.height - 1)

    def cell_at(self, x: int, y: int) -> Cell | None:
        rows, columns = self.map.shape
        row = y - HEADER + self.scroll_offset.y
        across = x - self._label_width + self.scroll_offset.x
        column = int(np.searchsorted(self._starts, across, side="right")) - 1
        if y < HEADER or x < self._label_width or row >= rows or not 0 <= column < columns:
            return None
        return row, column

    def _region(self, row: int, column: int) -> Region:
        return Region(
            self._label_width + int(self._starts[column]) - self.scroll_offset.x,
            HEADER + row - self.scroll_offset.y,
            self._widths[column] if self._widths else 0,
            1,
        )

    # Changes.

    def cursor_changed(self, before: Cell, after: Cell) -> None:
        if self._reveal():
            return
        for cell in (before, after):
            region = self._region(*cell)
            self.refresh(region)
            if before[0] != after[0]:
                self.refresh(Region(0, region.y, self._label_width, 1))
            if before[1] != after[1]:
                self.refresh(Region(region.x, 0, region.width, HEADER))

    def levels_changed(self, before: TokenMap) -> None:
        """Repaint the visible rows or columns that changed, whichever are fewer."""
        rows, columns = self.map.shape
        if not rows or not columns:
            return
        changed = self.map.changed_since(before)
        touched_rows = np.flatnonzero(changed.any(axis=1)).tolist()
        touched_columns = np.flatnonzero(changed.any(axis=0)).tolist()
        for row in touched_rows:
            self._rows.discard(row)
        if len(touched_rows) < len(touched_columns):
            for row in touched_rows:
                y = self._region(row, 0).y
                if y >= HEADER:
                    self.refresh(Region(0, y, self.size.width, 1))
            if not np.array_equal(self.map.blank_columns, before.blank_columns):
                self.refresh(Region(0, 0, self.size.width, HEADER))
            return
        for column in touched_columns:
            region = self._region(0, column)
            self.refresh(Region(region.x, 0, region.width + GAP, self.size.height))

    def marks_changed(self) -> None:
        self.refresh(Region(0, 0, self._label_width, self.size.height))

    def hits_changed(self) -> None:
        self.refresh(Region(0, 0, self.size.width, HEADER))
        self.marks_changed()

    def palette_changed(self) -> None:
        self._rows.clear()
        self.refresh()

    def watch_digits(self) -> None:
        if self._ready:
            self.palette_changed()

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """Discard the cached rows, which are cut for the old scroll position."""
        if round(old_value) != round(new_value):
            self._rows.clear()
        super().watch_scroll_x(old_value, new_value)

    def _reveal(self) -> bool:
        """Scroll if the cursor is outside the pane; returns whether it scrolled.

        Textual repaints the pane when it scrolls, so a step over the edge scrolls half a pane.
        """
        row, column = self.cursor
        rows, columns = self.map.shape
        pane = self._pane
        if not rows or not columns or not pane:
            return False
        start, end = int(self._starts[column]), int(self._starts[column + 1]) - GAP
        left, top = self.scroll_offset
        new_left, new_top = left, top
        if start < left or end > left + pane.width:
            new_left = int(
                self._starts[np.searchsorted(self._starts, max(0, start - pane.width // 2))]
            )
            new_left = min(new_left, start)
        if not top <= row < top + pane.height:
            new_top = row - pane.height // 2
        if (new_left, new_top) == (left, top):
            return False
        self.scroll_to(new_left, new_top, animate=False)
        return True

    # Drawing.

    def render_line(self, y: int) -> Strip:
        width, blank = self.size.width, self.ground
        row = self.scroll_offset.y + y - HEADER
        if y < HEADER:
            label = Strip.blank(self._label_width, blank)
            cells = self._header(blank)
        elif row < self.map.shape[0]:
            label = self._label(row, blank)
            cells = self._cells(row)
        else:
            return Strip.blank(width, blank)
        return Strip.join([label, cells.crop_extend(0, width - self._label_width, blank)])

    def _columns_in_sight(self) -> range:
        left, width = self.scroll_offset.x, self._pane.width
        first = int(np.searchsorted(self._starts, left, side="right")) - 1
        last = int(np.searchsorted(self._starts, left + width, side="left"))
        return range(max(0, first), min(last, self.map.shape[1]))

    def _header(self, blank: Style) -> Strip:
        _, current = self.cursor
        segments: list[Segment] = []
        columns = self._columns_in_sight()
        for column in columns:
            style = blank
            if self.map.blank_columns[column]:
                style += self.palette.missing
            if column in self.hit_columns:
                style += self.palette.hit
            if column == current:
                style += self.palette.here
            segments += (Segment(self._column_labels[column], style), Segment(" " * GAP, blank))
        return self._cut(Strip(segments).simplify(), columns)

    def _label(self, row: int, blank: Style) -> Strip:
        style = blank
        if self.map.is_gap(row):
            style += self.palette.missing + Style(italic=True)
        if row in self.hit_rows:
            style += self.palette.hit
        if row == self.cursor[0]:
            style += self.palette.here
        mark = self.map.mark(row)
        room = self._label_width - len(MARK) - TOTAL - GAP
        return Strip(
            [
                Segment(mark, blank + self.palette.mark),
                Segment(pad(self._row_labels[row], room), style),
                self._total(row, blank),
                Segment(" " * GAP, blank),
            ],
            self._label_width,
        )

    def _total(self, row: int, blank: Style) -> Segment:
        """The level of the whole row, after its label."""
        level = self.map.total(row)
        if not level:
            return Segment(" " * TOTAL, blank)
        palette = self.palette
        return Segment(palette.cell(level, TOTAL), palette.fills[level])

    def _cells(self, row: int) -> Strip:
        strip = self._rows.get(row)
        if strip is None:
            columns = self._columns_in_sight()
            strip = self._rows[row] = self._cut(self._base_row(row, columns), columns)
        current, column = self.cursor
        if row != current or not self.map.shape[1]:
            return strip
        region = self._region(row, column)
        x = region.x - self._label_width
        under = Strip([Segment(self._cursor_text(row, column), self.palette.cursor)])
        return Strip.join(
            [
                strip.crop(0, max(0, x)),
                under.crop(max(0, -x)),
                strip.crop(max(0, x + region.width)),
            ]
        )

    def _cursor_text(self, row: int, column: int) -> str:
        if self.map.is_blank(row, column):
            return f"{MISSING_GLYPH:^{self._widths[column]}}"
        return f"{self._number(row, column):^{self._widths[column]}}"

    def _number(self, row: int, column: int) -> int:
        level = int(self.map.levels[row, column])
        return -level if self.map.is_negative(row, column) else level

    def _base_row(self, row: int, columns: range) -> Strip:
        """The cells of a row without the cursor; neighbours of the same style share a segment."""
        palette, digits, gap = self.palette, self.digits, " " * GAP
        styles = palette.levels if digits else palette.fills
        levels = self.map.levels[row, columns.start : columns.stop].tolist()
        segments: list[Segment] = []
        text, style = "", palette.missing
        for column, level in zip(columns, levels, strict=True):
            width = self._widths[column]
            if self.map.is_blank(row, column):
                cell_style, cell = palette.missing, f"{MISSING_GLYPH:^{width}}"
            elif digits and self.map.is_negative(row, column):
                cell_style, cell = styles[level], f"{-level:^{width}}"
            else:
                cell_style, cell = styles[level], palette.cell(level, width, digits=digits)
            if cell_style is not style and text:
                segments.append(Segment(text, style))
                text = ""
            text, style = text + cell + gap, cell_style
        segments.append(Segment(text, style))
        return Strip(segments)

    def _cut(self, strip: Strip, columns: range) -> Strip:
        """Crop a strip of these columns to start at the pane's left edge."""
        if not columns:
            return Strip([])
        return strip.crop(self.scroll_offset.x - int(self._starts[columns.start]))
