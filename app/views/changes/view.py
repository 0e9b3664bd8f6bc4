"""The Changes view: a map of all matrices, and the directions along which one changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from textwrap import wrap
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from analysis.changes.request import OUTSIDE, change_asks
from analysis.changes.result import LayerChanges, TensorChange
from analysis.changes.tables import directions_table, tensors_table
from analysis.neurons.instructions import default_instructions
from analysis.neurons.pair import Thresholds
from analysis.request import Ask
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.layer_view import LayerView
from app.frame.twin import Value, option
from app.jobs.pair_jobs import PairJobs
from app.links import ComponentLink, HeadLink, Link, UnitsLink
from app.terminal.colours import palette_of
from app.terminal.text import prose
from app.views.changes.atlas import ChangesAtlas, percent
from app.views.changes.overview import ChangesOverview
from app.views.changes.page import FoundDirections, MatrixPage
from app.views.changes.text import (
    HELP,
    UNLIKE,
    copied_map,
    copied_matrix,
    finding,
    status_lines,
)
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines
from app.widgets.number_map import NumberMap
from app.widgets.scale import scale_line
from app.widgets.scaled_lines import ScaledLines
from app.widgets.search_bar import SearchBar

_LEADS = {
    "query": "heads",
    "key": "heads",
    "value": "heads",
    "query_key_value": "heads",
    "output": "heads",
    "down": "concepts",
    "gate": "components",
    "up": "components",
    "gate_up": "components",
    "router": "components",
}
"""The view that takes a matrix apart, by the last part of its role."""


class ChangesJobs(PairJobs):
    """Parts are the layers, and what stands outside of them."""

    UNLIKE = UNLIKE
    WAITING = "Comparing the first layer: every number of both models is read."

    def planned(self) -> list[Ask[LayerChanges]]:
        """All layers, and what stands outside of them."""
        assert self.architectures is not None
        work, places = self._workspace, ChangesAtlas(self.architectures[0].layers).places
        return change_asks(work.pair, places, work.words)

    def begin(self) -> None:
        self.parts = self._jobs(self.planned(), kind="parts")
        self.parts.run(0)


class ChangesView(LayerView[ChangesJobs]):
    """The map, a matrix, and search results."""

    SCOPE = "changes"
    HELP = HELP
    ANSWERS = frozenset({"export", "copy"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("changes")
    PAGES = ("words", "map", "matrix", "found")
    FOUND = "directions"
    TWINS: ClassVar[Mapping[str, str]] = {
        "map": "changes --summary {models} {vocab}",
        "matrix": "changes {layers} {models} {vocab}",
        "vector": "changes --summary {layers} {models} {vocab}",
        "found": "changes {models} {vocab}",
    }

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._atlas = ChangesAtlas(0)

    def compose(self) -> ComposeResult:
        ascii_only = self.ui.settings.ascii
        yield Lines(id="finding")
        yield ScaledLines(id="legend")
        with Container(id="content"):
            yield Static("", id="words", markup=False)
            yield ChangesOverview(self._moved, ascii_only=ascii_only, id="overview")
            yield MatrixPage(ascii_only=ascii_only, id="matrix-page")
            yield FoundDirections(ascii_only=ascii_only, id="found")
        yield SearchBar(
            "a word to find in the directions of all matrices", id="search", filters=True
        )
        yield Lines(id="progress")
        yield Lines(id="status")

    @property
    def _overview(self) -> ChangesOverview:
        return self.query_one(ChangesOverview)

    @property
    def _map(self) -> NumberMap:
        return self._overview.map

    @property
    def _matrix(self) -> MatrixPage:
        return self.query_one(MatrixPage)

    @property
    def _found(self) -> FoundDirections:
        return self.query_one("#found", FoundDirections)

    @property
    def _part(self) -> int:
        return self._map.cursor[0]

    @property
    def _change(self) -> TensorChange | None:
        """The tensor under the cursor."""
        return self._atlas.cell(*self._map.cursor)

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self._show_status)
        self.call_after_refresh(self._show_finding)

    def offers(self, action: Action) -> bool:
        match action.id:
            case "changes.stop":
                return True
            case "changes.rerun":
                return self._jobs is not None and self._jobs.unfinished is not None
            case "changes.next" | "changes.previous":
                return bool(self._found.places)
            case "changes.open":
                on_matrix = self._page == "matrix" and bool(self._leads)
                opens = self._page == "map" and self._change is not None
                return on_matrix or opens or self._page == "found"
            case "changes.kind" | "changes.pane":
                return self._page == "map"
            case (
                "changes.next_layer"
                | "changes.previous_layer"
                | "changes.next_matrix"
                | "changes.previous_matrix"
            ):
                return self._page == "matrix"
        return self._page != "words"

    def worded(self, action: Action) -> Action:
        to_pane = action.id == "changes.pane"
        return replace(action, label=self._overview.next_pane) if to_pane else action

    def _focus_shown(self) -> None:
        match self._page:
            case "map":
                self._overview.focus_shown()
            case "matrix":
                self._matrix.items.focus()
            case "found":
                self._found.focus()

    def _progress(self) -> Line:
        # On a page behind the map escape goes back first and stops nothing.
        first = self._page in ("words", "map") and not self._is_behind
        return super()._progress() if first else self._going_on()[:1]

    def _show_page(self, jobs: ChangesJobs) -> None:
        if self._page == "map":
            self._show_map()
        elif self._page == "matrix":
            self._show_matrix(self._matrix.items.row_number or 0)
        self._show_status()
        self._show_finding()

    def _show_map(self) -> None:
        self._overview.show(self._atlas)
        what = "matrices" if self._atlas.matrices else "norms and biases"
        size = "|dW| / |W|" if self.ui.settings.ascii else "‖ΔW‖ / ‖W‖"
        self._map.border_title = Text(f"{what}: {size} in %")

    def _show_finding(self) -> None:
        """What is found, and what the colours mean; on the map alone."""
        lines, legend = self.query_one("#finding", Lines), self.query_one("#legend", ScaledLines)
        lines.display = legend.display = self._page == "map"
        if self._page != "map":
            return
        ascii_only, width = self.ui.settings.ascii, max(20, self.size.width - 2)
        said = wrap(finding(self._atlas, self._names, ascii_only=ascii_only), width, max_lines=3)
        lines.styles.height = max(1, len(said))
        lines.show(*([(prose(line, ascii_only=ascii_only), "strong")] for line in said))
        largest = percent(self._atlas.largest(), ascii_only)
        line = scale_line(palette_of(self.app), " 0", f"{largest} % of the norm")
        legend.show([*line, ("   largest of the map" if largest != "0" else "", "dim")])

    def _show_matrix(self, cursor: int = 0) -> None:
        row = self._map.cursor[0]
        leads = f"Enter: the layer's {self._leads}" if self._leads else ""
        self._matrix.show(self._atlas.places[row], self._change, leads, cursor=cursor)

    def _show_status(self) -> None:
        status = self.query_one("#status", Lines)
        status.display = self._page == "map"
        if self._page != "map":
            return
        row = self._map.cursor[0]
        place = self._atlas.places[row], self._atlas.row(row), self._change
        width = self.size.width - 2
        status.show(*status_lines(place, width=width, ascii_only=self.ui.settings.ascii))

    @property
    def _written(self) -> str:
        return "vector" if self._page == "matrix" and not self._atlas.matrices else self._page

    def _twin_values(self) -> Mapping[str, Value]:
        layer = self._atlas.places[self._part]
        # The embeddings are written where no layers are named.
        return {"layers": option("layers", None if layer == OUTSIDE else layer)}

    # News of the requests

    def _ask(self) -> ChangesJobs:
        assert self.session is not None
        return ChangesJobs(self.pair, self.session, self)

    def _begin(self, jobs: ChangesJobs) -> None:
        assert jobs.architectures is not None
        self._atlas = ChangesAtlas(jobs.architectures[0].layers)
        jobs.begin()
        self.show_everything()

    def _take_part(self, jobs: ChangesJobs, part: int) -> None:
        assert jobs.parts is not None
        (found,) = jobs.parts.results[part]
        assert isinstance(found, LayerChanges)
        self._atlas.add(part, found)
        if self._page == "words":
            self._turn_to("map")
        elif self._page == "map" or part == self._part:
            self.show_everything()

    def _moved(self) -> None:
        self._show_status()
        self._settle()
        self.ui.refresh_lines()

    @property
    def _leads(self) -> str:
        """The view that takes the tensor under the cursor apart; empty for none."""
        change = self._change
        if change is None or self._part == len(self._atlas.places) - 1:
            return ""
        return _LEADS.get(change.role.rpartition(".")[2], "")

    @on(ItemList.Chosen)
    def action_open(self) -> None:
        if self._page == "map":
            self._show_matrix()
            self._turn_to("matrix")
        elif self._page == "found":
            self._follow_found()
        elif self._leads:
            self.run_worker(self.ui.open_link(self._link(), back=True), exit_on_error=False)

    def _link(self) -> Link:
        layer, built = self._part, self._jobs and self._jobs.architectures
        if self._leads == "heads":
            return HeadLink(layer, 0)
        if self._leads == "concepts":
            return ComponentLink(layer, 0, expert=built[0].experts_in(layer)[0] if built else -1)
        instructions = default_instructions(*self.pair.pair)
        experts = self._change is not None and self._change.role == "router"
        return UnitsLink(
            unit="experts" if experts else "neurons",
            # Those that every category needs.
            categories=instructions.categories,
            layer=layer,
            kind="all",
            instructions=instructions,
            thresholds=Thresholds(),
        )

    def action_pane(self) -> None:
        """Go to the ranking, or back to the map."""
        self._overview.turn()
        self.ui.refresh_lines()

    def action_kind(self) -> None:
        self._atlas.matrices = not self._atlas.matrices
        self._overview.begin_again(self._atlas)
        self.show_everything()
        self.ui.refresh_lines()

    def action_layer(self, by: int) -> None:
        """Show the same matrix of another layer."""
        row, column = self._map.cursor
        row += by * (1 + self.ui.take_repeats())
        self._overview.go_to(max(0, min(row, len(self._atlas.places) - 1)), column)
        self.show_everything()
        self._settle()

    def action_matrix(self, by: int) -> None:
        """Show the next matrix (1) that the layer has, or the one before it (-1)."""
        row, column = self._map.cursor
        count = len(self._atlas.columns)
        others = [(column + by * step) % count for step in range(1, count)]
        there = next((each for each in others if self._atlas.cell(row, each)), None)
        if there is not None:
            self._overview.go_to(row, there)
            self.show_everything()

    def _back(self) -> bool:
        if super()._back():
            return True
        if self._page in ("map", "words"):
            return False
        self._turn_to("map")
        return True

    def _find(self, word: str) -> str:
        places = self._atlas.find(word)
        if not places:
            return f"“{word}” stands at no direction's end in what is compared so far."
        self._found.show_places(word, places, self._atlas)
        return ""

    def _go_to_found(self) -> None:
        place = self._found.place
        assert place is not None
        self._atlas.matrices = True
        self._show_map()
        self._overview.go_to(place.row, self._atlas.columns.index(place.role))
        self._show_matrix(place.direction)
        self._turn_to("matrix")

    def action_export(self) -> None:
        """Export all tensors so far, the matrices' directions or what was found, as CSV."""
        layers, matrices = self._atlas.layers, self._atlas.matrices
        word, places = self._found.word, self._found.places
        if not layers:
            self.ui.say("There is nothing to export yet.", severity="warning")
        elif self._page == "found":
            found = self._atlas.places_table(word, places)
            self.export_table(lambda: found, "changes-word", *self._models)
        elif matrices and self._page != "map":
            self.export_table(lambda: directions_table(layers), "directions", *self._models)
        else:
            self.export_table(lambda: tensors_table(layers), "changes", *self._models)

    def action_copy(self) -> None:
        change = self._change
        if not self._atlas.layers:
            self.ui.say("There is nothing to copy yet.", severity="warning")
        elif self._page == "matrix" and change is not None:
            self.ui.copy(copied_matrix(self._atlas.places[self._part], change, self._names))
        else:
            self.ui.copy(copied_map(self._atlas.numbers(), self._names))
