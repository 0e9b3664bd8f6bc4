"""A view of one layer at a time: the one looked at comes first, a word is sought in all of them."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.timer import Timer

from app.frame.pair_view import Jobs, PairView
from app.widgets.item_list import FoundList
from app.widgets.lines import Lines
from app.widgets.search_bar import SearchBar

# A layer that is only passed is not computed.
_SETTLED_S = 0.4


class LayerView(PairView[Jobs]):
    """Parts are layers; one of the pages is `found`, the places where a word stands.

    Subclasses set `FOUND`, what these places are, in the plural. `compose` yields a `SearchBar`.
    """

    FOUND: ClassVar[str]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._settling: Timer | None = None

    # The layer that is looked at

    def _settle(self) -> None:
        """Compute the layer that is looked at next, if it is looked at for long enough."""
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
            # What stands there, such as the number of a find, stays otherwise.
            self._show_progress()

    # Search

    @property
    def _found(self) -> FoundList[Any]:
        """The list of what was found last."""
        raise NotImplementedError

    def _find(self, word: str) -> str:
        """List the places of a word; what to say where there are none."""
        raise NotImplementedError

    def _go_to_found(self) -> None:
        """Go to the place under the cursor of the list; there is one."""
        raise NotImplementedError

    def action_find(self) -> None:
        """Open the search bar."""
        self.query_one(SearchBar).open()

    @on(SearchBar.Sought)
    def _sought(self, message: SearchBar.Sought) -> None:
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
        """Go to the next (1) or the previous (-1) place found."""
        found = self._found
        if self._page != "found":
            found.move_cursor((found.cursor + direction) % len(found.places))
        self._go_to_found()
        words = f"{found.cursor + 1} of {len(found.places)} {self.FOUND}"
        self.query_one("#progress", Lines).show([(words, "dim")])
