"""One request of the Saliency view: what was asked, what came back, what went wrong."""

from __future__ import annotations

import time

from analysis.events import Cancelled, Failed, Finished, Progress
from analysis.problems import Problem
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution
from app.jobs.progress_text import progress_text
from app.jobs.watch import News, Watch


class Answer:
    """State of one request; holds no widgets.

    Attributes:
        request: What was asked; None where there is nothing to ask.
        watch: The running request; None when nothing runs.
        attribution: The newest result, partial or whole; None before there is one.
        problem: Why there is no result, if something went wrong.
        stopped: The user stopped it.
        from_cache: The result was read from disk.
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
        """Whether the result is there, all of it."""
        given_up = self.problem is not None or self.stopped
        return self.attribution is not None and not self.running and not given_up

    @property
    def can_run(self) -> bool:
        """Whether there is something to ask, and no whole answer on its way or here."""
        return self.request is not None and not self.running and not self.whole

    def begin(self, watch: Watch) -> None:
        """A new request was submitted."""
        self.watch = watch
        self.problem = None
        self.stopped = False
        self.progress = None

    def stop(self) -> None:
        """Give the request up: at once if nothing was heard of it yet, else at its next step."""
        if self.watch is None:
            return
        if self.progress is not None:
            self.watch.cancel()
            return
        self.watch.drop()
        self.watch = None
        self.stopped = True

    def apply(self, news: News) -> None:
        """Take in what happened."""
        if news.progress is not None:
            if self.progress is None or self.progress.stage != news.progress.stage:
                self._stage_started = time.monotonic()
            self.progress = news.progress
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
        """The map of the newest result, always the same one; None before the response is there."""
        if self.attribution is None or self.attribution.ended == "running":
            return None
        shown = self._maps.get(include_special)
        if shown is None:
            shown = SaliencyMap.from_attribution(self.attribution, include_special=include_special)
            self._maps[include_special] = shown
        # What was computed before something went wrong is worth seeing, an empty map is not.
        return shown if self.problem is None or shown.computed.any() else None

    def words(self) -> str:
        """What went wrong, or the response as far as it is written; empty for neither."""
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
        """What to say beside the model's name: how far it came, what is special about it."""
        if self.problem is not None:
            return ["failed"]
        if self.stopped:
            return ["stopped, r runs it again"]
        if self.running:
            return ["computing"]
        if self.attribution is None:
            return []
        ended = {"length": "cut at the limit", "given": "given response"}
        notes = [ended.get(self.attribution.ended, ""), "stored" if self.from_cache else ""]
        return [note for note in notes if note]

    def progress_line(self, name: str) -> str:
        """How far it is, one line; empty when nothing is known."""
        if self.progress is None:
            return ""
        running_s = time.monotonic() - self._stage_started
        return progress_text(name, self.progress, running_s=running_s)
