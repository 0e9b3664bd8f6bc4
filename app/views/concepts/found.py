"""The rows with a word, as a list: what a search over all layers found."""

from __future__ import annotations

from collections.abc import Sequence

from app.views.concepts.atlas import ConceptAtlas, WordPlace
from app.views.concepts.component_list import signed_words
from app.widgets.found_list import FoundList
from app.widgets.lines import Line


class FoundConcepts(FoundList[WordPlace]):
    """A line a row: where it is, where among the words of either model, and what stands with it."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(self._line, ascii_only=ascii_only, id=id)
        self._atlas = ConceptAtlas()

    def show_places(self, word: str, places: Sequence[WordPlace], atlas: ConceptAtlas) -> None:
        """List the places of a word in these layers."""
        self._atlas = atlas
        base = sum(place.base is not None for place in places)
        tuned = sum(place.tuned is not None for place in places)
        counts = f"base {base} · tuned {tuned}"
        self.list_places(word, places, f"components of {len(atlas.layers)} layers: {counts}")

    def _line(self, index: int, width: int) -> Line:
        place = self.places[index]
        layer, row = self._atlas.layer(place.layer), self._atlas.rows(place.layer)[place.row]
        assert layer is not None
        parts = [(f"layer {place.layer:>3} ", "")]
        sides = (("base", row.base, place.base), ("tuned", row.tuned, place.tuned))
        for name, component, rank in sides:
            number = "–" if component is None else str(component)
            parts.append((f" · {name} {number:>3}", "" if rank else "dim"))
            parts.append(
                (f"  no. {rank[0]:>2} {rank[1]:+.2f}" if rank else f"{'not there':>14}", "dim")
            )
        side, component = (
            (layer.tuned, row.tuned) if place.tuned is not None else (layer.base, row.base)
        )
        assert component is not None
        words = signed_words(side, component, ascii_only=self._ascii, cells=width)
        return [*parts, (f"  {words}", "")]
