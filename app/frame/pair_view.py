"""Base class of views about both models: pages, progress, and news of requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual import on
from textual.binding import Binding
from textual.message import Message
from textual.widgets import Static

from analysis.events import EngineStatus
from app.frame.twin import Value, command_line, values_of
from app.frame.view import View
from app.jobs.pair_jobs import PairJobs
from app.jobs.prices import FREE_S
from app.jobs.progress_text import duration
from app.jobs.tasks import Task
from app.jobs.watch import Watch
from app.terminal.model_marks import marked
from app.widgets.lines import Line, Lines, width_of
from app.widgets.search_bar import SearchBar
from app.workspace import short_names

if TYPE_CHECKING:
    from analysis.request import Ask

Jobs = TypeVar("Jobs", bound=PairJobs)
_START = Binding("enter", "start", "Start", show=False)


@dataclass(frozen=True)
class Offer:
    """Something costly that waits for the user's word: its price in seconds, and what starts it."""

    cost: float
    go: Callable[[], None]

    @property
    def seconds(self) -> str:
        return f"about {duration(self.cost)} (an estimate)"

    def words(self, what: str = "This") -> str:
        """What it costs and how it is started, in paragraphs."""
        return (
            f"{what} takes about {duration(self.cost)} on this machine, as far as can be told.\n\n"
            "Enter starts it. It goes on while another view is looked at, behind what that asks "
            "for, and what is computed is kept."
        )


