"""A view of one layer at a time: the current layer is computed first, a search covers all.

Words filter the table in sight while they are typed; Enter looks for them in all layers, the down
key goes to the rows that are left. From a place that was found, escape leads back to the list of
them, and from there to the first page.
"""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.timer import Timer

from app.frame.pair_view import Jobs, PairView
from app.widgets.found_list import FoundList
from app.widgets.lines import Lines
from app.widgets.search_bar import SearchBar

# A layer that the user only passes through is not computed.
_SETTLED_S = 0.4
_BEYOND = "enter searches all layers"


class LayerView(PairView[Jobs]):
    """Parts are layers; one page, `found`, lists the places of a word.

    Subclasses set `FOUND`, the plural noun for these places. `compose` yields a `SearchBar`.
    """

    FOUND: ClassVar[str]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._settling: Timer | None = None
        # The page that a place was shown on which was gone to from the list of places.
        self._landed: str | None = None
        # That a word stands nowhere, until the user goes on.
        self._nothing = ""

    def _settle(self) -> None:
        """Compute the current layer next, once the user has stayed on it long enough."""
        if self._nothing:
            self._nothing = ""
            self._show_progress()
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(_SETTLED_S, self._want_layer)

    def _want_layer(self) -> None:
        layers = None if self._jobs is None else self._jobs.parts
        if layers is None:
            return
        before = layers.layer
        layers.want(self._part)
        if layers.layer != before:
            # Otherwise the line keeps its text, such as the number of a match.
            self._show_progress()

    @property
    def _found(self) -> FoundList[Any]:
        """The list of the last matches."""
        raise NotImplementedError

    def _find(self, word: str) -> str:
        """List the places of a word; returns a message if there are none."""
        raise NotImplementedError

    def _go_to_found(self) -> None:
        """Go to the place under the list's cursor; called only if there is one."""
        raise NotImplementedError

    @property
    def _is_behind(self) -> bool:
        """Whether escape leads to the list of places first, and stops nothing."""
        return self._page == self._landed

    def _back(self) -> bool:
        if not self._is_behind:
            return False
        self._turn_to("found")
        return True

    def _turn_to(self, page: str) -> None:
        self._nothing = ""
        if page == "found":
            self._landed = None
        super()._turn_to(page)

    def _show_progress(self) -> None:
        if self._nothing:
            self.query_one("#progress", Lines).show([(self._nothing, "warn")])
        else:
            super()._show_progress()

    def _typed(self, text: str) -> None:
        """Take in what is typed so far, or that it has ended: the empty text."""
        table = self.table_in_sight
        if table is not None:
            table.filter(text, beyond=_BEYOND if text else "")

    def _leave_search(self) -> None:
        table = self.table_in_sight
        if table is not None:
            table.filter(table.arrangement.words)
        super()._leave_search()

    def action_find(self) -> None:
        self.query_one(SearchBar).open()

    @on(SearchBar.Sought)
    def _sought(self, message: SearchBar.Sought) -> None:
        self._typed("" if message.finished else message.text)
        if not message.finished:
            return
        word = message.text.strip()
        nothing = self._find(word) if word else ""
        if word and not nothing:
            self._turn_to("found")
            return
        self._focus_page()
        before, self._nothing = self._nothing, self.prose(nothing)
        if self._nothing != before:
            self._show_progress()

    def _follow_found(self) -> None:
        """Go to the place under the list's cursor; escape comes back."""
        self._go_to_found()
        self._landed = self._page

    def action_find_next(self, direction: int) -> None:
        """Go to the next (1) or the previous (-1) match."""
        found = self._found
        if self._page != "found":
            found.move_cursor((found.cursor + direction) % found.count)
        self._follow_found()
        words = f"{found.cursor + 1} of {found.count} {self.FOUND}"
        self.query_one("#progress", Lines).show([(words, "dim")])
