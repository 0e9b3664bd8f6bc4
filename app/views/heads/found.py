"""The heads that pair a word, as a list: what a search over all heads found."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from app.terminal_text import fit, visible
from app.views.heads.atlas import WordPlace
from app.widgets.item_list import ItemList
from app.widgets.lines import Line


class FoundHeads(ItemList):
    """A line a head: where it is, in which model the word has more pairs, and with what.

    Attributes:
        places: What was found.
    """

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(self._line, id=id)
        self._ascii = ascii_only
        self.places: Sequence[WordPlace] = ()

    def show_places(self, word: str, places: Sequence[WordPlace], layers: int) -> None:
        """List the places of a word in so many layers."""
        self.places = places
        shown = visible(word, ascii_only=self._ascii)
        self.border_title = Text(f"“{shown}” in {len(places)} heads of {layers} layers")
        self.show(len(places), cursor=0)

    @property
    def place(self) -> WordPlace | None:
        """The place under the cursor."""
        return self.places[self.cursor] if self.places else None

    def _line(self, index: int, width: int) -> Line:
        place = self.places[index]
        where = f"layer {place.layer:>3} · head {place.head:>3}"
        counts = f"  base {place.pairs_base:>3}  tuned {place.pairs_tuned:>3}"
        difference = f" {place.difference:+4d}  " if place.difference else "    =  "
        room = width - cell_len(where + counts + difference)
        partners = "  ".join(visible(each, ascii_only=self._ascii) for each in place.partners[:40])
        return [
            (where, ""),
            (counts, "dim"),
            (difference, "accent"),
            (fit(partners, max(0, room)), ""),
        ]
