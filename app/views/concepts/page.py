"""A layer's components, ranked, with details of the current one; all layers at the side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize

from analysis.concepts.result import LayerConcepts
from analysis.concepts.tables import Descriptions
from app.views.concepts.atlas import ConceptRow
from app.views.concepts.component_list import ConceptList
from app.views.concepts.text import details, details_beside
from app.widgets.bar_list import drawn
from app.widgets.item_list import ItemList
from app.widgets.lines import Line
from app.widgets.scaled_lines import ScaledLines

WIDE_FROM = 140
"""From this width on, layers and details stand beside the list."""
_BELOW = 6


class LayerBars(ItemList, can_focus=False):
    """How far the components of each layer turned on average."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(self._line, id=id)
        self._ascii = ascii_only
        self._angles: Mapping[int, float] = {}

    def show_angles(self, angles: Mapping[int, float], layers: int, current: int) -> None:
        """Show the layers' mean angles in degrees, as far as they are known."""
        self._angles = angles
        self.show(layers, cursor=current)

    def _line(self, index: int, width: int) -> Line:
        here = index == self.cursor
        mark = (">" if self._ascii else "▸") if here else " "
        angle = self._angles.get(index)
        name = (f"{mark}{index:>4} ", "strong" if here else "")
        if angle is None:
            return [name, ("    –", "dim")]
        room = max(0, width - 14)
        bar = drawn(angle, 0.0, max(self._angles.values()), room, ascii_only=self._ascii)
        return [name, (f"{angle:5.1f}° ", "strong" if here else ""), (bar, "accent")]


class ConceptPage(Container):
    """The list of one layer."""

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self._layer: LayerConcepts | None = None
        self._descriptions: Descriptions | None = None
        self._notes: Sequence[str] = ()
        self._rows: Sequence[ConceptRow] = ()

    def compose(self) -> ComposeResult:
        yield LayerBars(ascii_only=self._ascii, id="layers")
        yield ConceptList(self._show_details, ascii_only=self._ascii, id="list")
        yield ScaledLines(id="details")

    def on_mount(self) -> None:
        self.query_one("#layers").border_title = Text("layers, turned by")
        self.query_one("#list").border_title = Text("components by how far they turned")

    def show(
        self,
        layer: LayerConcepts | None,
        rows: Sequence[ConceptRow],
        descriptions: Descriptions | None,
        notes: Sequence[str],
    ) -> None:
        """Show a layer, None if not computed yet; another one than before from its first row."""
        self._layer, self._descriptions = layer, descriptions
        self._rows, self._notes = rows, notes
        self._show_rows()
        self._show_details()

    def show_layers(self, angles: Mapping[int, float], layers: int, current: int) -> None:
        """Show how far all layers turned; see `LayerBars.show_angles`."""
        self.query_one(LayerBars).show_angles(angles, layers, current)

    @property
    def items(self) -> ConceptList:
        return self.query_one(ConceptList)

    def on_resize(self, event: Resize) -> None:
        """Put the details below the list where they do not fit beside it."""
        self.set_class(event.size.width < WIDE_FROM, "-narrow")
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self._show_rows()
        self._show_details()

    def _show_rows(self) -> None:
        width = self.items.size.width
        self.items.show_layer(self._layer, self._rows, self._descriptions, width)

    def _show_details(self) -> None:
        pane, row = self.query_one("#details", ScaledLines), self.items.row
        about = self._layer, row, self._descriptions, self._notes
        width = max(20, pane.content_size.width)
        if self.has_class("-narrow"):
            lines = details(*about, width=width, height=_BELOW, ascii_only=self._ascii)
        else:
            lines = details_beside(*about, width=width, ascii_only=self._ascii)
        pane.show(*lines)
