"""Follows one request for a widget without flooding its message queue.

Events arrive on the session's thread, progress by the dozen. A watch keeps only the newest progress
and partial result and at most one queued message, so that a slow terminal never falls behind.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from analysis.events import Cancelled, Event, Failed, Finished, Notice, Partial, Progress
from analysis.problems import Problem
from analysis.request import Request

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.session.drive import Answerer, JobLike

Ending = Finished | Failed | Cancelled


@dataclass
class News:
    """Events since the last look; None or empty if there were none."""

    progress: Progress | None = None
    partial: Partial | None = None
    notices: tuple[Notice, ...] = ()
    ending: Ending | None = None

    @property
    def result(self) -> Any | None:
        """The request's result; None before its end and without a result."""
        return self.ending.result if isinstance(self.ending, Finished) else None

    @property
    def failure(self) -> Problem | None:
        """Why the request failed; None if it did not."""
        return self.ending.problem if isinstance(self.ending, Failed) else None


class Watch:
    """One submitted request; a `background` one gives way to all others."""

    class Changed(Message):
        """There is news to take."""

        def __init__(self, watch: Watch) -> None:
            super().__init__()
            self.watch = watch

    def __init__(
        self,
        session: Answerer,
        request: Request[Any],
        listener: MessagePump,
        *,
        background: bool = False,
    ) -> None:
        self.request = request
        self.ended = False
        self._listener = listener
        self._lock = threading.Lock()
        self._news = News()
        self._told = False
        self._dropped = False
        self._job: JobLike = session.submit(request, self._hear, background=background)

    def cancel(self) -> None:
        """Ask for an early end; `Cancelled` follows."""
        self._job.cancel()

    def drop(self) -> None:
        """Cancel without further messages."""
        self._dropped = True
        self._job.cancel()

    def take(self) -> News:
        """Return and clear the news since the last call."""
        with self._lock:
            news, self._news = self._news, News()
            self._told = False
        self.ended = self.ended or news.ending is not None
        return news

    def _hear(self, event: Event) -> None:
        # On the session's thread.
        with self._lock:
            news = self._news
            match event:
                case Progress():
                    news.progress = event
                case Partial():
                    news.partial = event
                case Notice():
                    news.notices = (*news.notices, event)
                case Finished() | Failed() | Cancelled():
                    news.ending = event
            tell = not self._told and not self._dropped
            self._told = True
        if tell:
            self._listener.post_message(self.Changed(self))
