"""The neurons that write a word, as a list."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from analysis.neurons.gather import Place
from app.terminal.text import pad, visible
from app.views.neurons.atlas import ComponentAtlas
from app.views.neurons.text import side_heading
from app.views.neurons.word_search import Entry, WordSearch
from app.widgets.item_list import FollowedList, ItemList
from app.widgets.lines import Line, Lines

_LAYER, _EXPERT, _NEURON, _SIDE = 6, 7, 8, 24
_FRAME = 3
"""The list's frame and its bar."""


class ComponentWordPage(Vertical):
    """A list by descending |cos(w, E[word])|."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._minus = "-" if ascii_only else "−"
        self._atlas = ComponentAtlas(())
        self._names = ("", "")
        self._search: WordSearch | None = None
        # The neuron the user moved to; None to stay at the top.
        self._entry: Entry | None = None

    def compose(self) -> ComposeResult:
        yield Lines(id="word-columns", classes="columns")
        yield FollowedList(self._line, self._moved, empty=" none so far", id="writers")

    def show_search(
        self, search: WordSearch, atlas: ComponentAtlas, names: tuple[str, str]
    ) -> None:
        """List a search's results; in the same search the cursor keeps its neuron."""
        if search is not self._search:
            self._entry = None
        self._search, self._atlas, self._names = search, atlas, names
        cursor = 0 if self._entry is None else search.index(self._entry)
        word = visible(search.word, ascii_only=self._ascii)
        self.items.border_title = Text(f"neurons that write “{word}”, by |cos(w, E)|")
        self.items.show(len(search), cursor=cursor)
        self._show_heading()

    def on_resize(self, event: Resize) -> None:
        self._show_heading()

    @property
    def items(self) -> ItemList:
        return self.query_one("#writers", ItemList)

    @property
    def place(self) -> Place | None:
        if self._search is None or not self.items.count:
            return None
        return self._search.writer(self.items.cursor, self._atlas).place

    def text(self) -> str:
        if self._search is None:
            return ""
        table = self._search.table(self._atlas)
        rows = [table.columns, *table]
        return "\n".join("\t".join("" if c is None else str(c) for c in row) for row in rows) + "\n"

    def _moved(self) -> None:
        search, cursor = self._search, self.items.cursor
        self._entry = search.entry(cursor) if search is not None and cursor else None

    @property
    def _side_width(self) -> int:
        where = _LAYER + (_EXPERT if self._atlas.mixture else 0) + _NEURON + 2
        return min(_SIDE, (self.size.width - _FRAME - where - 2) // 2)

    def _show_heading(self) -> None:
        parts = [f"{'layer':>{_LAYER}}"]
        parts += [f"{'expert':>{_EXPERT}}"] if self._atlas.mixture else []
        parts += [f"{'neuron':>{_NEURON}}"]
        sides = [side_heading(name, ": cos, sets", self._side_width) for name in self._names]
        heading = f" {''.join(parts)}  {'  '.join(sides)}"
        self.query_one("#word-columns", Lines).show([(heading, "dim")])

    def _line(self, index: int, width: int) -> Line:
        assert self._search is not None
        writer = self._search.writer(index, self._atlas)
        layer, expert, neuron = writer.place
        where = f"{layer:>{_LAYER}}"
        if self._atlas.mixture:
            where += f"{expert if expert >= 0 else '':>{_EXPERT}}"
        of = len(self._atlas.counted)
        sides = []
        for cosine, sets in zip(writer.cosines, writer.sets, strict=True):
            sign = self._minus if cosine < 0 else "+"
            sides.append(pad(f"{sign}{abs(cosine):.2f}  {sets} of {of}", self._side_width))
        return [(f"{where}{neuron:>{_NEURON}}  ", ""), ("  ".join(sides), "")]
