"""The lines below the maps: what goes on, a legend, and values or, below the answers, words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical

from app.terminal.text import prose
from app.views.saliency.pair import going_on
from app.views.saliency.shown import Shown
from app.views.saliency.values_text import status_lines
from app.widgets.lines import Line, Lines
from app.widgets.scaled_lines import ScaledLines, WordBars

# Without the line of agreements.
_VALUE_LINES = 3
_FEWEST_WORDS, _MOST_WORDS = 5, 12
_SENTENCE_LINES = 4


class BelowMaps(Vertical):
    """A line of progress, then values of the cursor's tokens, or words and findings; a legend."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only

    def compose(self) -> ComposeResult:
        yield WordBars(id="words")
        yield Lines(id="findings")
        yield Lines(id="progress")
        yield Lines(id="status")
        yield ScaledLines(id="legend")

    def show_progress(self, shown: Shown, *, engine_starting: bool) -> None:
        """Say what runs, failed or is remarkable, and what stops it; else the prompt."""
        pair = shown.pair
        line = going_on(pair, shown.comparison, engine_starting=engine_starting)
        # The answers show the prompt themselves.
        self.set_class(not line, "-idle")
        if not line and shown.prompt.text:
            words = " ".join(shown.prompt.text[:400].split())
            line = [(prose(words, ascii_only=self._ascii), "dim")]
        stops: Line = [(" esc stops", "dim")] if pair.running else []
        self.query_one("#progress", Lines).show(line, right=stops)

    def say(self, words: str) -> None:
        """Say something else until there is news."""
        self.set_class(False, "-idle")
        self.query_one("#progress", Lines).show([(words, "dim")])

    def show_legend(self, shown: Shown, *, signed: bool, right: str) -> None:
        """Say what colours and marks mean; see `ScaledLines.show_legend`."""
        comparison = shown.comparison
        missing = any(
            each is not None and comparison.missing(side) is not None
            for side, each in enumerate(comparison.maps)
        )
        legend = self.query_one("#legend", ScaledLines)
        legend.show_legend(
            signed=signed,
            special=shown.special,
            missing=missing,
            right=right,
            ascii_only=self._ascii,
        )

    def show_words(self, shown: Shown, *, height: int) -> None:
        """Show the heaviest words and the findings; `height` is the whole view's, in lines."""
        self.set_class(True, "-words")
        called, words, ascii_only = shown.pair.called, shown.words, self._ascii
        table = words.table(shown.cursor)
        count = max(_FEWEST_WORDS, min(_MOST_WORDS, height // 4, len(words.words)))
        bars = self.query_one(WordBars)
        bars.styles.height = 1 + count
        bars.show_words(
            words.heads(called, table, ascii_only=ascii_only),
            words.rows(called, table, shown.cursor, count, ascii_only=ascii_only),
            width=self.size.width,
            ascii_only=ascii_only,
        )
        lines = self.query_one("#findings", Lines)
        wrapped = self._whole(shown.findings().sentences(ascii_only=ascii_only))
        lines.styles.height = max(1, len(wrapped))
        lines.show(*([(each, "")] for each in wrapped))

    def _whole(self, sentences: Sequence[str]) -> list[str]:
        """Whole sentences, the first ones, as many as there is room for."""
        for count in range(len(sentences), 0, -1):
            lines = _wrapped(" ".join(sentences[:count]), max(20, self.size.width - 2))
            if len(lines) <= _SENTENCE_LINES:
                return lines
        return []

    def show_values(self, shown: Shown) -> None:
        """Show the values in a row, of each model in a column; see `status_lines`."""
        self.set_class(False, "-words")
        status, pair, cursor = self.query_one("#status", Lines), shown.pair, shown.cursor
        lines = status_lines(
            pair.names,
            shown.comparison,
            cursor.row,
            cursor.columns,
            agreements=pair.agreements(include_special=shown.special),
            faithful=pair.faithful(ascii_only=self._ascii),
            compared=pair.compared_with_occlusion,
            can_share=pair.offers("response"),
            active=cursor.active,
            width=status.content_size.width,
            ascii_only=self._ascii,
        )
        self.set_class(len(lines) > _VALUE_LINES, "-compared")
        status.show(*lines)

    @property
    def values(self) -> str:
        """The values, or the words and the findings, as plain text."""
        if not self.has_class("-words"):
            return self.query_one("#status", Lines).plain
        words, found = self.query_one(WordBars), self.query_one("#findings", Lines)
        return f"{words.plain}\n\n{found.plain}"


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many cells, broken at spaces; a longer word has its own."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
