"""One model's part of the Saliency view: what was asked, what came back, what went wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence

from analysis.events import Cancelled, Failed, Finished, Progress
from analysis.problems import Problem
from analysis.requests import AttributionRequest
from analysis.results import Attribution
from analysis.saliency_map import SaliencyMap
from app.terminal_text import prose
from app.views.comparison import Comparison
from app.views.progress_text import progress_text
from app.watch import News, Watch
from app.widgets.lines import Line


class Side:
    """State of one model's request; holds no widgets.

    Attributes:
        name: The model's name.
        request: What was asked; None for a stored case.
        watch: The running request; None when nothing runs.
        attribution: The newest result, partial or whole; None before there is one.
        note: Something to say about it beside its name.
        stored: A map that came from a case library instead.
        problem: Why there is no result, if something went wrong.
        stopped: The user stopped it.
        from_cache: The result was read from disk.
    """

    def __init__(
        self,
        name: str,
        *,
        request: AttributionRequest | None = None,
        stored: SaliencyMap | None = None,
        problem: Problem | None = None,
        note: str = "",
    ) -> None:
        self.name = name
        self.note = note
        self.request = request
        self.watch: Watch | None = None
        self.attribution: Attribution | None = None
        self.stored = stored
        self.problem = problem
        self.stopped = False
        self.from_cache = False
        self.progress: Progress | None = None
        self._stage_started = 0.0

    @property
    def running(self) -> bool:
        """Whether the request has not ended yet."""
        return self.watch is not None

    @property
    def can_run(self) -> bool:
        """Whether there is something to ask, and no whole answer on its way or here."""
        whole = self.attribution is not None and self.problem is None and not self.stopped
        return self.request is not None and not self.running and not whole

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
            self.attribution = news.partial.result
        ending = news.ending
        if ending is None:
            return
        self.watch = None
        self.progress = None
        if isinstance(ending, Finished) and isinstance(ending.result, Attribution):
            self.attribution = ending.result
            self.from_cache = ending.from_cache
        elif isinstance(ending, Failed):
            self.problem = ending.problem
        elif isinstance(ending, Cancelled):
            self.stopped = True

    def map(self, *, include_special: bool) -> SaliencyMap | None:
        """The map to show; None before the first column is there."""
        if self.stored is not None:
            return self.stored
        if self.attribution is None or self.attribution.ended == "running":
            return None
        shown = SaliencyMap.from_attribution(self.attribution, include_special=include_special)
        # What was computed before something went wrong is worth seeing, an empty map is not.
        return shown if self.problem is None or shown.computed.any() else None

    def words(self) -> str:
        """What to show where there is no map: problem, growing response, or what is waited for."""
        if self.problem is not None:
            parts = (self.problem.what, self.problem.why, self.problem.remedy)
            return "\n\n".join([*(part for part in parts if part), "r runs it again."])
        if self.stopped:
            return "Stopped. r runs it again."
        if self.attribution is not None and len(self.attribution.response_tokens):
            return "".join(self.attribution.response_tokens.texts)
        if self.attribution is not None:
            return "The response is empty."
        return self.progress_line() or ("Waiting for its turn." if self.running else "")

    def note_now(self) -> str:
        """What to say beside the model's name; harmless."""
        if self.problem is not None:
            return "failed"
        if self.stopped:
            return "stopped, r runs it again"
        if self.running:
            return "computing"
        if self.attribution is None:
            return prose(self.note)
        ended = {"length": "cut at the limit", "given": "given response"}
        notes = [ended.get(self.attribution.ended, ""), "stored" if self.from_cache else ""]
        return ", ".join(note for note in notes if note)

    def progress_line(self) -> str:
        """How far it is, one line; empty when nothing is known."""
        if self.progress is None:
            return ""
        running_s = time.monotonic() - self._stage_started
        return progress_text(self.name, self.progress, running_s=running_s)


def going_on(sides: Sequence[Side], comparison: Comparison, *, engine_starting: bool) -> Line:
    """One line on what is computed, waited for, went wrong or must be known; empty for nothing."""
    for side, shown in zip(sides, comparison.maps, strict=True):
        if side.problem is not None and shown is not None:
            # The pane shows what there is of the map, so the reason stands here.
            return [(prose(f"{side.problem} r runs it again."), "bad")]
        if side.running and (words := side.progress_line()):
            return [(words, ""), (" · esc stops", "dim")]
    if any(side.running for side in sides):
        words = "the engine is starting" if engine_starting else "the engine has other work first"
        return [(words, ""), (" · esc stops", "dim")]
    if comparison.cut_differently:
        return [("The models cut the text differently: rows are aligned by characters.", "warn")]
    return []
