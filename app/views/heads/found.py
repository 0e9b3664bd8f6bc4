"""The heads that pair a word, as a list: what a search over all heads found."""

from __future__ import annotations

from rich.cells import cell_len

from app.terminal.text import fit, visible
from app.views.heads.atlas import WordPlace
from app.widgets.found_list import FoundList
from app.widgets.lines import Line


class FoundHeads(FoundList[WordPlace]):
    """A line a head: where it is, in which model the word has more pairs, and with what."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(self._line, ascii_only=ascii_only, id=id)

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
