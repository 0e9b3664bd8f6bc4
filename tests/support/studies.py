"""Studies driven to their end, their tables as dictionaries, and a session that keeps answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analysis.events import Event, Failed, Finished, Progress
from analysis.problems import ProblemError
from analysis.request import Request
from analysis.saliency.request import AttributionRequest
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.study import Study
from analysis.table import Cell
from tests.support.scripted_session import attribution


def driven(study: Study) -> tuple[Findings, list[Progress]]:
    """What a study found, and everything it said on the way."""
    steps = []
    while True:
        try:
            steps.append(next(study))
        except StopIteration as end:
            return end.value, steps


def rows(named: NamedTable) -> list[dict[str, Cell]]:
    """The rows of a table by column."""
    columns = named.table.columns
    return [dict(zip(columns, row, strict=True)) for row in named.table]


class KeepingJob:
    """A request that was answered at once, or is never answered."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        """Notes that it was given up."""
        self.cancelled = True


class KeepingSession:
    """A session without an engine that keeps its answers, as `Session` does.

    Args:
        store: The answers kept, which several sessions may share; None keeps nothing.
        answer: Request → result; a ProblemError fails the request, None leaves it unanswered.

    Attributes:
        computed: The requests that were not answered from the store, in order.
        jobs: All that were submitted.
    """

    def __init__(
        self,
        store: dict[Request, Any] | None,
        answer: Callable[[AttributionRequest], Any | None] = attribution,
    ) -> None:
        self._store, self._answer = store, answer
        self.computed: list[AttributionRequest] = []
        self.jobs: list[KeepingJob] = []

    def submit(
        self,
        request: AttributionRequest,
        listener: Callable[[Event], None],
        *,
        background: bool = False,
    ) -> KeepingJob:
        """Answer before returning."""
        assert background
        job = KeepingJob()
        self.jobs.append(job)
        stored = self.cached(request)
        if stored is not None:
            listener(Finished(stored, from_cache=True))
            return job
        self.computed.append(request)
        try:
            result = self._answer(request)
        except ProblemError as error:
            listener(Failed(error.problem))
            return job
        if result is not None:
            if self._store is not None:
                self._store[request] = result
            listener(Finished(result))
        return job

    def cached(self, request: Request) -> Any | None:
        """The stored answer, if there is one."""
        return None if self._store is None else self._store.get(request)
