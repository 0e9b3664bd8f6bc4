"""Findings that outlast the process: kept with the results they are made of, found by their input.

What a study found is a result like any other: it is stored under the models' fingerprints and all
that its numbers depend on, so that a study that was finished opens as finished without a model.
Its sentences and tables are made by code, so that the code's own digest is a part of the key.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from analysis.events import Notice
from analysis.problems import ProblemError
from analysis.request import ModelChoice, Part, Request
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.table import Cell, Table

if TYPE_CHECKING:
    from analysis.studies.study import PairInput, Study

# What the numbers do not depend on, or what is a part of the key by itself.
_APART = ("session", "base", "tuned", "cases_folder")


@runtime_checkable
class Keyed(Protocol):
    """Something of an input that says itself what of it counts."""

    def in_key(self) -> Any:
        """What the numbers depend on."""


class KeptTable(msgspec.Struct, frozen=True):
    """A `NamedTable` with all of its rows."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    opens: str
    note: str

    @classmethod
    def of(cls, table: NamedTable) -> KeptTable:
        rows = tuple(tuple(map(_cell, row)) for row in table.table)
        return cls(table.name, table.title, table.table.columns, rows, table.opens, table.note)

    def named(self) -> NamedTable:
        table = Table(self.columns, self.rows)
        return NamedTable(self.name, self.title, table, self.opens, self.note)  # type: ignore[arg-type]


class KeptFindings(msgspec.Struct, frozen=True, tag="findings"):
    """`Findings` as they are stored; the fields are the same."""

    study: str
    title: str
    statements: tuple[str, ...]
    tables: tuple[KeptTable, ...]
    figures: tuple[Figure, ...]
    parameters: dict[str, Cell]
    notes: tuple[str, ...]
    data: tuple[KeptTable, ...]

    @classmethod
    def of(cls, found: Findings) -> KeptFindings:
        return cls(
            found.study,
            found.title,
            tuple(map(_text, found.statements)),
            tuple(map(KeptTable.of, found.tables)),
            tuple(map(_figure, found.figures)),
            {name: _cell(value) for name, value in found.parameters.items()},
            tuple(map(_text, found.notes)),
            tuple(map(KeptTable.of, found.data)),
        )

    def findings(self) -> Findings:
        return Findings(
            self.study,
            self.title,
            self.statements,
            tuple(each.named() for each in self.tables),
            self.figures,
            self.parameters,
            self.notes,
            tuple(each.named() for each in self.data),
        )


class StudyRequest(Request[KeptFindings], frozen=True, tag="study"):
    """What a study found on an input. No engine answers it: a study's end stores the answer.

    Attributes:
        study: Its name.
        base: The base model.
        tuned: The tuned model.
        given: A digest of all else that it was given.
        code: A digest of the code that makes findings.
    """

    analysis = "study"
    function = ""
    result = "analysis.studies.kept:KeptFindings"

    study: str
    base: ModelChoice
    tuned: ModelChoice
    given: str
    code: str


def study_request(study: str, given: PairInput) -> StudyRequest:
    """By what the findings of a study on this input are stored; OSError for an unreadable file."""
    # Imported here because the cache's codec imports numpy.
    from cache.codec import encode

    parts = [
        (each.name, _in_key(getattr(given, each.name), is_file=each.name in given.FILES))
        for each in dataclasses.fields(given)
        if each.name not in _APART
    ]
    digest = hashlib.sha256(encode(parts)).hexdigest()
    return StudyRequest(study, given.base, given.tuned, digest, _code())


def kept_findings(study: str, given: PairInput) -> Findings | None:
    """What the study found on this input before; None if it is not stored."""
    try:
        found = given.session.cached(study_request(study, given))
    except OSError:
        return None
    return None if found is None else found.findings()


def keeping(name: str, given: PairInput, study: Study) -> Study:
    """A study whose findings are stored; where they cannot be, that is said."""
    findings = yield from study
    try:
        given.session.keep(study_request(name, given), KeptFindings.of(findings))
    except ProblemError as error:
        yield Notice(error.problem)
    except OSError:
        # A file that it was given is gone: nobody could say later what this was found on.
        return findings
    return findings


def _in_key(value: Any, *, is_file: bool = False) -> Any:
    """A value as it is in the key: models by their precision, files by their content."""
    if is_file:
        return _content(value)
    if isinstance(value, Part | Keyed):
        return value.in_key()
    if isinstance(value, tuple | list):
        return [_in_key(each) for each in value]
    if isinstance(value, Mapping):
        return sorted((repr(name), _in_key(each)) for name, each in value.items())
    if dataclasses.is_dataclass(value):
        return [_in_key(getattr(value, each.name)) for each in dataclasses.fields(value)]
    return value


def _content(path: str | Path | None) -> str:
    """A digest of a file; empty for none."""
    if not path or not Path(path).exists():
        return ""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(1)
def _code() -> str:
    """A digest of all the code that computes."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _text(text: str) -> str:
    # A `Claim` is more than its text.
    return "".join(text)


def _cell(cell: Cell) -> Cell:
    """The same value as a plain one of Python: numbers may be numpy's."""
    if cell is None or isinstance(cell, bool):
        return cell
    kind = next((kind for kind in (str, int, float) if isinstance(cell, kind)), None)
    return cell.item() if kind is None else kind(cell)  # type: ignore[union-attr]


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _figure(figure: Figure) -> Figure:
    lines = [
        Series(
            each.name,
            tuple(place if isinstance(place, str) else float(place) for place in each.x),
            tuple(map(_number, each.y)),
            tuple(map(_number, each.spread)),
        )
        for each in figure.series
    ]
    return dataclasses.replace(figure, series=tuple(lines))
