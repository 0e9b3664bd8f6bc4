"""The text face: the prompt as coloured running text, the response below it.

The prompt scrolls; the response has the room that the prompt leaves, at least half, and follows its
current token.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip

from app.terminal.colours import GLYPHS, LEVELS, MISSING_GLYPH, NEGATIVE_GLYPH
from app.widgets.token_face import MARK, Cell, TokenFace, TokenMap
from app.widgets.token_flow import Flow, Piece, flow

MARGIN = 2
"""Cells at the left for the instruction marks."""

RULE = 1
"""Lines between prompt and response."""

_MISSING = LEVELS
"""Denotes a token without a level, in addition to the levels -10..10."""


ColouredBy = Literal["whole", "column", "density"]
"""What colours the prompt: each row's total, the column under the cursor, or each row's density."""


class TokenText(TokenFace):
    """The prompt coloured for the whole response, for one of its tokens, or by density."""

    DEFAULT_CSS = """
    TokenText { overflow-x: hidden; }
    """

    coloured_by: reactive[ColouredBy] = reactive("column", repaint=False)
    """For the whole response, no token of it is singled out, and pages scroll it."""

    _prompt = Flow(())
    _response = Flow(())
    _response_top = 0

    def on_resize(self) -> None:
        self.map_replaced()

    # Layout.

    def map_replaced(self) -> None:
        if not self.size:
            # Hidden; it may be painted before it is told its size, and tokens may be fewer now.
            self._prompt = self._response = Flow(())
            return
        width = max(1, self.scrollable_content_region.width - MARGIN)
        # Without colours a glyph after the token shows its level, and one before that its sign.
        reserve = (2 if self.map.negative is not None else 1) if self.palette.mono else 0
        prompt = [
            (row, text) for row, text in enumerate(self.map.row_labels) if not self.map.is_gap(row)
        ]
        self._prompt = flow(prompt, width, reserve=reserve, ascii_only=self.ascii_only)
        self._response = flow(
            list(enumerate(self.map.column_labels)), width, ascii_only=self.ascii_only
        )
        below = self.size.height - self._prompt_height
        self.virtual_size = Size(0, len(self._prompt.lines) + below)
        self._response_top = 0
        self._reveal_response()
        self.call_after_refresh(self._reveal_prompt)
        self.refresh()

    @property
    def _response_height(self) -> int:
        room = self.size.height - RULE
        prompt = min(len(self._prompt.lines), room // 2)
        return min(len(self._response.lines), max(1, room - prompt))

    @property
    def _prompt_height(self) -> int:
        room = max(0, self.size.height - RULE - self._response_height)
        return min(room, max(1, len(self._prompt.lines)))

    def cell_at(self, x: int, y: int) -> Cell | None:
        row, column = self.cursor
        if y < self._prompt_height:
            token = self._prompt.token_at(x - MARGIN, y + self.scroll_offset.y)
            return None if token is None else (token, column)
        line = y - self._prompt_height - RULE + self._response_top
        token = self._response.token_at(x - MARGIN, line)
        return None if token is None or y < self._prompt_height + RULE else (row, token)

    @property
    def rests(self) -> bool:
        return self.coloured_by == "whole"

    def action_page(self, direction: int) -> None:
        """A page of the response while no token of it is singled out, else of the prompt."""
        height = self._response_height
        last = len(self._response.lines) - height
        if not self.rests or last <= 0:
            super().action_page(direction)
            return
        top = self._response_top + self._times() * direction * max(1, height - 1)
        self._response_top = max(0, min(top, last))
        self.refresh(Region(0, self._prompt_height, self.size.width, self.size.height))

    def page_rows(self) -> int:
        """Average number of prompt tokens per page."""
        lines = max(1, len(self._prompt.lines))
        return max(1, self.map.shape[0] * max(1, self._prompt_height - 1) // lines)

    # Changes.

    def cursor_changed(self, before: Cell, after: Cell) -> None:
        if before[0] != after[0] and not self._reveal_prompt():
            self._refresh_prompt({before[0], after[0]})
        if before[1] == after[1]:
            return
        if self._reveal_response():
            self.refresh(Region(0, self._prompt_height, self.size.width, self.size.height))
        else:
            for y in range(self._response_height):
                line = self._response.lines[y + self._response_top]
                touched = [piece for piece in line if piece.token in (before[1], after[1])]
                self._refresh_pieces(touched, self._prompt_height + RULE + y)
        if self.coloured_by == "column":
            old, new = self._levels_for(self.map, before[1]), self._levels_for(self.map, after[1])
            self._refresh_prompt(set(np.flatnonzero(old != new).tolist()))

    def levels_changed(self, before: TokenMap) -> None:
        column = self.cursor[1]
        old, new = self._levels_for(before, column), self._levels_for(self.map, column)
        self._refresh_prompt(set(np.flatnonzero(old != new).tolist()))
        if not np.array_equal(self.map.blank_columns, before.blank_columns):
            top = self._prompt_height + RULE
            self.refresh(Region(0, top, self.size.width, self._response_height))

    def marks_changed(self) -> None:
        self.refresh(Region(0, 0, MARGIN, self._prompt_height))

    def palette_changed(self) -> None:
        """Lay out again: tokens take more room without colours."""
        self.map_replaced()

    def watch_coloured_by(self) -> None:
        if self._ready:
            self.refresh()

    def _refresh_prompt(self, tokens: set[int]) -> None:
        """Repaint the visible ones of these prompt tokens."""
        top = self.scroll_offset.y
        for y, line in enumerate(self._prompt.lines[top : top + self._prompt_height]):
            self._refresh_pieces([piece for piece in line if piece.token in tokens], y)

    def _refresh_pieces(self, pieces: list[Piece], y: int) -> None:
        """Repaint a line from the first to the last of these pieces."""
        if pieces:
            first, last = pieces[0], pieces[-1]
            self.refresh(Region(MARGIN + first.x, y, last.x + last.width - first.x, 1))

    def _reveal_prompt(self) -> bool:
        """Scroll if the cursor's prompt token is not visible; returns whether it scrolled."""
        line = self._prompt.first_lines.get(self.cursor[0])
        top, height = self.scroll_offset.y, self._prompt_height
        if line is None or not height or top <= line < top + height:
            return False
        self.scroll_to(y=line - height // 2, animate=False)
        return True

    def _reveal_response(self) -> bool:
        """Make the current response token visible; returns whether the lines moved."""
        line = self._response.first_lines.get(self.cursor[1], 0)
        top, height = self._response_top, self._response_height
        if not top <= line < top + height:
            last = max(0, len(self._response.lines) - height)
            self._response_top = max(0, min(line - height // 2, last))
        return self._response_top != top

    # Drawing.

    def _levels_for(self, shown: TokenMap, column: int) -> NDArray[np.int8]:
        """int8 [R]: the signed level that colours each prompt token, or `_MISSING`."""
        rows, columns = shown.shape
        whole = (
            np.full(rows, _MISSING, np.int8)
            if shown.totals is None
            else _signed(shown.totals, shown.negative_totals)
        )
        if self.coloured_by == "whole":
            return whole
        if self.coloured_by == "density":
            if shown.density is None:
                return np.zeros(rows, dtype=np.int8)
            highest = LEVELS - 1
            return np.ceil(np.clip(shown.density, 0, 1) * highest).astype(np.int8)
        if not columns:
            return np.zeros(rows, dtype=np.int8)
        negative = None if shown.negative is None else shown.negative[:, column]
        levels = _signed(shown.levels[:, column], negative)
        if shown.missing is None:
            return levels
        # Until a column is computed, show the weight for the whole response, which arrives first.
        return np.where(shown.missing[:, column], whole, levels)

    def render_line(self, y: int) -> Strip:
        width, blank = self.size.width, self.ground
        if y < self._prompt_height:
            segments = self._prompt_line(y + self.scroll_offset.y)
        elif y < self._prompt_height + RULE:
            segments = [Segment("─" * width, blank + self.palette.missing)]
        else:
            segments = self._response_line(y - self._prompt_height - RULE + self._response_top)
        return Strip(segments).adjust_cell_length(width, blank)

    def _prompt_line(self, line: int) -> list[Segment]:
        if line >= len(self._prompt.lines):
            return []
        pieces, blank, palette = self._prompt.lines[line], self.ground, self.palette
        mark = self.map.mark(*(piece.token for piece in pieces))
        segments = [
            Segment(mark, blank + palette.mark),
            Segment(" " * (MARGIN - len(MARK)), blank),
        ]
        levels = self._levels_for(self.map, self.cursor[1])
        signed = self.map.negative is not None and self.coloured_by != "density"
        styles = palette.signed if signed else (palette.levels, palette.levels)
        minus = "-" if self.ascii_only else NEGATIVE_GLYPH
        for piece in pieces:
            level = int(levels[piece.token])
            if level == _MISSING:
                style, glyph = blank + palette.missing, MISSING_GLYPH
            else:
                style = styles[level < 0][abs(level)] if level else blank
                glyph = GLYPHS[abs(level)]
            if self.map.negative is not None:
                glyph = (minus if level < 0 else "") + glyph
            if piece.token in self.hit_rows:
                style += Style(bold=True, underline=True)
            if piece.token == self.cursor[0]:
                # Its colour stays: the first token, where the cursor begins, may be the heaviest.
                style += palette.cursor if palette.mono else Style(bold=True, underline=True)
            segments.append(Segment(piece.text + (glyph if palette.mono else ""), style))
        return segments

    def _response_line(self, line: int) -> list[Segment]:
        if line >= len(self._response.lines):
            return []
        blank = self.ground
        segments = [Segment(" " * MARGIN, blank)]
        for piece in self._response.lines[line]:
            style = blank
            if self.map.blank_columns[piece.token]:
                style += self.palette.missing
            if piece.token in self.hit_columns:
                style += self.palette.hit
            if piece.token == self.cursor[1] and not self.rests:
                style += Style(bold=True, underline=True, reverse=True)
            segments.append(Segment(piece.text, style))
        return segments


def _signed(levels: NDArray[np.uint8], negative: NDArray[np.bool_] | None) -> NDArray[np.int8]:
    """Levels below zero where they are negative; same shape, int8."""
    found = levels.astype(np.int8)
    return found if negative is None else np.where(negative, -found, found)
