"""Places of several prompts with something in common, and means over the prompts (METHODS 15).

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
from analysis.table import Cell

Cases = Mapping[Whose, Sequence[Case]]
"""By whose responses they are."""


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
