"""How hidden states cluster by task, layer by layer, before and after tuning: map and plots."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.widgets import Static

from analysis.clustering.request import clusters_ask
from analysis.clustering.result import TaskClusters
from analysis.clustering.tables import (
    METRICS,
    best_layer,
    instances_table,
    neighbours_table,
    notes_of,
    scores_table,
)
from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.reading import task_set_from_file
from analysis.clustering.tasks.task_set import LABELS, TaskSet
from app.frame.action import Action
from app.frame.export import save_table
from app.frame.view import View
from app.jobs.layer_jobs import LayerJobs
from app.jobs.watch import Watch
from app.views.clustering.text import scatter_of, status_lines
from app.widgets.file_bar import FileBar
from app.widgets.line_drawing import PlotData, Series
from app.widgets.lines import Lines
from app.widgets.plot import Plot
from app.widgets.scatter_map import KindLines, ScatterMap

PlotKind = Literal["f1", "ari", "ami", "neighbours"]
PLOTS: tuple[PlotKind, ...] = ("f1", "ari", "ami", "neighbours")
BOTH_FROM_WIDTH = 120
_NATURAL = "natural"


class TasksBar(FileBar[TaskSet]):
    """Reads a set of tasks; an invalid task is an error, never skipped."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(f"tasks: a .toml or .jsonl file, or {_NATURAL}", id=id)

    def _shipped(self, name: str) -> TaskSet | None:
        return natural_tasks() if name == _NATURAL else None

    def _read(self, path: Path, *, skip: bool) -> TaskSet:
        return task_set_from_file(path)

    def _amount(self, content: TaskSet) -> str:
        return f"{len(content.tasks):,} tasks"


