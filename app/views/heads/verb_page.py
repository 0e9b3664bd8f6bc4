"""The verb table (Table 3): in which layers heads turn towards instruction verbs."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.message import Message
from textual.widgets import Static

from analysis.heads.result import HeadPairs
from analysis.heads.verbs import VerbTable, verb_table
from analysis.statistics.inference import Sample


class VerbPage(Static, can_focus=True):
    """A row per group of layers, and how to read it. `table` is None while counting."""

    class Counted(Message):
        """Counting is done."""

        def __init__(self, table: VerbTable, computed: int, layers: int) -> None:
            super().__init__()
            self.table = table
            self.computed = computed
            self.layers = layers

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__("", markup=False, id=id)
        self.table: VerbTable | None = None

    def count(self, base: Sequence[HeadPairs], tuned: Sequence[HeadPairs], layers: int) -> None:
        """Count the verbs in some layers of both models on a thread, then show the table."""
        self.table = None
        self.update("Counting.")

        def count() -> None:
            self.post_message(self.Counted(verb_table(base, tuned, layers), len(base), layers))

        self.run_worker(count, thread=True, exclusive=True, group="verbs")

    @on(Counted)
    def _show(self, message: Counted) -> None:
        self.table = message.table
        self.update(verb_text(message.table, computed=message.computed, layers=message.layers))


def verb_text(table: VerbTable, *, computed: int, layers: int) -> str:
    """The table as text, with the number of layers it covers."""
    lines = [
        "Of the heads whose number of pairs with a verb changed, the share where it rose (in %)",
        "",
        f"{'layers':<9}{'heads':>6}{'instruction verbs':>24}{'general verbs':>24}   p",
    ]
    for row in table.rows:
        p = row.note if row.p_value is None else f"{row.p_value:.3g}"
        lines.append(
            f"{f'{row.first}–{row.last}':<9}{row.heads:>6}"
            f"{_sample(row.instruction):>24}{_sample(row.general):>24}   {p}"
        )
    rests = f"It rests on {computed} of {layers} layers"
    rests += "." if computed == layers else "; the others are not computed yet."
    return "\n".join(
        [
            *lines,
            "",
            rests,
            "",
            "50 is neutral. Mean ± standard deviation over the verbs, and their number; p: Welch's "
            "two-sided t-test that the two means are the same.",
        ]
    )


def _sample(sample: Sample) -> str:
    if not sample.count:
        return "none"
    return f"{100 * sample.mean:.1f} ± {100 * sample.deviation:.1f} ({sample.count})"
