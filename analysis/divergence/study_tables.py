"""The tables of the study of divergence: by case, position, kind of token and task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from analysis.divergence.study_cases import Case
from analysis.divergence.study_groups import Cases, Group, by_kind, by_position, by_task
from analysis.studies.findings import NamedTable
from analysis.table import Cell, Table

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
