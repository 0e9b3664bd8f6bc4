"""The list of a library's cases as data: filters, and what is exported. Holds no widgets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.saliency.cases.library import CaseLibrary
from analysis.table import Cell, Table

T = TypeVar("T", bound=str)
Scores = tuple[float, ...]
NOT_RATED = "not rated"
FOLLOWED = "2 and more"
UNFOLLOWED = "below 2"
"""The paper counts ratings of 2 and more as followed, lower ones as unfollowed (METHODS 1)."""


@dataclass(frozen=True)
class Filters:
    """What the list is limited to; an empty filter admits all.

    `rating` is ``FOLLOWED``, ``UNFOLLOWED``, ``NOT_RATED`` or a rating as text.
    """

    dataset: str = ""
    rating: str = ""

    def next_dataset(self, datasets: Sequence[str]) -> Filters:
        """The filters with the next dataset; all of them follow the last one."""
        return replace(self, dataset=_after(self.dataset, ("", *datasets)))

    def next_rating(self, ratings: Sequence[str]) -> Filters:
        return replace(self, rating=_after(self.rating, ("", *ratings)))

    def admitted(self, library: CaseLibrary) -> NDArray[np.int64]:
        """The numbers of the cases that are listed, in file order."""
        rating = library.rating_shown
        admits = np.ones(len(rating), np.bool_)
        if self.dataset:
            names = library.datasets
            wanted = names.index(self.dataset) if self.dataset in names else -1
            admits &= library.index.columns["dataset"] == wanted
        match self.rating:
            case "":
                pass
            case "not rated":
                admits &= np.isnan(rating)
            case "2 and more":
                admits &= rating >= 2
            case "below 2":
                admits &= rating < 2
            case exactly:
                admits &= np.isin(
                    rating, [each for each in _levels(rating) if f"{each:g}" == exactly]
                )
        return np.flatnonzero(admits)


def rating_choices(rating: NDArray[np.float64]) -> tuple[str, ...]:
    """The rating filters that apply to cases with these ratings, NaN for none."""
    rated = _levels(rating)
    groups = (FOLLOWED, UNFOLLOWED) if rated else ()
    unrated = (NOT_RATED,) if np.isnan(rating).any() else ()
    return (*groups, *dict.fromkeys(f"{each:g}" for each in rated), *unrated)


def _levels(rating: NDArray[np.float64]) -> list[float]:
    return [float(each) for each in np.unique(rating[~np.isnan(rating)])]


def difference(scores: Scores | None) -> float | None:
    """Tuned minus base; None if unknown, or of one model."""
    return scores[1] - scores[0] if scores is not None and len(scores) > 1 else None


def table(library: CaseLibrary, numbers: Sequence[int]) -> Table:
    """The list: id, dataset, marked or guessed, rating, each model's score, difference, prompt.

    Its cases are read as its rows are asked for, in this order of their numbers.
    """
    columns = [
        "id",
        "dataset",
        "instructions",
        "rating",
        *(f"instruction_score_{name}" for name in library.models),
    ]
    return Table((*columns, "difference", "prompt"), _Exported(library, numbers))


@dataclass(frozen=True)
class _Exported:
    library: CaseLibrary
    numbers: Sequence[int]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for number in self.numbers:
            case, found = self.library.numbered(number), scores_of(self.library, number)
            values = list(found) if found else [None] * len(self.library.models)
            instructions = "guessed" if case.guessed else "marked"
            about = (case.id, case.dataset, instructions, case.rating)
            yield (*about, *values, difference(found), case.prompt)


def scores_of(library: CaseLibrary, number: int) -> Scores | None:
    """A case's scores, None while they are unknown."""
    known = library.known
    return tuple(known.scores[:, number].tolist()) if known.scored[number] else None


def _after(current: T, choices: Sequence[T]) -> T:
    return choices[(choices.index(current) + 1) % len(choices)]
