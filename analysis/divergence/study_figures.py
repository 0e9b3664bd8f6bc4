"""The figures of the study of divergence: KL by position and task, first choices by kind."""

from __future__ import annotations

from collections.abc import Callable

from analysis.divergence.kinds import KINDS
from analysis.divergence.study_cases import task_of
from analysis.divergence.study_groups import Cases, Mean, by_kind, by_position, by_task
from analysis.studies.findings import Figure, Series


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
            for task, group in by_task(found, task_of).items()
        }
        bars.append(Series(words(whose), tuple(means), tuple(each.mean for each in means.values())))
    return Figure(
        "kl-by-task", "Mean KL(tuned ‖ base) by task", "task", "KL (nats)", tuple(bars), kind="bars"
    )
