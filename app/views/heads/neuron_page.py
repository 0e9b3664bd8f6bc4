"""The neuron page: a head's neuron pairs, and the word pairs of the one under the cursor."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal

from analysis.heads.changes import neuron_changes
from analysis.heads.result import NeuronPairs
from app.terminal.text import pad
from app.views.heads.page import pair_text
from app.widgets.item_list import FollowedList, ItemList
from app.widgets.lines import Line


class NeuronPage(Horizontal):
    """Neuron pairs on the left; one's word pairs on the right, by descending q · k."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._shown: NeuronPairs | None = None
        self._changes: list[float] = []
        self._model = ""

    def compose(self) -> ComposeResult:
        yield FollowedList(self._neuron, self._show_words, empty="", id="neurons")
        yield ItemList(self._pair, empty="this neuron pair relates no words", id="pairs")

    def show(self, both: tuple[NeuronPairs, NeuronPairs] | None, side: int, model: str) -> None:
        """Show a head's neuron pairs, None while computed; the same head keeps its cursor.

        `side` is the model whose words are shown, `model` its harmless name.
        """
        before, self._shown = self._shown, None if both is None else both[side]
        self._changes = [] if both is None else neuron_changes(*both).tolist()
        neurons = self.query_one("#neurons", ItemList)
        neurons.show(
            len(self._changes), cursor=neurons.cursor if _same_head(before, self._shown) else 0
        )
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
        neurons = self.query_one("#neurons", ItemList)
        return neurons.cursor if neurons.count else None

    def _show_words(self) -> None:
        pairs, neuron = self.query_one("#pairs", ItemList), self._neuron_at_cursor
        if self._shown is None or neuron is None:
            pairs.border_title = Text(self._model)
            pairs.show(0, cursor=0)
            return
        start, end = self._shown.starts[neuron : neuron + 2].tolist()
        pairs.border_title = Text(
            f"{self._model} · neuron pair {neuron} · {end - start} pairs by q · k"
        )
        pairs.show(end - start, cursor=0)

    def _neuron(self, index: int, width: int) -> Line:
        assert self._shown is not None
        start, end = self._shown.starts[index : index + 2].tolist()
        return [
            (f"{index:>4} ", ""),
            (pad(f"{end - start} pairs", 11), "dim"),
            (f"change {self._changes[index]:.2f}", "accent"),
        ]

    def _pair(self, index: int, width: int) -> Line:
        shown, neuron = self._shown, self._neuron_at_cursor
        assert shown is not None
        assert neuron is not None
        place = int(shown.starts[neuron]) + index
        first, second = shown.words[shown.first[place]], shown.words[shown.second[place]]
        text = pair_text(first, second, ascii_only=self._ascii)
        return [
            (pad(text, max(0, min(40, width - 12))), ""),
            (f" {shown.score[place]:.4g}", "accent"),
        ]


def _same_head(one: NeuronPairs | None, other: NeuronPairs | None) -> bool:
    return (
        one is not None and other is not None and (one.layer, one.head) == (other.layer, other.head)
    )
