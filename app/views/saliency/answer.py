"""One request of the Saliency view: its state, result and problem."""

from __future__ import annotations

import time

from analysis.events import WAITS, Cancelled, Failed, Finished, Progress
from analysis.problems import Problem
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution
from app.jobs.progress_text import progress_text
from app.jobs.watch import News, Watch


class Answer:
    """State of one request; holds no widgets.

    `request` is None if there is nothing to ask, `watch` when idle; `attribution` is the newest
    result, partial or complete, `from_cache` if it was read from disk.
    """

    def __init__(
        self, request: AttributionRequest | None = None, problem: Problem | None = None
    ) -> None:
        self.request = request
        self.watch: Watch | None = None
        self.attribution: Attribution | None = None
        self.problem = problem
        self.stopped = False
        self.from_cache = False
        self.progress: Progress | None = None
        self._stage_started = 0.0
        self._maps: dict[bool, SaliencyMap] = {}

    @property
    def running(self) -> bool:
        """Whether the request has not ended yet."""
        return self.watch is not None

    @property
    def whole(self) -> bool:
        """Whether the result is complete."""
        given_up = self.problem is not None or self.stopped
        return self.attribution is not None and not self.running and not given_up

    @property
    def can_run(self) -> bool:
        """Whether there is a request without a complete answer, here or on its way."""
        return self.request is not None and not self.running and not self.whole

    def begin(self, watch: Watch) -> None:
        """Record that a request was submitted."""
        self.watch = watch
        self.problem = None
        self.stopped = False
        self.progress = None

    def stop(self) -> None:
        """Cancel the request: at once before its first progress, else at its next step."""
        if self.watch is None:
            return
        if self.progress is not None:
            self.watch.cancel()
            return
        self.watch.drop()
        self.watch = None
        self.stopped = True

    def apply(self, news: News) -> None:
        """Take in the news."""
        if news.progress is not None:
            if self.progress is None or self.progress.stage != news.progress.stage:
                self._stage_started = time.monotonic()
            # One that waits has not begun, or has left its work to go on with.
            self.progress = None if news.progress.stage == WAITS else news.progress
        if news.partial is not None and isinstance(news.partial.result, Attribution):
            self._take(news.partial.result)
        ending = news.ending
        if ending is None:
            return
        self.watch = None
        self.progress = None
        if isinstance(ending, Finished) and isinstance(ending.result, Attribution):
            self._take(ending.result)
            self.from_cache = ending.from_cache
        elif isinstance(ending, Failed):
            self.problem = ending.problem
        elif isinstance(ending, Cancelled):
            self.stopped = True

    def _take(self, attribution: Attribution) -> None:
        self.attribution = attribution
        self._maps.clear()

    def map(self, *, include_special: bool) -> SaliencyMap | None:
        """The newest result's map, always the same object; None before there is a response."""
        if self.attribution is None or self.attribution.ended == "running":
            return None
        shown = self._maps.get(include_special)
        if shown is None:
            shown = SaliencyMap.from_attribution(self.attribution, include_special=include_special)
            self._maps[include_special] = shown
        # A partial map is worth seeing after a failure, an empty one is not.
        return shown if self.problem is None or shown.computed.any() else None

    def words(self) -> str:
        """The problem, or the response so far; empty if there is neither."""
        if self.problem is not None:
            parts = (self.problem.what, self.problem.why, self.problem.remedy)
            return "\n\n".join([*(part for part in parts if part), "r runs it again."])
        if self.stopped:
            return "Stopped. r runs it again."
        if self.attribution is not None:
            texts = self.attribution.response_tokens.texts
            return "".join(texts) if texts else "The response is empty."
        return ""

    def notes(self) -> list[str]:
        """Remarks for the pane's title: how far the request got, and what is special about it."""
        if self.problem is not None:
            return ["failed"]
        if self.stopped:
            return ["stopped, r runs it again"]
        if self.running:
            return ["computing"]
        notes = [self.ended, "stored" if self.from_cache else ""]
        return [note for note in notes if note and self.attribution is not None]

    @property
    def ended(self) -> str:
        """Where the response ended, if not by itself; empty for that, and if unknown."""
        how = "" if self.attribution is None else self.attribution.ended
        return {"length": "cut at the limit", "given": "given response"}.get(how, "")

    def progress_line(self, name: str) -> str:
        """Progress in one line; empty if unknown."""
        if self.progress is None:
            return ""
        running_s = time.monotonic() - self._stage_started
        return progress_text(name, self.progress, running_s=running_s)
