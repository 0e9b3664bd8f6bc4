"""The Clusters view: tasks in the hidden states of two models, and in training runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import DescendantFocus, Resize
from textual.widgets import Static

from analysis.clustering.tables import (
    best_layer,
    instances_table,
    neighbours_table,
    notes_of,
    scores_table,
)
from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.task_set import LABELS, TaskSet
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.export import Tables, chained
from app.frame.pair_view import PairView
from app.frame.twin import Value, option
from app.links import ClustersLink, Link
from app.views.clustering.models import PLOTS, Both, ClusterJobs, PlotKind, TasksBar, plot_of
from app.views.clustering.runs import RunsPane
from app.views.clustering.text import HELP, Place, headline, scatter_of, status_lines
from app.widgets.lines import Line, Lines
from app.widgets.plot import Plot
from app.widgets.scatter_map import KindLines, ScatterMap

ALL_FROM_WIDTH = 140


class ClustersView(PairView[ClusterJobs]):
    """A layer's maps of both models and a plot over all layers, which takes their place on a narrow
    screen; training runs.
    """

    SCOPE = "clusters"
    HELP = HELP
    ANSWERS = frozenset({"export"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("clusters")
    PAGES = ("words", "map", "runs")
    TWINS: ClassVar[Mapping[str, str]] = {
        "scores": "clusters {tasks} {models}",
        "neighbours": "clusters --neighbours {tasks} {models}",
    }

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        # The layer of the deeper model; a shallower one shows its last.
        self._side, self._layer, self._label = 1, 0, 0
        self._plotted: PlotKind = "f1"
        self._wanted: ClustersLink | None = None
        # Whether the layer is the user's choice; else it is the tuned model's best by the label.
        self._chosen = False
        # Whether there are several instances under the cursor.
        self._several = False

    def compose(self) -> ComposeResult:
        yield Lines(id="headline")
        with Horizontal(id="content"):
            yield Static("", id="words", markup=False)
            for side, name in enumerate(("base", "tuned")):
                yield ScatterMap(follow=partial(self._moved, side), id=f"map-{name}")
            yield Plot(ascii_only=self.ui.settings.ascii, id="plot")
        yield Lines(id="progress")
        yield KindLines(id="status")
        yield TasksBar(id="tasks")
        yield RunsPane(self, id="runs")

    @property
    def _found(self) -> Both | None:
        return None if self._jobs is None else self._jobs.found

    @property
    def _maps(self) -> tuple[ScatterMap, ScatterMap]:
        return self.query_one("#map-base", ScatterMap), self.query_one("#map-tuned", ScatterMap)

    @property
    def _map(self) -> ScatterMap:
        """The map of the current side."""
        return self._maps[self._side]

    @property
    def _layers(self) -> tuple[int, int]:
        """The layer shown of either model."""
        assert self._found is not None
        base, tuned = (min(self._layer, len(each.scores) - 1) for each in self._found)
        return base, tuned

    @property
    def _plot(self) -> Plot:
        return self.query_one("#plot", Plot)

    @property
    def _runs(self) -> RunsPane:
        return self.query_one(RunsPane)

    @property
    def _plot_alone(self) -> bool:
        """Whether the plot hides the maps."""
        return self.has_class("-narrow") and self.has_class("-plot")

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < ALL_FROM_WIDTH, "-narrow")
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Wrap the lines anew: they may have been written while the view was hidden."""
        if self._jobs is not None and self._found is not None:
            self._show_headline(self._jobs)
            self._show_status()

    def offers(self, action: Action) -> bool:
        if self._page == "runs":
            return self._runs.offers(action)
        match action.action:
            case "run_again":
                return self._jobs is not None and self._jobs.unfinished is not None
            case "stop" | "runs" | "folder":
                return True
            case "open" | "epoch(-1)" | "epoch(1)" | "end(0)" | "end(-1)":
                return False
            case "next(1)" | "next(-1)":
                # The cursor that they move is on the map.
                return self._several and self._page == "map" and not self._plot_alone
        return self._found is not None

    def _focus_shown(self) -> None:
        if self._page == "runs":
            self._runs.enter()
        else:
            (self._plot if self._plot_alone else self._map).focus()

    def _show_page(self, jobs: ClusterJobs) -> None:
        if self._page == "map" and jobs.found is not None:
            best = [best_layer(each, self._label) for each in jobs.found]
            for side, each in enumerate(self._maps):
                layer = self._layers[side]
                each.show(scatter_of(jobs.found[side], layer, self._label))
                note = ", its best" if layer == best[side] else ""
                each.border_title = Text(f"{self._names[side]} · layer {layer}{note}")
            curves = (self._names, self._plotted, self._label, self._layer)
            self._plot.show(plot_of(jobs.found, *curves))
            self._show_headline(jobs)
            self._show_status()

    def _show_headline(self, jobs: ClusterJobs) -> None:
        assert jobs.found is not None
        above = self.query_one("#headline", Lines)
        lines = headline(jobs.found, self._label, jobs.of_sample, self.size.width - 2)
        above.styles.height = len(lines)
        above.show(*lines)

    def _moved(self, side: int) -> None:
        """The cursor of a side's map moved: that of the other goes to the same instance."""
        if self.app.focused is self._maps[side]:
            self._side = side
            self._maps[1 - side].point_at(self._map.current)
        self._show_status()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The map that was clicked or tabbed to is the current one."""
        if event.widget in self._maps:
            self._side = self._maps.index(event.widget)
            self._show_status()

    def _progress(self) -> Line:
        """Progress, or remarks on the results; the words say what failed or was stopped."""
        jobs = self._jobs
        if jobs is None or jobs.found is None:
            waits = self._offer is not None or (jobs is not None and jobs.running is not None)
            return self._going_on() if waits else []
        if jobs.of_sample is not None:
            if self._offer is None:
                return self._going_on()
            return [("enter", "accent"), (f" takes all instances · {self._offer.seconds}", "")]
        said = [f"Tasks: {jobs.task_set.name}.", *jobs.task_set.notes, *notes_of(jobs.found)]
        return [(self.prose(" ".join(said)), "dim")]

    def _show_status(self) -> None:
        status, on_map = self.query_one("#status", Lines), self._map
        if self._found is None:
            return
        here = on_map.here or [on_map.current]
        if self._several != (len(here) > 1):
            self._several = not self._several
            self.ui.refresh_lines()
        lines = status_lines(
            self._names,
            self._found,
            self._layers,
            self._label,
            Place(self._side, on_map.current, here),
            width=self.size.width - 2,
            ascii_only=self.ui.settings.ascii,
        )
        status.styles.height = len(lines)
        status.show(*lines)

    @property
    def _of_sample(self) -> bool:
        return self._jobs is not None and self._jobs.of_sample is not None

    @property
    def _written(self) -> str:
        if self._of_sample:
            # Commands take all instances.
            return ""
        if self._page != "map":
            return self._page
        on_plot = self.app.focused is self._plot
        return "neighbours" if on_plot and self._plotted == "neighbours" else "scores"

    def _twin_values(self) -> Mapping[str, Value]:
        assert self._jobs is not None
        file = self.query_one(TasksBar).file_called(self._jobs.task_set.name)
        return {"tasks": option("tasks", file)}

    # The request and its answer

    def _ask(self) -> ClusterJobs:
        return self._ask_on(natural_tasks())

    def _ask_on(self, tasks: TaskSet) -> ClusterJobs:
        assert self.session is not None
        return ClusterJobs(self.pair, self.session, self, tasks)

    def _begin(self, jobs: ClusterJobs) -> None:
        assert jobs.found is not None
        self._go_to_best(jobs.found)
        if self._page == "words":
            self._show_models()
        else:
            self.show_everything()

    def _take_sample(self, jobs: ClusterJobs) -> None:
        if jobs.found is not None and not jobs.alike:
            self._go_to_best(jobs.found)
            if self._page == "words":
                self._show_models()

    def _go_to_best(self, both: Both) -> None:
        """Look at the tuned model's best layer, unless the user looks at one of their choice."""
        if not self._chosen:
            self._layer = best_layer(both[1], self._label)

    def _show_models(self) -> None:
        """Turn to the map, or to what is said before there is one."""
        wanted = self._wanted
        if self._found is not None and wanted is not None:
            self._layer, self._side, self._label = wanted.layer, wanted.side, wanted.label
            self._wanted, self._chosen = None, True
            # On a narrow screen the plot would hide the map.
            self.remove_class("-plot")
        self._turn_to("words" if self._found is None else "map")

    def _start_over(self, tasks: TaskSet) -> None:
        """Request the clusters of other tasks."""
        self.leave()
        self._chosen = False
        self._jobs = self._ask_on(tasks)
        self._run_whole()

    def open(self, link: Link) -> None:
        """Go to a layer that another view links to, once it is there.

        Links only refer to the natural tasks.
        """
        if isinstance(link, ClustersLink):
            natural = natural_tasks()
            if self._jobs is not None and self._jobs.task_set.tasks != natural.tasks:
                self._start_over(natural)
            self._wanted = link
            self._show_models()

    @on(TasksBar.Named)
    def _named(self, message: TasksBar.Named[TaskSet]) -> None:
        if message.content is not None:
            self._start_over(message.content)
        if self._page != "runs":
            self._show_models()

    # Keys

    def action_runs(self) -> None:
        if self._page == "runs":
            self._show_models()
        else:
            self._turn_to("runs")

    def action_open(self) -> None:
        self._runs.open_listed()

    def action_folder(self) -> None:
        """Name a file of tasks, or a folder of training runs."""
        if self._page == "runs":
            self._runs.ask_for_folder()
        else:
            self.query_one(TasksBar).ask()

    def action_epoch(self, step: int) -> None:
        """Move forwards (1) or backwards (-1) by one measured epoch per waiting key press."""
        self._runs.page.move_slider(step * (1 + self.ui.take_repeats()))

    def action_end(self, place: int) -> None:
        """Go to the first (0) or the last (-1) epoch."""
        self._runs.page.end_of_slider(place)

    def action_layer(self, step: int) -> None:
        assert self._found is not None
        last = max(len(each.scores) for each in self._found) - 1
        self._layer, self._chosen = min(max(self._layer + step, 0), last), True
        self.show_everything()

    def action_next(self, step: int) -> None:
        self._map.next_here(step)

    def action_label(self) -> None:
        if self._page == "runs":
            self._runs.page.next_label()
        else:
            self._label = (self._label + 1) % len(LABELS)
            if self._found is not None:
                self._go_to_best(self._found)
            self.show_everything()

    def action_swap(self) -> None:
        """Switch to the other model, or to the other instances."""
        if self._page == "runs":
            self._runs.page.next_split()
        else:
            self._side = 1 - self._side
            self._turn_to("map")

    def action_plot(self) -> None:
        """Show the next plot; on a narrow screen the map follows the last one."""
        if self._page == "runs":
            self._runs.page.next_measure()
            return
        narrow, shown = self.has_class("-narrow"), self.has_class("-plot")
        if not narrow or shown:
            self._plotted = PLOTS[(PLOTS.index(self._plotted) + 1) % len(PLOTS)]
        if narrow:
            self.set_class(not shown or self._plotted != PLOTS[0], "-plot")
        self._turn_to("map")

    def action_run_again(self) -> None:
        """Run what failed or was stopped, or look for runs again."""
        if self._page == "runs":
            self._runs.run_again()
        else:
            super().action_run_again()

    def _back(self) -> bool:
        if self._page == "runs":
            if not self._runs.go_back():
                self._show_models()
        elif self._page == "map" and self._plot_alone:
            self.remove_class("-plot")
            self._focus_shown()
        else:
            return False
        return True

    def action_export(self) -> None:
        """Export the plot's numbers if it has the focus, else the instances and all scores."""
        if self._page == "runs":
            self._runs.export()
            return
        found = self._found
        if found is None:
            self.ui.say("There is nothing to export yet.", severity="warning")
            return
        layers, plotted = self._layers, self._plotted == "neighbours"
        kinds = ["neighbours" if plotted else "clusters"]
        if self.app.focused is not self._plot:
            kinds = ["instances", "clusters", "neighbours"]
        tables: Tables = {
            "instances": lambda: chained(
                [instances_table([each], [at]) for each, at in zip(found, layers, strict=True)]
            ),
            "clusters": lambda: scores_table(found),
            "neighbours": lambda: neighbours_table(found),
        }
        names = found[0].model, found[1].model
        sample = "sample-" if self._of_sample else ""
        self.export_tables({f"{sample}{kind}": tables[kind] for kind in kinds}, *names)
