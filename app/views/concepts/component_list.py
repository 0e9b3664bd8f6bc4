"""Lists of components: those of a layer, matched ones on one line; and the results of a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from analysis.concepts.changes import component_words
from analysis.concepts.result import Components, LayerConcepts
from analysis.concepts.tables import Description, Descriptions
from app.terminal.text import fit, visible
from app.views.concepts.atlas import ConceptAtlas, ConceptRow, WordPlace
from app.widgets.found_list import FoundList
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Row, Rows, cell_text

_DESCRIBED_FROM = 130
"""From this width on descriptions appear next to the words."""


class ConceptList(TableList):
    """Rows of a layer; only visible lines are rendered."""

    def __init__(self, follow: Callable[[], None], *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        """Args: called when the cursor moves; plain ASCII; the widget's id."""
        super().__init__(
            ascii_only=ascii_only,
            follow=follow,
            empty=" this layer is not computed yet",
            filters=False,
            id=id,
        )
        self._layer: LayerConcepts | None = None
        self._components: Sequence[ConceptRow] = ()
        self._descriptions: Descriptions | None = None

    def show_layer(
        self,
        layer: LayerConcepts | None,
        rows: Sequence[ConceptRow],
        descriptions: Descriptions | None,
        names: tuple[str, str],
        width: int,
    ) -> None:
        """Show another layer, None if not computed yet; the cursor stays at its rank.

        `names` are those of both models; `width` says whether there is room for descriptions.
        """
        self._layer, self._components, self._descriptions = layer, rows, descriptions
        describes = descriptions is not None and width >= _DESCRIBED_FROM
        columns = [
            *_side_columns(names[0]),
            Column("angle", "{:.1f}°".format, "accent"),
            *_side_columns(names[1]),
        ]
        if describes:
            columns += [
                Column("description", least=28),
                Column("scenarios", least=14),
                Column("level", style="dim", least=10),
            ]

        def cells(index: int) -> Row:
            assert layer is not None
            row = rows[index]
            sides = self._side(layer.base, row.base), self._side(layer.tuned, row.tuned)
            described = self._description(layer, row) if describes else ()
            return *sides[0], row.angle, *sides[1], *described

        self.show_rows(columns, Rows.made(len(rows), cells))

    @property
    def row(self) -> ConceptRow | None:
        number = self.row_number
        return None if number is None else self._components[number]

    def _side(self, side: Components, component: int | None) -> Row:
        if component is None:
            return None, None, None
        words = signed_words(side, component, ascii_only=self._ascii)
        return component, 100 * float(side.explained_variance[component]), words

    def _description(self, layer: LayerConcepts, row: ConceptRow) -> Row:
        found = find_description(self._descriptions, layer, row, 1)
        found = found or find_description(self._descriptions, layer, row, 0)
        if found is None:
            return None, None, None
        texts = (found.text, ", ".join(found.scenarios or ()), found.level or "")
        return tuple(" ".join(each.split()) for each in texts)


def _side_columns(name: str) -> list[Column]:
    return [
        Column("#", missing="–"),
        Column("var %", "{:.2f}".format, "dim"),
        Column(f"{name}: words", least=8, missing="no match", harmless=True),
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

    COLUMNS = (
        Column("layer"),
        *(
            Column(name, text, style, missing=missing)
            for side in ("base", "tuned")
            for name, text, style, missing in (
                (side, cell_text, "", "–"),
                ("no.", cell_text, "dim", "not there"),
                ("cos", "{:+.2f}".format, "dim", ""),
            )
        ),
        Column("words", least=12, harmless=True),
    )

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(ascii_only=ascii_only, id=id)
        self._atlas = ConceptAtlas()

    def show_places(self, word: str, places: Sequence[WordPlace], atlas: ConceptAtlas) -> None:
        """List the places of a word in these layers."""
        self._atlas = atlas
        base = sum(place.base is not None for place in places)
        tuned = sum(place.tuned is not None for place in places)
        counts = f"base {base} · tuned {tuned}"
        self.list_places(word, places, f"components of {len(atlas.layers)} layers: {counts}")

    def row_of(self, place: WordPlace) -> Row:
        layer, row = self._atlas.layer(place.layer), self._atlas.rows(place.layer)[place.row]
        assert layer is not None
        sides = [
            (component, *(rank or (None, None)))
            for component, rank in ((row.base, place.base), (row.tuned, place.tuned))
        ]
        side, component = (
            (layer.tuned, row.tuned) if place.tuned is not None else (layer.base, row.base)
        )
        assert component is not None
        words = signed_words(side, component, ascii_only=self._ascii)
        return place.layer, *sides[0], *sides[1], words
