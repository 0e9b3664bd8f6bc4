"""The training runs of a folder, and the curves of one of them."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from analysis.clustering.run_list import ListedRun, runs_in
from analysis.clustering.runs import TrainingRun, open_run
from analysis.clustering.training.run_folder import NEIGHBOURS_NAME
from analysis.problems import Problem, ProblemError
from app.frame.action import Action
from app.frame.export import save_table
from app.frame.view import View
from app.views.clustering.run import ClustersRunPage
from app.views.clustering.run_plots import curves_table
from app.views.clustering.text import NO_RUNS
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines
from app.widgets.plot import Plot
from app.widgets.search_bar import SearchBar
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Row, Rows

_COLUMNS = (
    Column("run", style="strong"),
    Column("preset"),
    Column("seed"),
    Column("trained", style="accent"),
)
_SECONDS_BETWEEN_LOOKS = 2.0
"""Between checks of a run that is still being trained."""


class RunsPane(Vertical):
    """A list of the runs in `folder`, words if there are none, and the page of one.

    `found` is None before the first look.
    """

    class Listed(Message):
        """A folder was searched for runs."""

        def __init__(self, folder: Path, found: list[ListedRun]) -> None:
            super().__init__()
            self.folder = folder
            self.found = found

    class Read(Message):
        """A run was read, or could not be."""

        def __init__(self, run: TrainingRun | None, problem: Problem | None = None) -> None:
            super().__init__()
            self.run = run
            self.problem = problem

    def __init__(self, view: View, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.view = view
        self.folder = Path.cwd()
        self.found: list[ListedRun] | None = None
        # Modification time of the open run when it was last read.
        self._written = 0.0

    def compose(self) -> ComposeResult:
        yield Lines(id="runs-of")
        yield Static("", id="no-runs", markup=False)
        yield TableList(ascii_only=self.view.ui.settings.ascii, id="run-list")
        yield ClustersRunPage(ascii_only=self.view.ui.settings.ascii, id="run-page")
        yield SearchBar("a folder of training runs", id="run-folder")

    def on_mount(self) -> None:
        """Check regularly whether the open run has grown."""
        self.set_interval(_SECONDS_BETWEEN_LOOKS, self._follow)

    @property
    def page(self) -> ClustersRunPage:
        return self.query_one(ClustersRunPage)

    @property
    def _list(self) -> TableList:
        return self.query_one("#run-list", TableList)

    @property
    def _is_open(self) -> bool:
        return self.has_class("-open")

    def _row(self, run: ListedRun) -> Row:
        under = run.folder != self.folder
        name = str(run.folder.relative_to(self.folder)) if under else run.folder.name or "/"
        settings, last = run.settings, run.settings.training.epochs
        how_far = "not begun" if run.epoch is None else f"epoch {run.epoch} of {last}"
        return name, settings.preset, settings.seed, how_far

    def enter(self) -> None:
        if self.found is None:
            self._look(self.folder)
        self._show()

    def _show(self) -> None:
        self.set_class(bool(self.found) and not self._is_open, "-list")
        where = self.view.prose(str(self.folder))
        if self.found is None:
            text = f"Looking for training runs in {where}"
        else:
            text = "\n\n".join(self.view.prose(line.format(folder=where)) for line in NO_RUNS)
        self.query_one("#no-runs", Static).update(text)
        self.query_one("#runs-of", Lines).show([(f" Training runs in {where}", "dim")])
        self._list.show_rows(_COLUMNS, Rows.of([self._row(run) for run in self.found or ()]))
        if self._is_open:
            self.page.query_one(Plot).focus()
        elif self.found:
            self._list.focus()
        else:
            self.can_focus = True
            self.focus()
        self.view.ui.refresh_lines()

    def offers(self, action: Action) -> bool:
        match action.action:
            case "runs" | "run_again" | "stop":
                return True
            case "folder":
                return not self._is_open
            case "open":
                return bool(self.found) and not self._is_open
            case "label" | "swap" | "plot" | "export":
                return self._is_open
            case "epoch(-1)" | "epoch(1)" | "end(0)" | "end(-1)":
                return self._is_open
        return False

    # Reading, on threads

    def _look(self, folder: Path) -> None:
        def work() -> None:
            self.post_message(self.Listed(folder, runs_in(folder)))

        self.run_worker(work, thread=True, exclusive=True, exit_on_error=False, group="look")

    @on(Listed)
    def _take_list(self, message: Listed) -> None:
        message.stop()
        self.folder, self.found = message.folder, message.found
        if self.view.ui.view is self.view and self.view.has_class("-runs"):
            self._show()

    def _read(self, folder: Path) -> None:
        def work() -> None:
            try:
                self.post_message(self.Read(open_run(folder)))
            except ProblemError as error:
                self.post_message(self.Read(None, error.problem))

        self._written = _written(folder)
        self.run_worker(work, thread=True, exclusive=True, exit_on_error=False, group="read")

    @on(Read)
    def _take_run(self, message: Read) -> None:
        message.stop()
        if message.problem is not None:
            self.view.ui.say(str(message.problem), severity="error")
        if message.run is not None:
            self.page.show(message.run)
            if not self._is_open:
                self.add_class("-open")
                self._show()

    def _follow(self) -> None:
        """Read the open run again if it has grown."""
        run = self.page.run_shown
        if not self._is_open or run is None or run.finished or self.view.ui.view is not self.view:
            return
        if _written(run.folder) != self._written:
            self._read(run.folder)

    @on(ItemList.Chosen, "#run-list")
    def _chosen(self, message: ItemList.Chosen) -> None:
        message.stop()
        self.open_listed()

    def open_listed(self) -> None:
        number = self._list.row_number
        if self.found is not None and number is not None:
            self._read(self.found[number].folder)

    def ask_for_folder(self) -> None:
        self.query_one(SearchBar).open()

    @on(SearchBar.Sought)
    def _named(self, message: SearchBar.Sought) -> None:
        message.stop()
        if not message.finished:
            return
        text = message.text.strip()
        folder = Path(text).expanduser().absolute()
        if text and folder.is_dir():
            self._look(folder)
        elif text:
            self.view.ui.say(f"There is no folder {text}.", severity="warning")
        self._show()

    def run_again(self) -> None:
        """Read the open run again, or look for runs again."""
        run = self.page.run_shown
        if self._is_open and run is not None:
            self._read(run.folder)
        else:
            self._look(self.folder)

    def go_back(self) -> bool:
        """Go from a run to the list; False if the list is shown."""
        if not self._is_open:
            return False
        self.remove_class("-open")
        self._look(self.folder)
        self._show()
        return True

    def export(self) -> None:
        """Export the plotted measure for all epochs and layers."""
        run = self.page.run_shown
        if not self._is_open or run is None:
            self.view.ui.say("There is nothing to export yet.", severity="warning")
            return
        table, name = curves_table(run, self.page.measure)

        def write() -> Path:
            settings = run.settings
            about = (settings.preset, f"seed-{settings.seed}")
            return save_table(table, name, about, Path.cwd())

        self.view.write_aside(write)


def _written(folder: Path) -> float:
    """When a run was last measured; 0 if never."""
    try:
        return (folder / NEIGHBOURS_NAME).stat().st_mtime
    except OSError:
        return 0.0
