"""The list of a library's cases as data: filters, order, columns. Holds no widgets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from analysis.saliency.cases.library import Case
from analysis.table import Table

T = TypeVar("T", bound=str)
Scores = tuple[float, ...]
Order = Literal["file", "base", "tuned", "difference", "rating"]
ORDERS: tuple[Order, ...] = ("file", "base", "tuned", "difference", "rating")

NOT_RATED = "not rated"
FOLLOWED = "2 and more"
UNFOLLOWED = "below 2"
"""The paper counts ratings of 2 and more as followed, lower ones as unfollowed (METHODS 1)."""


@dataclass(frozen=True)
class Filters:
    """Filters and order of the list; an empty filter admits all.

    `rating` is ``FOLLOWED``, ``UNFOLLOWED``, ``NOT_RATED`` or a rating as text; `words` must occur
    in prompt or id, ignoring case. `order` is the sort key, ``file`` the library's own order;
    `rising` puts the smallest first.
    """

    dataset: str = ""
    rating: str = ""
    words: str = ""
    order: Order = "file"
    rising: bool = False

    def next_dataset(self, datasets: Sequence[str]) -> Filters:
        """The filters with the next dataset; all of them follow the last one."""
        return replace(self, dataset=_after(self.dataset, ("", *datasets)))

    def next_rating(self, ratings: Sequence[str]) -> Filters:
        return replace(self, rating=_after(self.rating, ("", *ratings)))

    def next_order(self) -> Filters:
        return replace(self, order=_after(self.order, ORDERS), rising=False)

    def admits(self, case: Case) -> bool:
        if self.dataset and case.dataset != self.dataset:
            return False
        words = self.words.casefold()
        if words and words not in case.prompt.casefold() and words not in case.id.casefold():
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


def listed(cases: Sequence[Case], scores: Mapping[str, Scores], filters: Filters) -> list[Case]:
    """The cases to list, sorted; those without the sort value come last."""
    found = [case for case in cases if filters.admits(case)]
    if filters.order == "file":
        return found[::-1] if filters.rising else found
    sign = 1 if filters.rising else -1

    def place(case: Case) -> float:
        value = value_of(case, scores.get(case.id), filters.order)
        return math.inf if value is None else sign * value

    return sorted(found, key=place)


def value_of(case: Case, scores: Scores | None, order: Order) -> float | None:
    """A case's sort value; None if unknown."""
    if order == "rating":
        return case.rating
    if scores is None or order == "file":
        return None
    if order == "base":
        return scores[0]
    if len(scores) < 2:
        return None
    return scores[1] if order == "tuned" else scores[1] - scores[0]


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
        difference = value_of(case, found, "difference")
        instructions = "guessed" if case.guessed else "marked"
        about = (case.id, case.dataset, instructions, case.rating)
        rows.append((*about, *values, difference, case.prompt))
    return Table((*columns, "difference", "prompt"), tuple(rows))


def _after(current: T, choices: Sequence[T]) -> T:
    return choices[(choices.index(current) + 1) % len(choices)]
