"""Tables 5 and 6 of the paper: scenarios and levels of concepts, base against tuned."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.concepts.annotation.annotation import Annotation
from analysis.concepts.tables import LEVELS
from analysis.statistics.effects import EFFECT_COLUMNS, effect_cells, hedges_g
from analysis.table import Cell, Table

COLUMNS = (
    "group",
    "category",
    "tuned_percent",
    "tuned_deviation",
    "tuned_repeats",
    "base_percent",
    "base_deviation",
    "base_repeats",
    "p_value",
    *EFFECT_COLUMNS,
    "note",
)


@dataclass(frozen=True)
class Share:
    """A share of annotations in percent, for each repeat that has any relevant annotation."""

    repeats: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        """Mean over repeats; None without any."""
        return float(np.mean(self.repeats)) if self.repeats else None

    @property
    def deviation(self) -> float | None:
        """Deviation over repeats, divided by n as the paper's p-values imply; None below two."""
        return float(np.std(self.repeats)) if len(self.repeats) > 1 else None


def student_p_value(first: Sequence[float], second: Sequence[float]) -> tuple[float | None, str]:
    """Two-sided p-value of Student's t-test, equal variances, that two means are the same.

    This test, with deviations divided by n, gives 15 of the 16 p-values of the paper's Tables 5 and
    6 from the means and deviations printed there, all but that of writing in Table 5.

    Returns:
        The p-value and "", or None and the reason.
    """
    if not first or not second:
        return None, "no annotations"
    if min(len(first), len(second)) < 2:
        return None, "one repeat only"
    freedom = len(first) + len(second) - 2
    squares = len(first) * float(np.var(first)) + len(second) * float(np.var(second))
    # Means of equal values can differ in the last bit and so suggest variance.
    if math.sqrt(squares / freedom) <= 1e-12 * max(map(abs, (*first, *second))):
        return None, "no variance between repeats"
    error = math.sqrt(squares / freedom * (1 / len(first) + 1 / len(second)))
    t = abs(float(np.mean(first)) - float(np.mean(second))) / error
    # Imported here because it is slow to load and no screen needs it to open.
    from scipy.special import stdtr

    return 2.0 * float(stdtr(freedom, -t)), ""


def share(
    annotations: Iterable[Annotation],
    counted: Callable[[Annotation], bool],
    within: Callable[[Annotation], bool],
) -> Share:
    """The share of `counted` annotations among those `within`, in percent, per repeat."""
    hits: dict[int, int] = {}
    totals: dict[int, int] = {}
    for annotation in annotations:
        if within(annotation):
            repeat = annotation.repeat
            totals[repeat] = totals.get(repeat, 0) + 1
            hits[repeat] = hits.get(repeat, 0) + counted(annotation)
    return Share(tuple(100 * hits[repeat] / totals[repeat] for repeat in sorted(totals)))


def compare(annotations: Sequence[Annotation], base: str, tuned: str) -> Table:
    """Tables 5 and 6: shares of scenarios and levels, base against tuned (METHODS 3).

    Shares are relative to the descriptions whose answer to that step was understood; a description
    may have several scenarios. The three kinds of writing count as one, as in the paper. Percent,
    mean and deviation (divided by n) over repeats; p-values are Student's, two-sided.

    Args:
        annotations: Of both models.
        base: Name of the base model in their subjects.
        tuned: Name of the tuned model.

    Returns:
        `COLUMNS`; one row for the share of described components, one per scenario, one per level.
        Effects are Hedges' g over repeats. If there is no p-value, the note says why.
    """
    rows: list[tuple[Cell, ...]] = []
    for group, category, counted, within in _CATEGORIES:
        shares = [
            share((each for each in annotations if each.subject.model == model), counted, within)
            for model in (tuned, base)
        ]
        p_value, note = student_p_value(shares[0].repeats, shares[1].repeats)
        cells: list[Cell] = [group, category]
        for each in shares:
            cells += [each.mean, each.deviation, len(each.repeats)]
        effect = hedges_g(shares[0].repeats, shares[1].repeats)
        rows.append((*cells, p_value, *effect_cells(effect), note))
    return Table(COLUMNS, rows)


def described(annotation: Annotation) -> bool:
    """Whether the words have a description."""
    return annotation.outcome == "described"


def judged(annotation: Annotation) -> bool:
    """Whether the first step's answer was understood, as a description or as "cannot tell"."""
    return annotation.outcome in ("described", "cannot tell")


def has_level(annotation: Annotation) -> bool:
    """Whether the third step's answer was understood."""
    return annotation.level is not None


def at_level(level: str) -> Callable[[Annotation], bool]:
    """A test whether an annotation has that level."""
    return lambda annotation: annotation.level == level


def _serves(*names: str) -> Callable[[Annotation], bool]:
    return lambda annotation: any(name in names for name in annotation.scenarios or ())


def _has_scenarios(annotation: Annotation) -> bool:
    return annotation.scenarios is not None


_Test = Callable[[Annotation], bool]
_CATEGORIES: tuple[tuple[str, str, _Test, _Test], ...] = (
    ("concept", "described", described, judged),
    (
        "scenario",
        "writing",
        _serves("daily writing", "literary writing", "professional writing"),
        _has_scenarios,
    ),
    ("scenario", "coding", _serves("coding"), _has_scenarios),
    ("scenario", "math", _serves("math"), _has_scenarios),
    ("scenario", "translation", _serves("translation"), _has_scenarios),
    ("scenario", "none", lambda annotation: annotation.scenarios == (), _has_scenarios),
    *(("level", level, at_level(level), has_level) for level in LEVELS),
)
