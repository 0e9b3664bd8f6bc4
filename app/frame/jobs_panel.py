"""The list of all jobs: those of every view, to be stopped, run again, or gone to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from app.frame.registry import ViewSpec
from app.frame.view import View
from app.jobs.tasks import Task, TaskState
from app.terminal.screen import SteadySize
from app.terminal.text import pad
from app.widgets.item_list import ItemList
from app.widgets.lines import Line

EVERY_S = 0.5
"""How often list and header follow what runs; nothing is sent where nothing changed."""
_STYLES: dict[TaskState, str] = {
    "running": "accent",
    "waiting": "",
    "stopped": "warn",
    "failed": "bad",
    "done": "dim",
}


class Job(NamedTuple):
    """A task, and the view that began it by its id and its title."""

    view: str
    title: str
    task: Task


class JobsPanel(SteadySize, ModalScreen[None]):
    """A line a job, the running ones first."""

    AUTO_FOCUS = "ItemList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+g,J,q", "dismiss(None)", "Close", show=False),
        Binding("s", "stop", "Stop", show=False),
        Binding("r", "again", "Again", show=False),
    ]
    DEFAULT_CSS = """
    JobsPanel { align: center middle; }
    JobsPanel > ItemList {
        width: 90%; max-width: 120; height: auto; min-height: 5; max-height: 80%;
        border: round $primary; padding: 0 1; background: $surface;
    }
    """

    def __init__(
        self, jobs: Callable[[], Sequence[Job]], go: Callable[[str], Awaitable[object]]
    ) -> None:
        """Args: gives all jobs, as they stand; shows a view by its id."""
        super().__init__()
        self._all, self._go = jobs, go
        self._shown: list[Job] = []

    def compose(self) -> ComposeResult:
        jobs = ItemList(self._line, empty="Nothing was begun yet.", id="jobs")
        jobs.border_title = "Jobs"
        jobs.border_subtitle = "enter goes there · s stops · r runs again · esc closes"
        yield jobs

    def on_mount(self) -> None:
        self._look()
        self.set_interval(EVERY_S, self._look)

    @property
    def _jobs(self) -> ItemList:
        return self.query_one("#jobs", ItemList)

    @property
    def _current(self) -> Job | None:
        return self._shown[self._jobs.cursor] if self._shown else None

    def _look(self) -> None:
        order = list(_STYLES)
        found = sorted(self._all(), key=lambda job: order.index(job.task.state))
        if _words(found) == _words(self._shown) and self._jobs.count == len(found):
            self._shown = found
            return
        here = self._current
        self._shown = found
        # The cursor stays on its job.
        names = [(job.view, job.task.name) for job in found]
        at = None if here is None else (here.view, here.task.name)
        cursor = names.index(at) if at is not None and at in names else None
        self._jobs.styles.height = max(1, len(found)) + 2
        self._jobs.show(len(found), cursor=cursor)

    def _line(self, index: int, width: int) -> Line:
        job = self._shown[index]
        titles = max(cell_len(each.title) for each in self._shown)
        names = min(max(cell_len(each.task.name) for each in self._shown), max(12, width // 3))
        return [
            (f"{job.task.state:<8} ", _STYLES[job.task.state]),
            (f"{pad(job.title, titles)}  ", "strong"),
            (f"{pad(job.task.name, names)}  ", ""),
            (job.task.progress, "dim"),
        ]

    @on(ItemList.Chosen)
    async def _chosen(self) -> None:
        if (job := self._current) is not None:
            self.dismiss(None)
            await self._go(job.view)

    def action_stop(self) -> None:
        job = self._current
        if job is not None and job.task.stop is not None:
            job.task.stop()
            self._look()

    def action_again(self) -> None:
        job = self._current
        if job is not None and job.task.again is not None:
            job.task.again()
            self._look()


def jobs_of(views: Iterable[ViewSpec], screen: Screen[Any]) -> list[Job]:
    """The tasks of a screen's views, in the order of their numbers.

    One that was never shown has begun nothing, nor has one that is being built.
    """
    built = {view.id: view for view in screen.query(View) if view.is_mounted}
    return [
        Job(spec.id, spec.title, task)
        for spec in views
        if spec.id in built
        for task in built[spec.id].tasks()
    ]


def running_in_words(jobs: Sequence[Job], front: str) -> str:
    """What runs and how far it is, in a harmless line; of several the front view's."""
    running = [job for job in jobs if job.task.state == "running"]
    if not running:
        return ""
    job = min(running, key=lambda job: job.view != front)
    return f"{job.title}: {job.task.progress or job.task.name}"


def _words(jobs: Sequence[Job]) -> list[tuple[str, str, str, str]]:
    return [(job.view, job.task.name, job.task.state, job.task.progress) for job in jobs]
