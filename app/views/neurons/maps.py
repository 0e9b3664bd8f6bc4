"""The maps: what tuning changed, with the neurons of a cell beside it, or both models' own maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal

from analysis.neurons.pair import PairSets
from analysis.neurons.tables import summary_table, units_table
from app.frame.export import Tables
from app.views.neurons.atlas import UnitAtlas
from app.views.neurons.members import Cell
from app.views.neurons.names import NeuronNames
from app.views.neurons.numbers import MAPS, Map, Measure, numbers_of
from app.views.neurons.page import UnitPage
from app.widgets.number_map import NumberMap
from app.widgets.token_face import TokenFace

if TYPE_CHECKING:
    from app.frame.view import View

TITLES = {
    ("overlaps", "jaccard"): "overlap of categories, Jaccard index",
    ("overlaps", "containment"): "share of the row's set that is in the column's",
    ("layers", "jaccard"): "how many, by layer",
    ("changes", "jaccard"): "{unit} lost and gained, by layer",
}
SCALES = {
    ("overlaps", "jaccard"): "Jaccard index of two categories' sets",
    ("overlaps", "containment"): "share of the row's set",
    ("layers", "jaccard"): "number in the layer's set; all layers have a scale of their own",
    ("changes", "jaccard"): "share of the set that tuning changed",
}
"""What a map's lightness says."""


class UnitMaps(Horizontal):
    """Two maps if there is room, else that of the current side (0 base, 1 tuned).

    The map of changes is about both; with room, the units of its cell are listed beside it.
    """

    def __init__(
        self,
        view: View,
        words: NeuronNames,
        follow: Callable[[], None],
        *,
        id: str,  # noqa: A002 - Textual's own name
    ) -> None:
        """Args: the view; the words of neurons; called when the cursor moves; the widget's id."""
        super().__init__(id=id)
        self._view, self._words = view, words
        self._follow = follow
        self._ascii = view.ui.settings.ascii
        self._atlas = UnitAtlas(())
        self._names = ("", "")
        self.shown: Map = "changes"
        self.measure: Measure = "jaccard"
        self.side = 1

    def compose(self) -> ComposeResult:
        for name in ("base", "tuned"):
            yield NumberMap(ascii_only=self._ascii, follow=self._moved, id=f"map-{name}")
        yield UnitPage(self._view, self._words, id="beside")

    def on_mount(self) -> None:
        # The keys are the map's; enter lists the same units over the whole width.
        self._beside.items.can_focus = False

    @property
    def _beside(self) -> UnitPage:
        return self.query_one("#beside", UnitPage)

    @property
    def maps(self) -> tuple[NumberMap, NumberMap]:
        return self.query_one("#map-base", NumberMap), self.query_one("#map-tuned", NumberMap)

    def offers(self, key: str) -> bool:
        """Whether there is something to do for an action on the maps."""
        offered = {
            "measure": self.shown == "overlaps",
            "swap": self.shown != "changes",
            "unit": self._atlas.mixture,
        }
        return offered.get(key, True)

    @property
    def title(self) -> str:
        return TITLES[self._about].format(unit=self._atlas.unit)

    @property
    def scale(self) -> str:
        """What the map's lightness says."""
        return SCALES[self._about]

    @property
    def _about(self) -> tuple[Map, Measure]:
        return self.shown, self.measure if self.shown == "overlaps" else "jaccard"

    def show_atlas(self, atlas: UnitAtlas, names: tuple[str, str]) -> None:
        """Show an atlas with at least one category (names: harmless), keeping the cursor."""
        self._atlas, self._names = atlas, names
        changes = self.shown == "changes"
        self.set_class(changes, "-changes")
        self.set_class(self.side == 0, "-base")
        for side, each in enumerate(self.maps):
            if side == 0 or not changes:
                numbers = numbers_of(atlas, self.shown, self.measure, side, ascii_only=self._ascii)
                each.show_numbers(numbers)
            model = self._both if changes else names[side]
            each.border_title = Text(f"{model} · {self.title}")
        self._list()

    @property
    def _both(self) -> str:
        return f" {'->' if self._ascii else '→'} ".join(self._names)

    def _list(self) -> None:
        """List the units of the cell."""
        if self.shown == "changes":
            self._beside.open(self.cell)
            self._beside.show_atlas(self._atlas, self._names)

    def go_to_category(self, category: int) -> None:
        """Move the cursor to a category's column, and on the map of overlaps to its row too."""
        row = category if self.shown == "overlaps" else self.cursor[0]
        self.put_cursor(row, category)

    def turn_measure(self) -> None:
        """Measure overlaps by Jaccard index or by containment."""
        self.measure = "containment" if self.measure == "jaccard" else "jaccard"

    def turn(self) -> None:
        """Switch to the next map; the cursor stays in its column."""
        self.shown = MAPS[(MAPS.index(self.shown) + 1) % len(MAPS)]

    def text(self) -> str:
        """The visible map's numbers as tab-separated text."""
        names, side = self._names, 0 if self.shown == "changes" else self.side
        numbers = numbers_of(self._atlas, self.shown, self.measure, side, ascii_only=True)
        model = self._both if self.shown == "changes" else names[side]
        rows = [["", *numbers.columns]]
        rows += [[name, *texts] for name, texts in zip(numbers.rows, numbers.texts, strict=True)]
        return "\n".join([f"{model}, {self.title}", *("\t".join(row) for row in rows)])

    def tables(self, pair: PairSets) -> Tables:
        """What is exported, by its kind: overlaps, changes and sizes, and units that are listed."""
        found: Tables = {"components-summary": lambda: summary_table(pair)}
        if self._beside.region.area:
            found["components"] = lambda: units_table(pair)
        return found

    def focus_shown(self) -> None:
        base, tuned = self.maps
        (base if self.shown == "changes" or self.side == 0 else tuned).focus()

    @property
    def cursor(self) -> tuple[int, int]:
        return self.maps[0].cursor if self.shown == "changes" else self.maps[self.side].cursor

    def put_cursor(self, row: int, column: int) -> None:
        """Move both maps' cursors to a cell."""
        for each in self.maps:
            each.move_cursor(row, column)

    @property
    def cell(self) -> Cell:
        atlas, (row, column) = self._atlas, self.cursor
        if self.shown == "overlaps":
            return Cell(atlas.unit, tuple(dict.fromkeys((row, column))))
        general = column >= len(atlas.counted)
        categories = tuple(range(len(atlas.counted))) if general else (column,)
        return Cell(atlas.unit, categories, row - 1 if row else None)

    def _moved(self, message: TokenFace.CursorMoved) -> None:
        if self.shown != "changes":
            self.side = int(message.face is self.maps[1])
        self.put_cursor(message.row, message.column)
        self._list()
        self._follow()
