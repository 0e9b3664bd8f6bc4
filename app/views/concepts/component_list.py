"""Lists of components: those of a layer, matched ones on one line; and the results of a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from analysis.concepts.changes import component_words
from analysis.concepts.result import Components, LayerConcepts
from analysis.concepts.tables import Description, Descriptions
from app.terminal.text import fit, pad, visible
from app.views.concepts.atlas import ConceptAtlas, ConceptRow, WordPlace
from app.widgets.item_list import FoundList, ItemList
from app.widgets.lines import Line

_DESCRIBED_FROM = 130
"""From this width on descriptions appear next to the words."""
_DESCRIPTION, _SCENARIOS, _LEVEL = 28, 14, 10
_NUMBER, _SHARE, _ANGLE = 4, 7, 8


class ConceptList(ItemList):
    """Rows of a layer; only visible lines are rendered."""

    def __init__(self, follow: Callable[[], None], *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        """Args: called when the cursor moves; plain ASCII; the widget's id."""
        super().__init__(self._line, empty=" this layer is not computed yet", id=id)
        self._follow = follow
        self._ascii = ascii_only
        self._layer: LayerConcepts | None = None
        self._rows: Sequence[ConceptRow] = ()
        self._descriptions: Descriptions | None = None

    def show_layer(
        self,
        layer: LayerConcepts | None,
        rows: Sequence[ConceptRow],
        descriptions: Descriptions | None,
    ) -> None:
        """Show another layer, None if not computed yet; the cursor stays at its rank."""
        self._layer, self._rows, self._descriptions = layer, rows, descriptions
        self.show(len(rows))

    @property
    def row(self) -> ConceptRow | None:
        return self._rows[self.cursor] if self._rows else None

    def move_cursor(self, index: int) -> None:
        before = self.cursor
        super().move_cursor(index)
        if self.cursor != before:
            self._follow()

    def heading(self, names: tuple[str, str], width: int) -> str:
        """The heading above the columns."""
        room = self._room(width)
        parts = [f"{'#':>{_NUMBER}}{'var %':>{_SHARE}}  {pad(names[0] + ': words', room)}"]
        parts.append(f"{'angle':>{_ANGLE}}")
        parts.append(f"{'#':>{_NUMBER}}{'var %':>{_SHARE}}  {pad(names[1] + ': words', room)}")
        if self._describes(width):
            parts.append(f"  {pad('description', _DESCRIPTION)}  {pad('scenarios', _SCENARIOS)}")
            parts.append("  level")
        return "".join(parts)

    def _describes(self, width: int) -> bool:
        return self._descriptions is not None and width >= _DESCRIBED_FROM

    def _room(self, width: int) -> int:
        """Columns for one side's words."""
        taken = 2 * (_NUMBER + _SHARE + 2) + _ANGLE
        if self._describes(width):
            taken += _DESCRIPTION + _SCENARIOS + _LEVEL + 6
        return max(0, (width - taken) // 2)

    def _line(self, index: int, width: int) -> Line:
        layer, row = self._layer, self._rows[index]
        assert layer is not None
        room = self._room(width)
        angle = "" if row.angle is None else f"{row.angle:.1f}°"
        parts = [
            *self._side(layer.base, row.base, room),
            (f"{angle:>{_ANGLE}}", "accent"),
            *self._side(layer.tuned, row.tuned, room),
        ]
        if self._describes(width):
            parts += self._description(layer, row)
        return parts

    def _side(self, side: Components, component: int | None, room: int) -> Line:
        if component is None:
            return [(f"{'–':>{_NUMBER}}{'':>{_SHARE}}  {pad('no match', room)}", "dim")]
        words = signed_words(side, component, ascii_only=self._ascii, cells=room)
        return [
            (f"{component:>{_NUMBER}}", ""),
            (f"{100 * side.explained_variance[component]:>{_SHARE}.2f}  ", "dim"),
            (pad(words, room), ""),
        ]

    def _description(self, layer: LayerConcepts, row: ConceptRow) -> Line:
        found = find_description(self._descriptions, layer, row, 1)
        found = found or find_description(self._descriptions, layer, row, 0)
        if found is None:
            return []
        scenarios = ", ".join(found.scenarios or ())
        texts = (found.text, scenarios, found.level or "")
        text, scenarios, level = (
            " ".join(visible(word, ascii_only=self._ascii) for word in each.split())
            for each in texts
        )
        return [
            (f"  {pad(text, _DESCRIPTION)}  {pad(scenarios, _SCENARIOS)}", ""),
            (f"  {fit(level, _LEVEL)}", "dim"),
        ]


def find_description(
    descriptions: Descriptions | None, layer: LayerConcepts, row: ConceptRow, side: int
) -> Description | None:
    """The description of a row's base (0) or tuned (1) component."""
    component = (row.base, row.tuned)[side]
    if descriptions is None or component is None:
        return None
    model = (layer.base, layer.tuned)[side].model
    return descriptions.find(model, layer.layer, layer.expert, component)


def signed_words(
    side: Components, component: int, *, ascii_only: bool = False, cells: int | None = None
) -> str:
    """A component's words, harmless, best first, up to `cells`; a minus marks the negative side."""
    minus = "-" if ascii_only else "−"
    words, measures = component_words(side, component), side.measures[component].tolist()
    shown: list[str] = []
    left = cells
    for word, measure in zip(words, measures, strict=True):
        text = (minus if measure < 0 else "") + visible(word, ascii_only=ascii_only)
        if left is not None and len(shown) + 1 < len(words) and cell_len(text) >= left - 1:
            # No room for another word: the mark that there are more goes into this one.
            shown.append(fit(f"{text} …", left))
            break
        shown.append(text if left is None else fit(text, left))
        left = None if left is None else left - cell_len(text) - 1
    return " ".join(shown)


class FoundConcepts(FoundList[WordPlace]):
    """One line per row: its place, the word's rank in either model, and the words next to it."""

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
