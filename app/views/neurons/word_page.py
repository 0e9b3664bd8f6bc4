"""The search for the neurons that write a word, and its results as a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from analysis.neurons.gather import Place
from analysis.neurons.pair import PairSets
from analysis.table import Cell
from app.frame.export import Tables
from app.jobs.layer_jobs import LayerJobs
from app.jobs.watch import Watch
from app.terminal.text import visible
from app.views.neurons.atlas import UnitAtlas
from app.views.neurons.member_text import place_columns, sets_text
from app.views.neurons.word_search import Entry, WordSearch, Writer
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Row, Rows

if TYPE_CHECKING:
    from analysis.session.drive import Answerer
    from app.frame.shell import Shell
    from app.workspace import PairWorkspace


class FoundNeurons(Vertical):
    """A list by descending |cos(w, E[word])|; `search` is None before the first one."""

    def __init__(self, ui: Shell, follow: Callable[[], None], *, id: str) -> None:  # noqa: A002
        """Args: the app; called after news of the search; the widget's id."""
        super().__init__(id=id)
        self._ui, self._follow = ui, follow
        self._ascii = ui.settings.ascii
        self._minus = "-" if self._ascii else "−"
        self._atlas = UnitAtlas(())
        self._names = ("", "")
        self.search: WordSearch | None = None
        # The neuron the user moved to; None to stay at the top.
        self._entry: Entry | None = None

    def compose(self) -> ComposeResult:
        yield TableList(
            ascii_only=self._ascii,
            follow=self._moved,
            empty=" none so far",
            filters=False,
            id="writers",
        )

    def start(self, word: str, pair: PairWorkspace, session: Answerer, atlas: UnitAtlas) -> None:
        """Search for a word, in place of the previous one."""
        self.stop()
        self.search = WordSearch(word, pair, session, self, atlas.layers)
        self._entry = None

    def stop(self) -> bool:
        """Stop the search; returns whether it was running."""
        if self.search is None or self.search.jobs.layer is None:
            return False
        self.search.jobs.stop()
        return True

    def show_atlas(self, atlas: UnitAtlas, names: tuple[str, str]) -> None:
        """List the results; the cursor keeps its neuron. `names` are harmless."""
        assert self.search is not None
        self._atlas, self._names = atlas, names
        search, row = self.search, 0 if self._entry is None else self.search.index(self._entry)
        word = visible(self.search.word, ascii_only=self._ascii)
        self.items.border_title = Text(f"neurons that write “{word}”, by |cos(w, E)|")
        columns = self._columns()
        rows = Rows.made(len(search), lambda index: self._cells(search.writer(index, atlas)))
        self.items.show_rows(columns, rows, row=row)

    @on(Watch.Changed)
    def _news(self, message: Watch.Changed) -> None:
        message.stop()
        search = self.search
        step = None if search is None else search.jobs.apply(message.watch)
        if search is None or step is None:
            return
        for notice in step.notices:
            self._ui.say(str(notice.problem), severity="warning")
        if search.jobs.problem is not None:
            # In full: on a narrow screen it does not fit the line.
            self._ui.say(str(search.jobs.problem), severity="error")
        if step.finished is not None:
            search.take(step.finished)
            self.show_atlas(self._atlas, self._names)
        self._follow()

    @property
    def unfinished(self) -> LayerJobs[Any] | None:
        """The search if it failed or was stopped and may run again."""
        return self.search.jobs if self.search is not None and self.search.can_run else None

    @property
    def failed_word(self) -> str:
        """A word whose search failed, to be corrected; else empty."""
        failed = self.search is not None and self.search.jobs.problem is not None
        return self.search.word if self.search is not None and failed else ""

    def focus_shown(self) -> None:
        self.items.focus()

    @property
    def items(self) -> TableList:
        return self.query_one("#writers", TableList)

    @property
    def place(self) -> Place | None:
        number = self.items.row_number
        if self.search is None or number is None:
            return None
        return self.search.writer(number, self._atlas).place

    def tables(self, pair: PairSets) -> Tables:
        """What is exported, by its kind; nothing before a search."""
        if self.search is None:
            return {}
        # Made here: the search may go on while it is written.
        found = self.search.table(self._atlas)
        return {f"components-word-{self.search.word}": lambda: found}

    def text(self) -> str:
        if self.search is None:
            return ""
        table = self.search.table(self._atlas)
        rows = [table.columns, *table]
        return "\n".join("\t".join("" if c is None else str(c) for c in row) for row in rows) + "\n"

    def _moved(self) -> None:
        search, number = self.search, self.items.row_number
        self._entry = None
        if search is not None and number is not None and self.items.cursor:
            self._entry = search.entry(number)

    def _columns(self) -> list[Column]:
        columns = place_columns(experts=self._atlas.mixture)
        for side in ("base", "tuned"):
            columns.append(Column(f"{side} cos", self._cosine))
            columns.append(Column(f"{side} sets", sets_text(len(self._atlas.counted)), "dim"))
        return columns

    def _cosine(self, cosine: Cell) -> str:
        assert isinstance(cosine, float)
        return f"{self._minus if cosine < 0 else '+'}{abs(cosine):.2f}"

    def _cells(self, writer: Writer) -> Row:
        layer, expert, neuron = writer.place
        cells: list[Cell] = [layer]
        if self._atlas.mixture:
            cells.append(None if expert < 0 else expert)
        cells.append(neuron)
        for cosine, sets in zip(writer.cosines, writer.sets, strict=True):
            cells += [cosine, sets]
        return tuple(cells)
