"""The neurons that write a word, as a list."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical

from app.terminal_text import pad, visible
from app.views.components.atlas import ComponentAtlas
from app.views.components.jobs import Place
from app.views.components.text import side_heading
from app.views.components.word_search import WordSearch
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines

_LAYER, _EXPERT, _NEURON, _SIDE = 6, 7, 8, 24


class ComponentWordPage(Vertical):
    """A list by falling |cos(w, E[word])|."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._minus = "-" if ascii_only else "−"
        self._atlas = ComponentAtlas(())
        self._search: WordSearch | None = None

    def compose(self) -> ComposeResult:
        """Names of the columns, and the list."""
        yield Lines(id="word-columns", classes="columns")
        yield ItemList(self._line, empty=" none yet", id="writers")

    def show_search(
        self, search: WordSearch, atlas: ComponentAtlas, names: tuple[str, str]
    ) -> None:
        """List what a search has found so far; the cursor stays in the same search.

        Args:
            search: What was found.
            atlas: Whose sets the neurons may be in.
            names: Of base and tuned model, harmless.
        """
        cursor = self.items.cursor if search is self._search else 0
        self._search, self._atlas = search, atlas
        word = visible(search.word, ascii_only=self._ascii)
        self.items.border_title = Text(f"neurons that write “{word}”, by |cos(w, E)|")
        self.items.show(len(search), cursor=cursor)
        parts = [f"{'layer':>{_LAYER}}"]
        parts += [f"{'expert':>{_EXPERT}}"] if atlas.mixture else []
        parts += [f"{'neuron':>{_NEURON}}"]
        sides = [side_heading(name, ": cos, sets", _SIDE) for name in names]
        heading = f" {''.join(parts)}  {'  '.join(sides)}"
        self.query_one("#word-columns", Lines).show([(heading, "dim")])

    @property
    def items(self) -> ItemList:
        """The list."""
        return self.query_one("#writers", ItemList)

    @property
    def place(self) -> Place | None:
        """The neuron under the cursor."""
        if self._search is None or not self.items.count:
            return None
        return self._search.writer(self.items.cursor, self._atlas).place

    def text(self) -> str:
        """What is listed as plain text."""
        if self._search is None:
            return ""
        table = self._search.table(self._atlas)
        rows = [table.columns, *table]
        return "\n".join("\t".join("" if c is None else str(c) for c in row) for row in rows) + "\n"

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
            sides.append(pad(f"{sign}{abs(cosine):.2f}  {sets} of {of}", _SIDE))
        return [(f"{where}{neuron:>{_NEURON}}  ", ""), ("  ".join(sides), "")]