class NaturalPane(Vertical):
    """A layer's map and a plot over all layers; one at a time on a narrow screen."""

    def __init__(self, view: View, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.view = view
        self._jobs: LayerJobs[TaskClusters] | None = None
        self._tasks: TaskSet = natural_tasks()
        self._found: tuple[TaskClusters, TaskClusters] | None = None
        self._side, self._layer, self._label = 1, 0, 0
        self._plot: PlotKind = "f1"
        self._wanted: tuple[int, int, int] | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="content"):
            yield Static("", id="words", markup=False)
            yield ScatterMap(follow=self._show_status, id="map")
            yield Plot(ascii_only=self.view.ui.settings.ascii, id="plot")
        yield Lines(id="progress")
        yield KindLines(id="status")
        yield TasksBar(id="tasks")

    @property
    def _map(self) -> ScatterMap:
        return self.query_one(ScatterMap)

    def enter(self) -> None:
        if self._jobs is None:
            self._begin()
        self._show_everything()
        self._focus_shown()

    def _begin(self) -> None:
        """Request both models' clusters, cancelling an earlier request."""
        work, session = self.view.pair, self.view.ui.session
        self.leave()
        if session is not None:
            asked = clusters_ask(work.pair, self._tasks.tasks)
            self._jobs = LayerJobs(session, self, [asked])
            self._jobs.run(0)

    def leave(self) -> None:
        if self._jobs is not None:
            self._jobs.stop()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < BOTH_FROM_WIDTH, "-narrow")
        self.call_after_refresh(self._show_status)

    def offers(self, action: Action) -> bool:
        match action.action:
            case "run_again":
                return self._jobs is not None and self._jobs.can_run
            case "stop" | "runs" | "folder":
                return True
            case "open" | "epoch(-1)" | "epoch(1)" | "end(0)" | "end(-1)":
                return False
        return self._found is not None

    def _focus_shown(self) -> None:
        if self._found is None:
            # The pane takes the focus while there is no cursor, so that its keys work.
            self.can_focus = True
            self.focus()
        elif self.has_class("-narrow") and self.has_class("-plot"):
            self.query_one(Plot).focus()
        else:
            self._map.focus()

    def _show_everything(self) -> None:
        self.set_class(self._found is not None, "-found")
        self.show_progress()
        if self._found is None:
            words = self.query_one("#words", Static)
            words.update("\n".join(self.view.prose(line) for line in self._words().split("\n")))
            return
        self._map.show(scatter_of(self._found[self._side], self._layer, self._label))
        self.query_one(Plot).show(self._plot_data(self._found))
        self._show_status()

    def _words(self) -> str:
        """Text shown in place of the map until there is one."""
        ended = "" if self._jobs is None else self._jobs.ended()
        count = len(self._tasks.tasks)
        return ended or (
            "Clustering the hidden states of both models on "
            f"{count:,} task{'' if count == 1 else 's'} ({self._tasks.name}).\n\n"
            "It takes a minute or more for a model, and is then kept."
        )

    def show_progress(self) -> None:
        """Show progress, or remarks on the results."""
        jobs, progress = self._jobs, self.query_one("#progress", Lines)
        if self._found is not None:
            said = [f"Tasks: {self._tasks.name}.", *self._tasks.notes, *notes_of(self._found)]
            progress.show([(self.view.prose(" ".join(said)), "dim")])
        elif jobs is not None and jobs.layer is not None:
            starting = self.view.ui.status.state in ("off", "starting")
            waiting = "the engine is starting" if starting else "the engine has other work"
            progress.show([(jobs.words() or waiting, ""), (" · esc stops", "dim")])
        else:
            progress.show([])

    def _show_status(self) -> None:
        status, on_map = self.query_one("#status", Lines), self._map
        if self._found is None:
            return
        lines = status_lines(
            self._found[self._side],
            self._layer,
            self._label,
            on_map.current,
            on_map.here or [on_map.current],
            width=self.size.width - 2,
            ascii_only=self.view.ui.settings.ascii,
        )
        status.styles.height = len(lines)
        status.show(*lines)

    def _plot_data(self, found: tuple[TaskClusters, TaskClusters]) -> PlotData:
        series: list[Series] = []
        for each in found:
            name, layers = self.view.prose(each.model), np.arange(len(each.scores))
            if self._plot == "neighbours":
                series.append(Series(f"{name}, share", layers, each.neighbour_share))
                series.append(Series(f"{name}, accuracy", layers, each.neighbour_accuracy))
            else:
                values = each.scores[:, self._label, METRICS.index(self._plot)]
                series.append(Series(name, layers, values))
        if self._plot == "neighbours":
            title = f"{found[0].neighbours} nearest neighbours of unseen instances, by layer"
        else:
            title = f"{self._plot.upper()} by {LABELS[self._label]}, by layer"
        return PlotData(title, tuple(series))

    # News of the request

    @on(Watch.Changed)
    def _news(self, message: Watch.Changed) -> None:
        message.stop()
        step = None if self._jobs is None else self._jobs.apply(message.watch)
        if self._jobs is None or step is None:
            return
        for notice in step.notices:
            self.view.ui.say(str(notice.problem), severity="warning")
        if step.finished is not None:
            self._found = self._jobs.both(0)
            assert self._found is not None
            self._layer = best_layer(self._found[1])
            self._go_to_wanted()
        self._show_everything()
        if self.view.ui.view is self.view and self._jobs.layer is None:
            self._focus_shown()
            self.view.ui.refresh_lines()

    def ask_for_tasks(self) -> None:
        self.query_one(TasksBar).ask()

    @on(TasksBar.Refused)
    def _refused(self, message: TasksBar.Refused) -> None:
        self.view.ui.say(str(message.problem), severity="error")

    @on(TasksBar.Named)
    def _named(self, message: TasksBar.Named[TaskSet]) -> None:
        if message.content is not None:
            self._tasks, self._found = message.content, None
            self._begin()
            self._show_everything()
            self.view.ui.refresh_lines()
        self._focus_shown()

    def show_layer(self, layer: int, side: int, label: int) -> None:
        """Go to a layer of the natural tasks once it is there, for a link from another view.

        Layer 0 is the embeddings; `side` is base (0) or tuned (1), `label` an index in `LABELS`.
        """
        natural = natural_tasks()
        if self._tasks.tasks != natural.tasks:
            # Links only refer to the natural tasks.
            self._tasks, self._found = natural, None
            self._begin()
        self._wanted = layer, side, label
        self._go_to_wanted()
        self._show_everything()
        self._focus_shown()

    def _go_to_wanted(self) -> None:
        if self._found is not None and self._wanted is not None:
            self._layer, self._side, self._label = self._wanted
            self._wanted = None
            # On a narrow screen the plot would hide the map.
            self.remove_class("-plot")

    def move_layer(self, step: int) -> None:
        assert self._found is not None
        last = len(self._found[self._side].scores) - 1
        self._layer = min(max(self._layer + step, 0), last)
        self._show_everything()

    def next_label(self) -> None:
        self._label = (self._label + 1) % len(LABELS)
        self._show_everything()

    def swap(self) -> None:
        self._side = 1 - self._side
        self.move_layer(0)

    def next_plot(self) -> None:
        """Show the next plot; on a narrow screen the map follows the last one."""
        narrow, shown = self.has_class("-narrow"), self.has_class("-plot")
        if not narrow or shown:
            self._plot = PLOTS[(PLOTS.index(self._plot) + 1) % len(PLOTS)]
        if narrow:
            self.set_class(not shown or self._plot != PLOTS[0], "-plot")
        self._show_everything()
        self._focus_shown()

    def next_here(self, step: int) -> None:
        self._map.next_here(step)

    def run_again(self) -> None:
        if self._jobs is not None:
            self._jobs.run(0)
            self._show_everything()
            self.view.ui.refresh_lines()

    def go_back(self) -> bool:
        """Go from the plot to the map, or stop the request; False if there is neither."""
        if self._found is not None and self.has_class("-narrow") and self.has_class("-plot"):
            self.remove_class("-plot")
            self._focus_shown()
        elif self._jobs is not None and self._jobs.layer is not None:
            self._jobs.stop()
            self._show_everything()
            self.view.ui.refresh_lines()
        else:
            return False
        return True

    def export(self) -> None:
        """Export the layer's instances, or the plot's numbers if the plot has the focus."""
        found = self._found
        if found is None:
            self.view.ui.say("There is nothing to export yet.", severity="warning")
            return
        layer, kind = self._layer, "instances"
        if self.app.focused is self.query_one(Plot):
            kind = "neighbours" if self._plot == "neighbours" else "clusters"
        tables = {
            "instances": lambda: instances_table(found, [layer]),
            "clusters": lambda: scores_table(found),
            "neighbours": lambda: neighbours_table(found),
        }

        def write() -> Path:
            names = found[0].model, found[1].model
            return save_table(tables[kind](), kind, names, Path.cwd())

        self.view.write_aside(write)
