"""The lines below the maps: what goes on, and the exact values under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from app.terminal.text import prose
from app.views.saliency.comparison import Comparison
from app.views.saliency.pair import Pair, going_on
from app.views.saliency.values_text import status_lines
from app.widgets.lines import Line, Lines

# Without the line of agreements.
_VALUE_LINES = 3


class BelowMaps(Vertical):
    """A line of progress above three or four of values."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only

    def compose(self) -> ComposeResult:
        yield Lines(id="progress")
        yield Lines(id="status")

    def show_progress(
        self, pair: Pair, comparison: Comparison, prompt: str, *, engine_starting: bool
    ) -> None:
        """Say what runs, failed or is remarkable, and what stops it; else the prompt."""
        line = going_on(pair, comparison, engine_starting=engine_starting)
        if not line and prompt:
            words = " ".join(prompt[:400].split())
            line = [(prose(words, ascii_only=self._ascii), "dim")]
        stops: Line = [(" esc stops", "dim")] if pair.running else []
        self.query_one("#progress", Lines).show(line, right=stops)

    def say(self, words: str) -> None:
        """Say something else until there is news."""
        self.query_one("#progress", Lines).show([(words, "dim")])

    def show_values(
        self,
        pair: Pair,
        comparison: Comparison,
        row: int,
        columns: Sequence[int],
        *,
        active: int,
        include_special: bool,
    ) -> None:
        """Show the values in a row, of each model in a column; see `status_lines`."""
        status = self.query_one("#status", Lines)
        lines = status_lines(
            pair.names,
            comparison,
            row,
            columns,
            agreements=pair.agreements(include_special=include_special),
            faithful=pair.faithful(ascii_only=self._ascii),
            compared=pair.compared_with_occlusion,
            active=active,
            width=status.content_size.width,
            ascii_only=self._ascii,
        )
        self.set_class(len(lines) > _VALUE_LINES, "-compared")
        status.show(*lines)

    @property
    def values(self) -> str:
        """The lines of values as plain text."""
        return self.query_one("#status", Lines).plain
