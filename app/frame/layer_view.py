"""A view of one layer at a time: the current layer is computed first, a search covers all.

Words filter the table in sight while they are typed; Enter looks for them in all layers, the down
key goes to the rows that are left.
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


class LayerView(PairView[Jobs]):
    """Parts are layers; one page, `found`, lists the places of a word.

    Subclasses set `FOUND`, the plural noun for these places. `compose` yields a `SearchBar`.
    """

    FOUND: ClassVar[str]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._settling: Timer | None = None

    def _settle(self) -> None:
        """Compute the current layer next, once the user has stayed on it long enough."""
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

    def _typed(self, text: str) -> None:
        """Take in what is typed so far, or that it has ended: the empty text."""
        self.filter_table(text)

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
        if nothing:
            self.ui.say(nothing)

    def action_find_next(self, direction: int) -> None:
        """Go to the next (1) or the previous (-1) match."""
        found = self._found
        if self._page != "found":
            found.move_cursor((found.cursor + direction) % found.count)
        self._go_to_found()
        words = f"{found.cursor + 1} of {found.count} {self.FOUND}"
        self.query_one("#progress", Lines).show([(words, "dim")])
