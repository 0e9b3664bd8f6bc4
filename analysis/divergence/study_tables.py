"""The tables and figures of the study of divergence: by case, position, kind of token and task.

Means are over prompts, of each prompt's own mean, so that a long response counts as a short one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.divergence.kinds import KINDS
from analysis.divergence.study_cases import POSITIONS, Case, Places
from analysis.divergence.study_input import Whose
from analysis.statistics.resampling import bootstrap_interval
from analysis.studies.findings import Figure, NamedTable, Series
from analysis.table import Cell, Table

Cases = Mapping[Whose, Sequence[Case]]
"""By whose responses they are."""

CASE_COLUMNS = (
    "case",
    "task",
    "responses",
    "response_tokens",
    "ended",
    "first",
    "share_parted",
    "mean_kl",
    "kl_at_0",
    "mean_gain",
    "base_prefers",
    "base_p",
    "tuned_prefers",
    "tuned_p",
)
_MEANS = (
    "prompts",
    "places",
    "share_parted",
    "share_parted_low",
    "share_parted_high",
    "mean_kl",
    "kl_deviation",
    "mean_kl_low",
    "mean_kl_high",
    "mean_gain",
)
POSITION_COLUMNS = ("responses", "position", *_MEANS)
KIND_COLUMNS = ("responses", "kind", *_MEANS, "share_of_places", "share_of_kl")
TASK_COLUMNS = ("responses", "task", *_MEANS, "first_median", "share_at_first_token", "share_never")

_MEAN_NOTE = (
    "Means over prompts of each prompt’s own mean; low and high are the ends of the 95 % bootstrap "
    "interval over prompts; KL(tuned ‖ base) and gain, log p by tuned minus that by base of the "
    "response’s token, in nats."
)


@dataclass(frozen=True)
class Mean:
    """A mean over prompts.

    Attributes:
        count: Number of prompts.
        mean: Their mean.
        deviation: Their population standard deviation.
        interval: The mean's 95 % bootstrap interval; None for one prompt.
    """

    count: int
    mean: float
    deviation: float
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Of at least one value."""
        return cls(
            len(values), float(np.mean(values)), float(np.std(values)), bootstrap_interval(values)
        )

    def words(self, unit: str = "") -> str:
        """Such as ``1.25 nats [0.98, 1.51]``; as a share in per cent if the unit is ``%``."""
        scale, digits = (100, 1) if unit == "%" else (1, 2)
        said = f"{scale * self.mean:.{digits}f}{unit and f' {unit}'}"
        if self.interval is None:
            return said
        low, high = (f"{scale * end:.{digits}f}" for end in self.interval)
        return f"{said} [{low}, {high}]"


@dataclass(frozen=True)
class Group:
    """Places of several prompts: those of a position, a kind or a task.

    Attributes:
        name: What they have in common.
        places: Each prompt's; at least one.
    """

    name: str
    places: tuple[Places, ...]

    @property
    def count(self) -> int:
        """Number of places."""
        return sum(each.count for each in self.places)

    @property
    def kl(self) -> Mean:
        return Mean.of([each.mean_kl for each in self.places])

    @property
    def share(self) -> Mean:
        return Mean.of([each.share for each in self.places])

    def row(self) -> tuple[Cell, ...]:
        """The cells of `_MEANS`."""
        share, kl = self.share, self.kl
        gains = [each.mean_gain for each in self.places if each.mean_gain is not None]
        return (
            len(self.places),
            self.count,
            share.mean,
            *(share.interval or (None, None)),
            kl.mean,
            kl.deviation,
            *(kl.interval or (None, None)),
            float(np.mean(gains)) if gains else None,
        )


def by_position(cases: Sequence[Case]) -> list[Group]:
    """A group for each of `POSITIONS` that a response reaches."""
    return list(_groups(POSITIONS, cases, lambda case: case.positions))


def by_kind(cases: Sequence[Case]) -> list[Group]:
    """A group for each kind of token that occurs."""
    return list(_groups(KINDS, cases, lambda case: case.kinds))


def by_task(cases: Sequence[Case], of: Callable[[Case], str]) -> dict[str, list[Case]]:
    """The cases of each task, or category, in the order of the prompts."""
    found: dict[str, list[Case]] = {}
    for each in cases:
        found.setdefault(of(each), []).append(each)
    return found


def _groups(
    names: Sequence[str] | Mapping[str, object],
    cases: Sequence[Case],
    of: Callable[[Case], Mapping[str, Places]],
) -> Iterator[Group]:
    for name in names:
        places = tuple(of(case)[name] for case in cases if name in of(case))
        if places:
            yield Group(name, places)


