"""Lists of components: those of a layer, matched ones on one line; and the results of a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from analysis.concepts.changes import component_words
from analysis.concepts.result import Components, LayerConcepts
from analysis.concepts.tables import Description, Descriptions
from app.terminal.model_marks import MARKS
from app.terminal.text import fit, visible
from app.views.concepts.atlas import ConceptAtlas, ConceptRow, WordPlace
from app.widgets.found_list import FoundList
from app.widgets.scale import GAINED, KEPT, LOST, Span, sign_of
from app.widgets.table_list import TableList
from app.widgets.table_rows import Arrangement, Column, Row, Rows, cell_text

_VARIANCE_FROM = 90
"""From this width on there is room for the explained variance."""
_RANKED = Arrangement(column=0, falling=True)
"""The components that turned most come first."""


class ConceptList(TableList):
    """Rows of a layer, by how far they turned; only visible lines are rendered."""

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
        width: int,
    ) -> None:
        """Show a layer, None if not computed yet; another one than before from its first row.

        `width` says what there is room for.
        """
        place = self.cursor if _same(self._layer, layer) else 0
        self._layer, self._components, self._descriptions = layer, rows, descriptions
        ascii_only, wide = self._ascii, width >= _VARIANCE_FROM
        span = Span() if layer is None else Span.of([layer.angles])
        signs = {style: sign_of(style, ascii_only=ascii_only) for style in (KEPT, GAINED, LOST)}
        degrees = "{:.1f}".format if ascii_only else "{:.1f}°".format
        columns = [
            Column("turned", degrees, span.shade, missing="–"),
            *(Column(mark.ascii if ascii_only else mark.glyph, missing="none") for mark in MARKS),
            *([Column("var %", "{:.2f}".format, "dim", missing="–")] if wide else []),
            *([Column("description", least=20)] if descriptions is not None else []),
            *(
                Column(f"{sign} {name}", style=style, least=10, harmless=True)
                for (style, sign), name in zip(
                    signs.items(), ("kept", "gained", "lost"), strict=True
                )
            ),
        ]

        def cells(index: int) -> Row:
            assert layer is not None
            row = rows[index]
            share = None
            if wide and row.base is not None:
                share = 100 * float(layer.base.explained_variance[row.base])
            described = [self._description(layer, row)] if descriptions is not None else []
            return (
                *(row.angle, row.base, row.tuned),
                *([share] if wide else []),
                *described,
                *map(self._words, (row.kept, row.gained, row.lost)),
            )

        same = self.names == [column.name for column in columns]
        self.show_rows(columns, Rows.made(len(rows), cells), None if same else _RANKED)
        self.move_cursor(place)

    @property
    def row(self) -> ConceptRow | None:
        number = self.row_number
        return None if number is None else self._components[number]

    def _words(self, words: Sequence[str]) -> str:
        return " ".join(visible(word, ascii_only=self._ascii) for word in words)

    def _description(self, layer: LayerConcepts, row: ConceptRow) -> str | None:
        found = find_description(self._descriptions, layer, row, 1)
        found = found or find_description(self._descriptions, layer, row, 0)
        return None if found is None else " ".join(found.text.split())


def _same(before: LayerConcepts | None, layer: LayerConcepts | None) -> bool:
    """Whether it is the same layer of the same expert."""
    if before is None or layer is None:
        return before is layer
    return (before.layer, before.expert) == (layer.layer, layer.expert)


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