class PairView(View, Generic[Jobs]):
    """One page at a time: words at first, the others once the models are known to be alike.

    Subclasses set `PAGES`, the page names (the current page is set as a CSS class of the view).
    `compose` yields `#words` and `#progress`. `TWINS` are the commands that write what a page
    shows, as templates of `app.frame.twin`, by page.
    """

    PAGES: ClassVar[tuple[str, ...]]
    TWINS: ClassVar[Mapping[str, str]] = {}

    class Weighed(Message):
        """It is known how many of the planned requests are not stored."""

        def __init__(self, missing: list[Ask[Any]], go: Callable[[], None]) -> None:
            super().__init__()
            self.missing, self.go = missing, go

    def __init_subclass__(cls, **given: Any) -> None:
        # Of the bindings of one key, those of the last class alone count.
        cls.BINDINGS = [_START, *cls.__dict__.get("BINDINGS", [])]
        super().__init_subclass__(**given)

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._page = "words"
        self._jobs: Jobs | None = None
        # What waits for enter, because it costs much.
        self._offer: Offer | None = None

    # For subclasses

    def _ask(self) -> Jobs:
        """Request what has to be known of both models first."""
        raise NotImplementedError

    def _begin(self, jobs: Jobs) -> None:
        """Request the parts, if any; the models are known to be alike."""
        raise NotImplementedError

    def _take_part(self, jobs: Jobs, part: int) -> None:
        """Take in the answers about a part."""

    def _take_opened(self, jobs: Jobs) -> None:
        """Take in the answers about the opened thing."""

    def _take_sample(self, jobs: Jobs) -> None:
        """Take in the answers about a sample."""

    def _show_page(self, jobs: Jobs) -> None:
        """Draw the page and the lines around it from the state."""
        raise NotImplementedError

    def _focus_shown(self) -> None:
        """Focus the page's widget; never called for words."""
        raise NotImplementedError

    def _back(self) -> bool:
        """Go back within the pages; False if escape should stop the jobs or leave the view."""
        raise NotImplementedError

    @property
    def _written(self) -> str:
        """Which of `TWINS` writes what is shown."""
        return self._page

    def _twin_values(self) -> Mapping[str, Value]:
        """What the templates name beside the workspace's values."""
        return {}

    def twins(self) -> Sequence[str]:
        if self._written not in self.TWINS:
            return ()
        values = {**values_of(self.pair), **self._twin_values()}
        return [command_line(self.TWINS[self._written], values)]

    @property
    def _part(self) -> int:
        """The current part, which is requested first."""
        return 0

    @property
    def _models(self) -> tuple[str, str]:
        """Full names of base and tuned model."""
        return self.pair.base.name, self.pair.tuned.name

    @property
    def _names(self) -> tuple[str, str]:
        """Short, harmless names of base and tuned model, behind their marks."""
        base, tuned = (
            marked(side, self.prose(name), ascii_only=self.ui.settings.ascii)
            for side, name in enumerate(short_names(*self._models))
        )
        return base, tuned

    def enter(self) -> None:
        """Make the requests the first time, and take the focus."""
        if self._jobs is None and self.session is not None:
            self._jobs = self._ask()
            self._run_whole()
        self._turn_to(self._page)

    def _run_whole(self) -> None:
        """Ask what is asked first, where that is costly; else it is asked already."""
        jobs = self._jobs
        if jobs is not None and jobs.costly_whole:
            self._weigh(jobs, lambda: jobs.whole.run(0))

    def _weigh(self, jobs: Jobs, go: Callable[[], None]) -> None:
        """Go on with what is planned: at once if it costs little, or once the user says so.

        What a link leads to was asked for.
        """
        planned, session = jobs.planned(), self.session
        cost = self.ui.prices.of(planned)
        if session is None or cost is None or cost <= FREE_S or self.ui.came_by_link(self):
            go()
            return

        def look() -> None:
            missing = [
                ask for ask in planned if any(session.cached(each) is None for each in ask.requests)
            ]
            self.post_message(self.Weighed(missing, go))

        self.run_worker(look, thread=True, exit_on_error=False, group="weigh", exclusive=True)

    @on(Weighed)
    def _weighed(self, message: Weighed) -> None:
        message.stop()
        cost = self.ui.prices.of(message.missing)
        if cost is None or cost <= FREE_S:
            message.go()
        else:
            self._offer = Offer(cost, message.go)
            self._show_sample()
        self.show_everything()

    def _show_sample(self) -> None:
        """Ask for a first picture, if that costs little."""
        jobs = self._jobs
        sample = None if jobs is None else jobs.sample
        if jobs is None or sample is None:
            return
        cost = self.ui.prices.of(jobs.sampled())
        if cost is not None and cost <= FREE_S:
            sample.run(0)

    def action_start(self) -> None:
        """Start what waits for the user's word."""
        offer, self._offer = self._offer, None
        if offer is not None:
            offer.go()
            self.show_everything()
            self.ui.refresh_lines()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        if action == "start":
            return self._offer is not None
        return super().check_action(action, parameters)

    def tasks(self) -> list[Task]:
        return [] if self._jobs is None else self._jobs.tasks(self.action_run_again)

    def leave(self) -> None:
        self._offer = None
        if self._jobs is not None:
            self._jobs.stop()

    def _turn_to(self, page: str) -> None:
        self._page = page
        for each in self.PAGES:
            self.set_class(each == page, f"-{each}")
        self.show_everything()
        if self.ui.view is self:
            self._focus_page()
            self.ui.refresh_lines()

    def _focus_page(self) -> None:
        # The view takes the focus while there is no cursor, so that its keys work.
        self.can_focus = self._page == "words"
        if self._page == "words":
            self.focus()
        else:
            self._focus_shown()

    def show_everything(self) -> None:
        """Draw words, page and lines from the state."""
        jobs = self._jobs
        if jobs is None:
            return
        if self._page == "words":
            self._show_words(jobs)
        self._show_page(jobs)
        self._show_progress()

    def _show_words(self, jobs: Jobs) -> None:
        words = self.query_one("#words", Static)
        words.set_class(jobs.whole.problem is not None, "bad")
        if self._offer is None:
            said = jobs.words()
        elif self._sample_runs:
            whole = self._offer.words("The whole")
            said = f"A sample is being computed, for a first picture.\n\n{whole}"
        else:
            said = self._offer.words()
        words.update("\n".join(self.prose(line) for line in said.split("\n")))

    def _show_progress(self) -> None:
        line = self._progress()
        # Keep the hint how to stop visible next to long names.
        fits = width_of(line) <= self.app.size.width - 2
        shown, right = (line, []) if fits else (line[:1], line[1:])
        self.query_one("#progress", Lines).show(shown, right=right)

    def _progress(self) -> Line:
        return self._going_on() or self._all_there()

    def _going_on(self) -> Line:
        if self._offer is not None:
            what, before = "it", ""
            if self._sample_runs:
                what, before = "the whole", "a sample is being computed · "
            price = f" starts {what} · {self._offer.seconds}"
            return [(before, ""), ("enter", "accent"), (price, "")]
        starting = self.ui.status.state in ("off", "starting")
        return [] if self._jobs is None else self._jobs.going_on(engine_starting=starting)

    @property
    def _sample_runs(self) -> bool:
        """Whether a first picture is being computed."""
        sample = None if self._jobs is None else self._jobs.sample
        return sample is not None and sample.layer is not None

    def _all_there(self) -> Line:
        parts = None if self._jobs is None else self._jobs.parts
        if parts is None or self._page == "words":
            return []
        return [(f"all {parts.asked} {parts.kind} are there", "dim")]

    def engine_changed(self, status: EngineStatus) -> None:
        self._show_progress()

    @on(Watch.Changed)
    def _news(self, message: Watch.Changed) -> None:
        message.stop()
        jobs = self._jobs
        news = None if jobs is None else jobs.apply(message.watch)
        if jobs is None or news is None:
            return
        about, step = news
        for notice in step.notices:
            self.ui.say(str(notice.problem), severity="warning")
        if about is jobs.sample and step.finished is not None:
            self._take_sample(jobs)
        elif step.finished is None or not jobs.alike:
            if self._page == "words":
                self._show_words(jobs)
        elif about is jobs.parts:
            self._take_part(jobs, step.finished)
        elif about is jobs.opened:
            self._take_opened(jobs)
        elif jobs.costly_whole:
            self._begin(jobs)
        else:
            self._weigh(jobs, lambda: self._begin(jobs))
        self._show_progress()
        if self.ui.view is self and jobs.running is None:
            self.ui.refresh_lines()

    @on(SearchBar.Left)
    def _to_rows(self) -> None:
        self._leave_search()

    def _leave_search(self) -> None:
        """Go from the search bar to the rows that are left."""
        table = self.table_in_sight
        if table is None:
            self._focus_page()
        else:
            table.focus()

    def action_stop(self) -> None:
        """Go back within the pages or to a link; else stop the jobs; else leave the view."""
        if self._back():
            return
        if self._jobs is not None and self._jobs.stop():
            self.show_everything()
            self.ui.refresh_lines()
        else:
            self.go_back()

    def action_run_again(self) -> None:
        if self._jobs is not None:
            self._jobs.run_again(self._part)
            self.show_everything()
            self.ui.refresh_lines()
