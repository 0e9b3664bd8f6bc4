"""Instruction scores and ratings of a library's cases, kept beside them apart from the index.

They change while the cases stay: scores are computed one after the other, which takes 0.4 ms a
case, and ratings are given by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.files.columns import read_columns, write_columns
from analysis.saliency.cases.index import Index, Stamp, id_key

KNOWN = ".insttui-scores"

# Another one where scores are computed otherwise.
_VERSION = 1


class _About(msgspec.Struct):
    version: int
    cases: Stamp
    ratings: Stamp
    models: tuple[str, ...]
    rated: tuple[str, ...]


@dataclass(eq=False)
class Known:
    """What is known of each case.

    Attributes:
        models: Whose numbers the rows are.
        scores: float64 [models, cases].
        scored: bool [cases], whether the scores are known.
        ratings: float64 [models, cases], NaN for none.
        rated: The models that ratings speak of.
    """

    models: tuple[str, ...]
    scores: NDArray[np.float64]
    scored: NDArray[np.bool_]
    ratings: NDArray[np.float64]
    rated: tuple[str, ...] = ()

    @classmethod
    def nothing(cls, models: tuple[str, ...], cases: int) -> Known:
        """Nothing yet."""
        shape = (len(models), cases)
        return cls(
            models, np.full(shape, np.nan), np.zeros(cases, np.bool_), np.full(shape, np.nan)
        )

    def extended(self, cases: int) -> Known:
        """The same with more cases, of which nothing is known."""
        more = Known.nothing(self.models, cases)
        count = len(self.scored)
        more.scores[:, :count], more.scored[:count] = self.scores, self.scored
        more.ratings[:, :count] = self.ratings
        more.rated = self.rated
        return more

    def rate(
        self,
        index: Index,
        rated: Mapping[tuple[str, str], float],
        has_id: Callable[[int, str], bool],
    ) -> None:
        """Take in ratings by (model, case id); `has_id` tells of two ids with the same hash."""
        self.ratings[:] = np.nan
        self.rated = tuple(sorted({model for model, _ in rated}))
        named = [each for each in rated.items() if each[0][0] in self.models]
        if not named or not len(index):
            return
        order, all_keys = index.columns["order"], index.columns["key"]
        keys = np.array([int(id_key(case_id)) for (_, case_id), _ in named], dtype=np.uint64)
        first = np.searchsorted(all_keys, keys, sorter=order)
        end = np.searchsorted(all_keys, keys, side="right", sorter=order)
        for start, stop, ((model, case_id), rating) in zip(first, end, named, strict=True):
            for number in order[start:stop].tolist():
                if stop - start == 1 or has_id(number, case_id):
                    self.ratings[self.models.index(model), number] = rating

    def keep(self, folder: Path, cases: Stamp, ratings: Stamp) -> None:
        """Write it beside the cases, where that can be."""
        about = _About(_VERSION, cases, ratings, self.models, self.rated)
        arrays = {"scores": self.scores, "scored": self.scored, "ratings": self.ratings}
        with suppress(OSError):
            write_columns(folder / KNOWN, about, arrays)


def kept(folder: Path, cases: Stamp, ratings: Stamp) -> tuple[Known | None, bool]:
    """What was kept of these cases, and whether its ratings are those of the file now."""
    try:
        with (folder / KNOWN).open("rb") as file:
            found = read_columns(file.fileno(), _About)
    except OSError:
        return None, False
    if found is None:
        return None, False
    about, arrays, _ = found
    if about.version != _VERSION or about.cases != cases:
        return None, False
    scores, scored, rated = (arrays[each].copy() for each in ("scores", "scored", "ratings"))
    known = Known(about.models, scores, scored, rated, about.rated)
    return known, about.ratings == ratings
