"""The neuron page: a head's neuron pairs, and the word pairs of the one under the cursor."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal

from analysis.heads.changes import neuron_changes
from analysis.heads.result import NeuronPairs
from app.views.heads.page import pair_text
from app.widgets.table_list import TableList
from app.widgets.table_rows import AS_IT_COMES, NO_ROWS, Column, Row, Rows

_NEURONS = (
    Column("neuron pair"),
    Column("pairs", style="dim"),
    Column("change", "{:.2f}".format, "accent"),
)
_PAIRS = (Column("pair", least=12, harmless=True), Column("q · k", style="accent"))


class NeuronPage(Horizontal):
    """Neuron pairs on the left; one's word pairs on the right, by descending q · k."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._shown: NeuronPairs | None = None
        self._changes: list[float] = []
        self._model = ""

    def compose(self) -> ComposeResult:
        yield TableList(
            ascii_only=self._ascii, follow=self._show_words, empty="", filters=False, id="neurons"
        )
        yield TableList(
            ascii_only=self._ascii,
            empty=" this neuron pair relates no words",
            filters=False,
            id="pairs",
        )

    def show(self, both: tuple[NeuronPairs, NeuronPairs] | None, side: int, model: str) -> None:
        """Show a head's neuron pairs, None while computed; the same head keeps its cursor.

        `side` is the model whose words are shown, `model` its harmless name.
        """
        before, self._shown = self._shown, None if both is None else both[side]
        self._changes = [] if both is None else neuron_changes(*both).tolist()
        neurons = self.query_one("#neurons", TableList)
        rows = Rows.made(len(self._changes), self._neuron)
        same = _same_head(before, self._shown)
        neurons.show_rows(_NEURONS, rows, None if same else AS_IT_COMES)
        neurons.border_title = Text(f"{len(self._changes)} neuron pairs" if both else "computing")
        self._model = model
        self._show_words()

    def focus_list(self) -> None:
        self.query_one("#neurons").focus()

    def text(self) -> str:
        """The word pairs of the neuron pair under the cursor, one per line."""
        shown, neuron = self._shown, self._neuron_at_cursor
        if shown is None or neuron is None:
            return ""
        start, end = shown.starts[neuron : neuron + 2].tolist()
        return "".join(
            f"{shown.words[shown.first[n]]}={shown.words[shown.second[n]]} {shown.score[n]:.4g}\n"
            for n in range(start, end)
        )

    @property
    def _neuron_at_cursor(self) -> int | None:
        return self.query_one("#neurons", TableList).row_number

    def _show_words(self) -> None:
        pairs, neuron = self.query_one("#pairs", TableList), self._neuron_at_cursor
        if self._shown is None or neuron is None:
            pairs.border_title = Text(self._model)
            pairs.show_rows(_PAIRS, NO_ROWS)
            return
        start, end = self._shown.starts[neuron : neuron + 2].tolist()
        pairs.border_title = Text(
            f"{self._model} · neuron pair {neuron} · {end - start} pairs by q · k"
        )
        rows = Rows.made(end - start, lambda index: self._pair(start + index))
        pairs.show_rows(_PAIRS, rows, row=0)

    def _neuron(self, index: int) -> Row:
        assert self._shown is not None
        start, end = self._shown.starts[index : index + 2].tolist()
        return index, end - start, self._changes[index]

    def _pair(self, place: int) -> Row:
        shown = self._shown
        assert shown is not None
        first, second = shown.words[shown.first[place]], shown.words[shown.second[place]]
        return pair_text(first, second, ascii_only=self._ascii), float(shown.score[place])


def _same_head(one: NeuronPairs | None, other: NeuronPairs | None) -> bool:
    return (
        one is not None and other is not None and (one.layer, one.head) == (other.layer, other.head)
    )
