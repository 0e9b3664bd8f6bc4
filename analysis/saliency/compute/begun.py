"""How far an answer got: what a run that was stopped, or gave way, leaves to the next one.

The engine keeps these beside its models, under the key of the whole answer: other weights, another
prompt or other parameters have another key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from analysis.saliency.compute.pieces import Totals

if TYPE_CHECKING:
    from analysis.saliency.result import Attribution


@dataclass
class Begun:
    """An unfinished answer; its parts are filled in as they are computed.

    Attributes:
        ids: The response's tokens so far.
        complete: The answer with its whole response and how that ended, and with the totals and
            cells of the map that are computed; None while the response is being written.
        totals: The sums of the map's rows; None before they are known.
        seconds: Time spent on explaining.
    """

    ids: list[int] = field(default_factory=list)
    complete: Attribution | None = None
    totals: Totals | None = None
    seconds: float = 0.0

    @property
    def answer(self) -> Attribution:
        """The answer as it stands; there is a response."""
        assert self.complete is not None
        return self.complete

    @property
    def shown(self) -> Attribution:
        """A copy of the answer, whose map does not change any more; there is a response."""
        return replace(self.answer, importance=self.answer.importance.copy())

    def take_totals(self, totals: Totals) -> None:
        """Take in the sums of the rows; there is a response."""
        self.totals = totals
        self.complete = replace(
            self.answer,
            totals=totals.values.numpy(),
            probabilities=totals.probabilities.numpy(),
        )

    @contextmanager
    def timed(self, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
        """Count the time of this block, however it ends."""
        started = clock()
        try:
            yield
        finally:
            self.seconds += clock() - started


def leading(known: NDArray[np.float32] | None) -> tuple[int, int]:
    """How many of the first rows, and of the first columns, of a map are complete: (0, 0) of None.

    Args:
        known: float32 [N, M], NaN where nothing is computed.
    """
    if known is None or not known.size:
        return 0, 0
    missing = np.isnan(known)
    return _before_first(missing.any(axis=1)), _before_first(missing.any(axis=0))


def _before_first(flags: Any) -> int:
    """How many are false in front of the first true one."""
    return next((number for number, flag in enumerate(flags) if flag), len(flags))
