"""The search for the neurons that write a word, and its results as a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from analysis.neurons.gather import Place
from app.jobs.layer_jobs import LayerJobs
from app.jobs.watch import Watch
from app.terminal.text import pad, visible
from app.views.neurons.atlas import UnitAtlas
from app.views.neurons.member_text import columns
from app.views.neurons.text import side_heading
from app.views.neurons.word_search import Entry, WordSearch
from app.widgets.item_list import FollowedList, ItemList
from app.widgets.lines import Line, Lines

if TYPE_CHECKING:
    from analysis.session.drive import Answerer
    from app.frame.shell import Shell
    from app.workspace import PairWorkspace

_SIDE = 24
_FRAME = 3
"""The list's frame and its bar."""


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
        yield Lines(id="word-columns", classes="columns")
        yield FollowedList(self._line, self._moved, empty=" none so far", id="writers")

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
        cursor = 0 if self._entry is None else self.search.index(self._entry)
        word = visible(self.search.word, ascii_only=self._ascii)
        self.items.border_title = Text(f"neurons that write “{word}”, by |cos(w, E)|")
        self.items.show(len(self.search), cursor=cursor)
        self._show_heading()

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

    def on_resize(self, event: Resize) -> None:
        self._show_heading()

    @property
    def items(self) -> ItemList:
        return self.query_one("#writers", ItemList)

    @property
    def place(self) -> Place | None:
        if self.search is None or not self.items.count:
            return None
        return self.search.writer(self.items.cursor, self._atlas).place

    def text(self) -> str:
        if self.search is None:
            return ""
        table = self.search.table(self._atlas)
        rows = [table.columns, *table]
        return "\n".join("\t".join("" if c is None else str(c) for c in row) for row in rows) + "\n"

    def _moved(self) -> None:
        search, cursor = self.search, self.items.cursor
        self._entry = search.entry(cursor) if search is not None and cursor else None

    @property
    def _side_width(self) -> int:
        where = len(columns("", "", "", experts=self._atlas.mixture)) + 2
        return min(_SIDE, (self.size.width - _FRAME - where - 2) // 2)

    def _show_heading(self) -> None:
        where = columns("layer", "expert", "neuron", experts=self._atlas.mixture)
        sides = [side_heading(name, ": cos, sets", self._side_width) for name in self._names]
        heading = f" {where}  {'  '.join(sides)}"
        self.query_one("#word-columns", Lines).show([(heading, "dim")])

    def _line(self, index: int, width: int) -> Line:
        assert self.search is not None
        writer = self.search.writer(index, self._atlas)
        where = columns(*writer.place, experts=self._atlas.mixture)
        of = len(self._atlas.counted)
        sides = []
        for cosine, sets in zip(writer.cosines, writer.sets, strict=True):
            sign = self._minus if cosine < 0 else "+"
            sides.append(pad(f"{sign}{abs(cosine):.2f}  {sets} of {of}", self._side_width))
        return [(f"{where}  ", ""), ("  ".join(sides), "")]
