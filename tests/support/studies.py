"""Analyses driven to their end, tables as dictionaries, and a session that keeps answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import pandas as pd
import pytest

from analysis.events import Event, Failed, Finished
from analysis.problems import ProblemError
from analysis.request import Request
from analysis.saliency.request import AttributionRequest
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.report import write_report
from analysis.studies.study import Study
from analysis.studies.testing import corrected_study
from analysis.table import Cell, Table
from tests.support.scripted_session import attribution

Said = TypeVar("Said")
Made = TypeVar("Made")


def driven(steps: Generator[Said, None, Made]) -> tuple[Made, list[Said]]:
    """What an analysis or a study found, and everything it said on the way."""
    said = []
    while True:
        try:
            said.append(next(steps))
        except StopIteration as end:
            return end.value, said


def answered(steps: Generator[Any, None, Made]) -> Made:
    """What an analysis or a study found."""
    return driven(steps)[0]


def rows(table: NamedTable | Table) -> list[dict[str, Cell]]:
    """The rows of a table by column."""
    table = table.table if isinstance(table, NamedTable) else table
    return [dict(zip(table.columns, row, strict=True)) for row in table]


def rows_of(findings: Findings, name: str) -> list[dict[str, Cell]]:
    """The rows of a study's table of that name."""
    return rows(next(each for each in findings.tables if each.name == name))


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

    def holds(self, request: Request) -> bool:
        """Whether there is a stored answer."""
        return self.cached(request) is not None

    def keep(self, request: Request, answer: Any) -> None:
        """Store an answer, if any are."""
        if self._store is not None:
            self._store[request] = answer


class Report:
    """The tables of a written report, by name."""

    def __init__(self, study: Study, folder: Path) -> None:
        """Drives the study and writes its report, as `StudySpec.start` would have it."""
        self.findings = driven(corrected_study(study))[0]
        self.path = write_report(self.findings, folder)

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Only empty cells are missing: "none" is a word."""
        return pd.read_csv(self.path.parent / f"{name}.csv", keep_default_na=False, na_values=[""])


def population_deviation(values: pd.Series) -> float:
    """Divided by n."""
    return float(values.std(ddof=0))


def in_group(layers: pd.Series, group: str) -> pd.Series:
    """Which layers are in a group such as ``2-3``."""
    first, _, last = str(group).partition("-")
    return layers.between(int(first), int(last or first))


# What may differ between two ways to the same numbers.
TOLD = ("seconds", "note", "notes", "difference")


def assert_alike(
    found: Any,
    expected: Any,
    where: str,
    *,
    within: float = 1e-4,
    apart: Collection[str] = TOLD,
) -> None:
    """Structures alike but for the fields `apart`; numbers within a share of the largest."""
    if isinstance(found, msgspec.Struct):
        for name in found.__struct_fields__:
            if name not in apart:
                mine, theirs = getattr(found, name), getattr(expected, name)
                assert_alike(mine, theirs, f"{where}.{name}", within=within, apart=apart)
    elif isinstance(found, tuple | list):
        for place, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
            assert_alike(mine, theirs, f"{where}[{place}]", within=within, apart=apart)
    elif isinstance(found, np.ndarray) and found.dtype.kind == "f":
        scale = float(np.nanmax(np.abs(expected), initial=0.0))
        np.testing.assert_allclose(found, expected, rtol=0, atol=within * scale, err_msg=where)
    elif isinstance(found, float):
        assert found == pytest.approx(expected, rel=within), where
    else:
        np.testing.assert_array_equal(found, expected, err_msg=where)
