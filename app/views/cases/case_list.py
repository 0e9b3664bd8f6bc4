"""The list of a library's cases as data: filters, and what is exported. Holds no widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from analysis.saliency.cases.library import Case
from analysis.table import Table

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

    def admits(self, case: Case) -> bool:
        if self.dataset and case.dataset != self.dataset:
            return False
        rating = case.rating
        match self.rating:
            case "":
                return True
            case "not rated":
                return rating is None
            case "2 and more":
                return rating is not None and rating >= 2
            case "below 2":
                return rating is not None and rating < 2
            case exactly:
                return rating is not None and f"{rating:g}" == exactly


def rating_choices(cases: Sequence[Case]) -> tuple[str, ...]:
    """The rating filters that apply to these cases."""
    rated = sorted({case.rating for case in cases if case.rating is not None})
    some_unrated = any(case.rating is None for case in cases)
    groups = (FOLLOWED, UNFOLLOWED) if rated else ()
    return (*groups, *(f"{rating:g}" for rating in rated), *((NOT_RATED,) if some_unrated else ()))


def difference(scores: Scores | None) -> float | None:
    """Tuned minus base; None if unknown, or of one model."""
    return scores[1] - scores[0] if scores is not None and len(scores) > 1 else None


def table(cases: Sequence[Case], scores: Mapping[str, Scores], models: Sequence[str]) -> Table:
    """The list: id, dataset, marked or guessed, rating, each model's score, difference, prompt."""
    columns = [
        "id",
        "dataset",
        "instructions",
        "rating",
        *(f"instruction_score_{name}" for name in models),
    ]
    rows = []
    for case in cases:
        found = scores.get(case.id)
        values = list(found) if found else [None] * len(models)
        instructions = "guessed" if case.guessed else "marked"
        about = (case.id, case.dataset, instructions, case.rating)
        rows.append((*about, *values, difference(found), case.prompt))
    return Table((*columns, "difference", "prompt"), tuple(rows))


def _after(current: T, choices: Sequence[T]) -> T:
    return choices[(choices.index(current) + 1) % len(choices)]
