"""Loads the pair while the user reads, so that the first answer does not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.events import WAITS
from analysis.models.request import LoadRequest
from app.jobs.progress_text import progress_text
from app.jobs.tasks import Task, TaskState
from app.terminal.text import prose

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.request import Pair
    from analysis.session.drive import Answerer
    from app.jobs.watch import News, Watch


class Loading:
    """The requests to load both models, once; holds no widgets.

    Attributes:
        words: Progress in one harmless line; empty when idle.
        problems: What went wrong, in harmless words, one a line.
    """

    def __init__(self, pair: Pair, listener: MessagePump) -> None:
        """Args: the models; what receives `Watch.Changed` and calls `take`."""
        self._pair, self._listener = pair, listener
        self._watches: list[Watch] = []
        self._problems: list[str] = []
        self._session: Answerer | None = None
        self._stopped = False
        # Whether the engine is at one of them; else they wait behind another request.
        self._at_work = False
        self.words = ""

    @property
    def begun(self) -> bool:
        return bool(self._watches)

    @property
    def running(self) -> bool:
        return any(not watch.ended for watch in self._watches)

    @property
    def problems(self) -> str:
        return "\n".join(self._problems)

    def begin(self, session: Answerer) -> None:
        """Load both, the tuned one first: its answer is what the user waits for."""
        # Imports numpy, which the first paint does without.
        from app.jobs.watch import Watch

        if not self._watches:
            self._session = session
            self._watches = [
                Watch(session, LoadRequest(model), self._listener) for model in self._pair[::-1]
            ]

    def take(self, watch: Watch) -> News | None:
        """Take a watch's news; None if it is not one of these."""
        if watch not in self._watches:
            return None
        news = watch.take()
        if news.progress is not None:
            self._at_work = news.progress.stage != WAITS
            self.words = progress_text(watch.request.models()[0].name, news.progress)
        if watch.ended:
            self._at_work = False
        if news.failure is not None:
            self._problems.append(prose(str(news.failure)))
        if not self.running:
            self.words = ""
        return news

    def tasks(self) -> list[Task]:
        """Loading both models, for the list of jobs."""
        if not self._watches:
            return []
        if self.running:
            state: TaskState = "running" if self._at_work else "waiting"
            return [Task("both models", state, self.words, stop=self.stop)]
        state = "failed" if self._problems else "stopped" if self._stopped else "done"
        again = None if self._session is None else self._again
        return [Task("both models", state, self.problems, again=again if state != "done" else None)]

    def _again(self) -> None:
        assert self._session is not None
        self._watches, self._stopped = [], False
        self._problems.clear()
        self.begin(self._session)

    def forget_problems(self) -> None:
        self._problems.clear()

    def stop(self) -> None:
        """Give up what has not ended."""
        self._stopped = self.running
        for watch in self._watches:
            if not watch.ended:
                watch.cancel()
