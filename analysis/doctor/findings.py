"""What an examination of a pair finds. Imports neither torch nor numpy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from analysis.problems import Problem
from analysis.table import Table

Level = Literal["ok", "warning", "cannot"]
Subject = Literal["base", "tuned", "pair"]

LEVELS: tuple[Level, ...] = ("ok", "warning", "cannot")
"""From good to bad: the position of the worst is the exit status of ``insttui doctor``."""


class Finding(msgspec.Struct, frozen=True):
    """What one check found.

    Attributes:
        id: The check, a stable name such as ``template``.
        level: ``ok``; ``warning`` if numbers of this pair need care, or a part of the analyses
            does not work; ``cannot`` if the pair cannot be analysed like this.
        about: The base model, the tuned model, or both.
        what: What was found, a sentence.
        why: What it means for the analyses; may be empty.
        remedy: What the user can do; may be empty.
    """

    id: str
    level: Level
    about: Subject
    what: str
    why: str = ""
    remedy: str = ""


class Findings(msgspec.Struct, frozen=True, tag="findings"):
    """All findings about a pair, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Level:
        """The worst level; ``ok`` without findings."""
        return max((each.level for each in self.findings), key=LEVELS.index, default="ok")

    def at(self, *levels: Level) -> tuple[Finding, ...]:
        """The findings of some levels."""
        return tuple(each for each in self.findings if each.level in levels)

    def table(self) -> Table:
        """A row a finding; the columns are the fields of `Finding`."""
        names = Finding.__struct_fields__
        return Table(
            names, [tuple(getattr(each, name) for name in names) for each in self.findings]
        )

    def as_json(self) -> bytes:
        """The findings as an indented JSON list, in UTF-8."""
        return msgspec.json.format(msgspec.json.encode(self.findings), indent=2) + b"\n"

    def with_more(self, findings: Iterable[Finding]) -> Findings:
        """These findings and others."""
        return Findings((*self.findings, *findings))


def from_problem(check: str, level: Level, about: Subject, problem: Problem) -> Finding:
    """An error that was met while checking, as a finding."""
    return Finding(check, level, about, problem.what, problem.why, problem.remedy)
