"""The verb table (Table 3): in which layers heads turn towards instruction verbs."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from analysis.heads.result import HeadPairs
from analysis.heads.verbs import VerbRow, VerbTable, verb_table
from analysis.statistics.inference import Sample
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Row, Rows

_COLUMNS = (
    Column("layers"),
    Column("heads"),
    Column("instruction verbs"),
    Column("general verbs"),
    Column("p", lambda p: p if isinstance(p, str) else f"{p:.3g}"),
)


class VerbPage(Vertical):
    """A row per group of layers, and how to read it. `table` is None while counting."""

    class Counted(Message):
        """Counting is done."""

        def __init__(self, table: VerbTable, computed: int, layers: int) -> None:
            super().__init__()
            self.table = table
            self.computed = computed
            self.layers = layers

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self.table: VerbTable | None = None

    def compose(self) -> ComposeResult:
        yield Static("", markup=False, id="verbs-of")
        yield TableList(ascii_only=self._ascii, empty=" Counting.", filters=False, id="verb-table")
        yield Static("", markup=False, id="verbs-rest")

    def focus_shown(self) -> None:
        self.query_one(TableList).focus()

    def count(self, base: Sequence[HeadPairs], tuned: Sequence[HeadPairs], layers: int) -> None:
        """Count the verbs in some layers of both models on a thread, then show the table."""
        self.table = None
        self._show_rows(())

        def count() -> None:
            self.post_message(self.Counted(verb_table(base, tuned, layers), len(base), layers))

        self.run_worker(count, thread=True, exclusive=True, group="verbs")

    def _show_rows(self, rows: Sequence[Row]) -> None:
        table = self.query_one(TableList)
        table.styles.height = 2 + max(1, len(rows))
        table.show_rows(_COLUMNS, Rows.of(rows))

    @on(Counted)
    def _show(self, message: Counted) -> None:
        self.table = message.table
        self._show_rows([_cells(row) for row in message.table.rows])
        rests = f"It rests on {message.computed} of {message.layers} layers"
        all_there = message.computed == message.layers
        rests += "." if all_there else "; the others are not computed yet."
        self.query_one("#verbs-of", Static).update(_SHARE)
        self.query_one("#verbs-rest", Static).update(f"{rests}\n\n{_HOW_TO_READ}")


_SHARE = "Of the heads whose number of pairs with a verb changed, the share where it rose (in %)\n"
_HOW_TO_READ = (
    "50 is neutral. Mean ± standard deviation over the verbs, and their number; p: Welch's "
    "two-sided t-test that the two means are the same."
)


def _cells(row: VerbRow) -> Row:
    p = row.note if row.p_value is None else row.p_value
    layers = f"{row.first}–{row.last}"
    return layers, row.heads, _sample(row.instruction), _sample(row.general), p


def _sample(sample: Sample) -> str:
    if not sample.count:
        return "none"
    return f"{100 * sample.mean:.1f} ± {100 * sample.deviation:.1f} ({sample.count})"
