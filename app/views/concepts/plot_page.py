"""One of the Concepts view's plots, or its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from analysis.concepts.result import LayerConcepts
from analysis.concepts.tables import Descriptions, NoDescriptions
from analysis.table import Table
from app.views.concepts.plots import PlotKind, plot_and_table, plot_kinds
from app.widgets.plot import Plot
from app.widgets.table_list import TableList


class ConceptPlotPage(Vertical):
    """Cycles through the plots; shows each as a plot or as a table.

    `kind` is the current plot; `table` has its numbers, None before there are any.
    """

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
        self.kind: PlotKind = "variance"
        self.table: Table | None = None

    def compose(self) -> ComposeResult:
        yield Plot(ascii_only=self._ascii, id="plot")
        yield TableList(ascii_only=self._ascii, filters=False, id="table")

    def first(self) -> None:
        self.kind = plot_kinds(described=True)[0]

    def next(self, *, described: bool) -> bool:
        """Go to the next plot; False after the last one."""
        kinds = plot_kinds(described=described)
        after = kinds.index(self.kind) + 1 if self.kind in kinds else len(kinds)
        if after == len(kinds):
            return False
        self.kind = kinds[after]
        return True

    def show(
        self,
        layer: LayerConcepts | None,
        layers: Sequence[LayerConcepts],
        descriptions: Descriptions | None,
        names: tuple[str, str],
    ) -> None:
        """Draw the plot of the current layer (or None) and all computed ones; harmless names."""
        known = descriptions or NoDescriptions()
        plot, self.table = plot_and_table(self.kind, layer, layers, names, known)
        self.query_one(Plot).show(plot)
        self.query_one(TableList).show_table(self.table)

    def swap(self) -> None:
        self.toggle_class("-table")
        self.focus_shown()

    def focus_shown(self) -> None:
        self.query_one(TableList if self.has_class("-table") else Plot).focus()

    def text(self) -> str:
        return self.query_one(TableList).text()
