"""Lists of heads: word pairs kept, gained and lost by tuning, and heads that pair a word."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize

from analysis.heads.changes import HeadComparison, Status, WordPairChange
from app.terminal.text import visible
from app.views.heads.atlas import WordPlace
from app.widgets.found_list import FoundList
from app.widgets.scale import GAINED, KEPT, LOST, change_style, sign_of
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Row, Rows

STATUSES: dict[Status, str] = {"kept": KEPT, "gained": GAINED, "lost": LOST}
"""What tuning does to a word pair, and in which style it is shown."""

_COLUMNS_FROM = 66
"""From this width on the lists are side by side."""


def pair_text(first: str, second: str, *, ascii_only: bool = False) -> str:
    """Two words as one pair, harmless."""
    return "=".join(visible(word, ascii_only=ascii_only) for word in (first, second))


def count_text(pair: WordPairChange, *, ascii_only: bool = False) -> str:
    """The number of neuron pairs behind it; both models' numbers if they differ."""
    times, arrow = ("x", "->") if ascii_only else ("×", "→")
    base, tuned = pair.count_base, pair.count_tuned
    if base and tuned and base != tuned:
        return f"{times}{base}{arrow}{times}{tuned}"
    return f"{times}{tuned or base}"


class HeadPage(Horizontal):
    """Three lists; left and right move between them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "column(-1)", "Previous list", show=False),
        Binding("right,l", "column(1)", "Next list", show=False),
    ]

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._pairs: dict[Status, tuple[WordPairChange, ...]] = dict.fromkeys(STATUSES, ())

    def compose(self) -> ComposeResult:
        for status in STATUSES:
            yield TableList(ascii_only=self._ascii, empty=" –", filters=False, id=status)

    def on_resize(self, event: Resize) -> None:
        """Stack the lists if three do not fit side by side."""
        self.set_class(event.size.width < _COLUMNS_FROM, "-stacked")

    def show(self, comparison: HeadComparison | None) -> None:
        """Show another head; None for one not computed yet."""
        for status, style in STATUSES.items():
            pairs = self._pairs[status] = () if comparison is None else comparison.of(status)
            table = self._list(status)
            title = f"{sign_of(style, ascii_only=self._ascii)} {status}"
            table.border_title = Text(title if comparison is None else f"{title} {len(pairs)}")
            columns = (
                Column("pair", style=style, least=8, harmless=True),
                Column("by", style="dim"),
            )
            table.show_rows(columns, Rows.of([self._row(pair) for pair in pairs]), row=0)

    @property
    def pair(self) -> WordPairChange | None:
        """The pair under the cursor of the list in use."""
        for status in STATUSES:
            table = self._list(status)
            if table is self.screen.focused and (number := table.row_number) is not None:
                return self._pairs[status][number] if self._pairs[status] else None
        return None

    def focus_first(self) -> None:
        """Focus the first non-empty list."""
        status: Status = next((each for each in STATUSES if self._pairs[each]), "kept")
        self._list(status).focus()

    def action_column(self, by: int) -> None:
        """Focus the list to the left (-1) or to the right (1)."""
        focused = self.screen.focused
        lists = [self._list(each) for each in STATUSES]
        here = lists.index(focused) if focused in lists else 0
        lists[(here + by) % len(lists)].focus()

    def _list(self, status: Status) -> TableList:
        return self.query_one(f"#{status}", TableList)

    def _row(self, pair: WordPairChange) -> Row:
        return (
            pair_text(pair.word_a, pair.word_b, ascii_only=self._ascii),
            count_text(pair, ascii_only=self._ascii),
        )


class FoundHeads(FoundList[WordPlace]):
    """One line per head: its place, the model with more pairs of the word, its partners."""

    COLUMNS = (
        Column("layer"),
        Column("head"),
        Column("base", style="dim"),
        Column("tuned", style="dim"),
        Column("change", "{:+d}".format, change_style),
        Column("partners", least=12, harmless=True),
    )

    def row_of(self, place: WordPlace) -> Row:
        partners = "  ".join(visible(each, ascii_only=self._ascii) for each in place.partners[:40])
        counts = place.pairs_base, place.pairs_tuned, place.difference
        return place.layer, place.head, *counts, partners