def cases_table(cases: Cases) -> NamedTable:
    """A row a prompt and response."""
    return NamedTable(
        "cases",
        "Every response under both models",
        Table(CASE_COLUMNS, [_case(whose, each) for whose, of in cases.items() for each in of]),
        note="First is the first divergence, from 0; empty where the first choices never differ. "
        "What base and tuned prefer is their first choice there, with their own probability.",
    )


def _case(whose: str, case: Case) -> tuple[Cell, ...]:
    base, tuned = case.choices or ((None, None), (None, None))
    return (
        case.case,
        case.task,
        whose,
        case.tokens,
        case.ended,
        case.first,
        case.every.share,
        case.every.mean_kl,
        case.positions["0"].kl,
        case.every.mean_gain,
        *base,
        *tuned,
    )


def positions_table(cases: Cases) -> NamedTable:
    """A row for each group of positions."""
    rows = [
        (whose, group.name, *group.row())
        for whose, of in cases.items()
        for group in by_position(of)
    ]
    return NamedTable(
        "positions",
        "KL(tuned ‖ base) and first choices by the position in the response",
        Table(POSITION_COLUMNS, rows),
        note=f"{_MEAN_NOTE} Only longer responses reach later positions: these are not the same "
        "prompts as at the first.",
    )


def kinds_table(cases: Cases) -> NamedTable:
    """A row for each kind of token."""
    rows = []
    for whose, of in cases.items():
        places, kl = sum(each.every.count for each in of), sum(each.every.kl for each in of)
        rows += [
            (
                whose,
                group.name,
                *group.row(),
                group.count / places,
                sum(each.kl for each in group.places) / kl if kl else None,
            )
            for group in by_kind(of)
        ]
    return NamedTable(
        "kinds",
        "KL(tuned ‖ base) and first choices by the kind of token",
        Table(KIND_COLUMNS, rows),
        note=f"{_MEAN_NOTE} A place’s kind is that of the response’s token there, which neither "
        "model has read when it chooses. The shares of places and of KL are those of all places "
        "of all prompts together.",
    )


def tasks_table(cases: Cases, name: str, of: Callable[[Case], str]) -> NamedTable:
    """A row for each task, or for each category of tasks."""
    rows = [
        (whose, task, *Group(task, tuple(each.every for each in group)).row(), *_firsts(group))
        for whose, found in cases.items()
        for task, group in by_task(found, of).items()
    ]
    return NamedTable(
        name,
        f"KL(tuned ‖ base) and first choices by {'task' if name == 'tasks' else 'category'}",
        Table(TASK_COLUMNS, rows),
        note=f"{_MEAN_NOTE} The median of the first divergence is that of prompts where the first "
        "choices differ at all.",
    )


def _firsts(cases: Sequence[Case]) -> tuple[Cell, ...]:
    firsts = [each.first for each in cases if each.first is not None]
    return (
        float(np.median(firsts)) if firsts else None,
        sum(each == 0 for each in firsts) / len(cases),
        1 - len(firsts) / len(cases),
    )


def position_figure(cases: Cases, words: Callable[[str], str]) -> Figure:
    """KL by position, with its spread over prompts."""
    lines = []
    for whose, of in cases.items():
        means = [(group.name, group.kl) for group in by_position(of)]
        lines.append(
            Series(
                words(whose),
                tuple(name for name, _ in means),
                tuple(kl.mean for _, kl in means),
                tuple(kl.deviation for _, kl in means),
            )
        )
    return Figure(
        "kl-by-position",
        "KL(tuned ‖ base) by the position in the response, with its deviation over prompts",
        "position",
        "KL (nats)",
        tuple(lines),
    )


def kind_figure(cases: Cases, words: Callable[[str], str]) -> Figure:
    """The share of places where first choices differ, by kind of token."""
    shares = {
        whose: {group.name: group.share.mean for group in by_kind(of)}
        for whose, of in cases.items()
    }
    shown = tuple(kind for kind in KINDS if any(kind in of for of in shares.values()))
    return Figure(
        "parted-by-kind",
        "Share of places where first choices differ, by kind of token",
        "kind of token",
        "share of places",
        tuple(
            Series(words(whose), shown, tuple(of.get(kind) for kind in shown))
            for whose, of in shares.items()
        ),
        kind="bars",
    )


def task_figure(cases: Cases, words: Callable[[str], str]) -> Figure:
    """Mean KL of each task."""
    bars = []
    for whose, found in cases.items():
        means = {
            task: Mean.of([each.every.mean_kl for each in group])
            for task, group in by_task(found, lambda case: case.task).items()
        }
        bars.append(Series(words(whose), tuple(means), tuple(each.mean for each in means.values())))
    return Figure(
        "kl-by-task", "Mean KL(tuned ‖ base) by task", "task", "KL (nats)", tuple(bars), kind="bars"
    )
