"""The Clusters view: tasks in the hidden states of two models, and in training runs."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import ContentSwitcher

from analysis.events import EngineStatus
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.view import View
from app.links import ClustersLink, Link
from app.views.clustering.natural import NaturalPane
from app.views.clustering.runs import RunsPane
from app.views.clustering.text import HELP


class ClustersView(View):
    """Both models' clusters or training runs; a key switches between them."""

    SCOPE = "clusters"
    HELP = HELP
    ANSWERS = frozenset({"export"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("clusters")

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="natural", id="panes"):
            yield NaturalPane(self, id="natural")
            yield RunsPane(self, id="runs")

    @property
    def _natural(self) -> NaturalPane:
        return self.query_one(NaturalPane)

    @property
    def _runs(self) -> RunsPane:
        return self.query_one(RunsPane)

    @property
    def _pane(self) -> NaturalPane | RunsPane:
        return self._runs if self.query_one(ContentSwitcher).current == "runs" else self._natural

    def enter(self) -> None:
        self._pane.enter()

    def leave(self) -> None:
        self._natural.leave()

    def offers(self, action: Action) -> bool:
        return self._pane.offers(action)

    def engine_changed(self, status: EngineStatus) -> None:
        self._natural.show_progress()

    def open(self, link: Link) -> None:
        """Go to a layer that another view links to."""
        if isinstance(link, ClustersLink):
            if self._pane is self._runs:
                self.action_runs()
            self._natural.show_layer(link.layer, link.side, link.label)

    def action_runs(self) -> None:
        switcher = self.query_one(ContentSwitcher)
        switcher.current = "natural" if switcher.current == "runs" else "runs"
        self._pane.enter()
        self.ui.refresh_lines()

    def action_open(self) -> None:
        self._runs.open_listed()

    def action_folder(self) -> None:
        """Name a file of tasks, or a folder of training runs."""
        if self._pane is self._runs:
            self._runs.ask_for_folder()
        else:
            self._natural.ask_for_tasks()

    def action_epoch(self, step: int) -> None:
        """Move forwards (1) or backwards (-1) by one measured epoch per waiting key press."""
        self._runs.page.move_slider(step * (1 + self.ui.take_repeats()))

    def action_end(self, place: int) -> None:
        """Go to the first (0) or the last (-1) epoch."""
        self._runs.page.end_of_slider(place)

    def action_layer(self, step: int) -> None:
        self._natural.move_layer(step)

    def action_next(self, step: int) -> None:
        self._natural.next_here(step)

    def action_label(self) -> None:
        self._pane.next_label()

    def action_swap(self) -> None:
        """Switch to the other model, or to the other instances."""
        self._pane.swap()

    def action_plot(self) -> None:
        self._pane.next_plot()

    def action_run_again(self) -> None:
        """Run what failed or was stopped, or look for runs again."""
        self._pane.run_again()

    def action_stop(self) -> None:
        """Go back one step in the pane, and from its start to the previous place."""
        if self._pane.go_back():
            return
        if self._pane is self._runs:
            self.action_runs()
        else:
            self.go_back()

    def action_export(self) -> None:
        self._pane.export()
