"""Instruction scores of two groups of responses: rows of Tables 1 and 2, in numbers and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.saliency.study_cases import StudyCase
from analysis.statistics.effects import EFFECT_COLUMNS, Effect, effect_cells, hedges_g
from analysis.statistics.inference import SIGNIFICANT, Sample, welch_p_value
from analysis.studies.testing import Claim, Hypothesis
from analysis.table import Cell

FOLLOWED = 2.0
"""Responses with at least this rating count as following the instruction."""

SHORTEST_RATED = 5
"""Table 1 leaves out responses with fewer tokens; Table 2 does not."""

COLUMNS = (
    "table",
    "dataset",
    "group",
    "count",
    "mean",
    "deviation",
    "other_group",
    "other_count",
    "other_mean",
    "other_deviation",
    "p_value",
    *EFFECT_COLUMNS,
)


@dataclass(frozen=True)
class ScoredCase:
    """What the tables need from a case; tuples have one item per model, base before tuned.

    Attributes:
        id: Its name.
        dataset: Where its prompt comes from.
        guessed: Its instructions are a guess.
        scores: Instruction scores.
        instruction_tokens: Number of instruction tokens, by each model's tokenizer.
        response_lengths: Response tokens.
        ratings: Ratings of the responses; None if unrated.
        unmoved: Share of response tokens that no prompt token moves; None if unknown.
        unmoved_by: How these were found: ``occlusion`` or ``linearisation``; None if unknown.
    """

    id: str
    dataset: str
    guessed: bool
    scores: tuple[float, ...]
    instruction_tokens: tuple[int, ...]
    response_lengths: tuple[int, ...]
    ratings: tuple[float | None, ...]
    unmoved: tuple[float | None, ...] = (None, None)
    unmoved_by: tuple[str | None, ...] = (None, None)

    @classmethod
    def of(cls, case: StudyCase) -> ScoredCase:
        pairs = list(zip(case.maps, case.instructions, strict=True))
        return cls(
            id=case.id,
            dataset=case.dataset,
            guessed=case.guessed,
            scores=tuple(shown.instruction_score(mask) for shown, mask in pairs),
            instruction_tokens=tuple(int(mask.sum()) for mask in case.instructions),
            response_lengths=tuple(len(shown.response_tokens) for shown in case.maps),
            ratings=case.ratings,
            unmoved=tuple(shown.unmoved_share for shown in case.maps),
            unmoved_by=tuple(shown.unmoved_by for shown in case.maps),
        )


@dataclass(frozen=True)
class Comparison:
    """One row of a table: instruction scores of two groups of responses in one dataset.

    Attributes:
        table: The paper's number of the table, 1 or 2.
        dataset: Where the prompts come from.
        groups: Names of the two groups; the first is expected to score higher.
        samples: Count, mean and population standard deviation of each.
        p_value: Welch's one-sided t-test that the first mean is greater; None where undefined.
        effect: Hedges' g of the first group against the second; None where undefined.
    """

    table: int
    dataset: str
    groups: tuple[str, str]
    samples: tuple[Sample, Sample]
    p_value: float | None
    effect: Effect | None

    def row(self) -> tuple[Cell, ...]:
        """The row of the table, unrounded; the mean of an empty group is an empty cell."""
        cells: list[Cell] = [str(self.table), self.dataset]
        for name, sample in zip(self.groups, self.samples, strict=True):
            empty = sample.count == 0
            cells += [name, sample.count]
            cells += [None, None] if empty else [sample.mean, sample.deviation]
        return (*cells, self.p_value, *effect_cells(self.effect))

    def sentence(self) -> str:
        """What the row says, with the paper's digits."""
        where = f"Table {self.table}, {self.dataset}"
        empty = [
            name for name, each in zip(self.groups, self.samples, strict=True) if not each.count
        ]
        if empty:
            return f"{where}: nothing to compare, for the group {empty[0]} has no responses."
        first, second = (
            f"{name} {sample.mean:.4f}±{sample.deviation:.2f} (n={sample.count})"
            for name, sample in zip(self.groups, self.samples, strict=True)
        )
        if self.p_value is None:
            why = "two groups of at least two responses, and some variance, are needed"
            return f"{where}: instruction scores of {first} and {second} cannot be tested; {why}."
        if self.p_value < SIGNIFICANT:
            words, tail = "are higher than those of", f"p {self.p_value:.3g}"
        elif 1 - self.p_value < SIGNIFICANT:
            words = "are lower than those of"
            tail = f"{_at_least(1 - self.p_value)}, against what the paper finds"
        else:
            words, tail = "are not shown to differ from those of", f"p {self.p_value:.3g}"
        size = "" if self.effect is None else f"; {self.effect.in_words()}"
        return Claim(
            f"{where}: instruction scores of {first} {words} {second}: {tail}{size}.",
            Hypothesis(where, min(self.p_value, 1 - self.p_value), column=self.p_value),
        )


def compare(
    models: Sequence[str], cases: Sequence[ScoredCase], shortest: int = SHORTEST_RATED
) -> tuple[Comparison, ...]:
    """Table 1 if a model's responses have ratings, then Table 2 if there are two models.

    Both have one row per dataset, in the order of their first cases.

    Args:
        models: The models' names, base before tuned.
        cases: At least one.
        shortest: Table 1 leaves out responses with fewer tokens.
    """
    by_dataset: dict[str, list[ScoredCase]] = {}
    for case in cases:
        by_dataset.setdefault(case.dataset, []).append(case)
    rated = [
        index
        for index in range(len(models))
        if any(case.ratings[index] is not None for case in cases)
    ]
    found: list[Comparison] = []
    for model in rated[-1:]:
        found += [_table_1(model, shortest, *each) for each in by_dataset.items()]
    if len(models) == 2:
        found += [_table_2(models, *each) for each in by_dataset.items()]
    return tuple(found)


def _table_1(model: int, shortest: int, dataset: str, cases: Sequence[ScoredCase]) -> Comparison:
    """Responses of the model at an index that followed against those that did not."""
    followed: list[float] = []
    unfollowed: list[float] = []
    for case in cases:
        rating = case.ratings[model]
        if rating is not None and case.response_lengths[model] >= shortest:
            (followed if rating >= FOLLOWED else unfollowed).append(case.scores[model])
    return _comparison(1, dataset, ("followed", "unfollowed"), followed, unfollowed)


def _table_2(models: Sequence[str], dataset: str, cases: Sequence[ScoredCase]) -> Comparison:
    base, tuned = ([case.scores[model] for case in cases] for model in (0, 1))
    return _comparison(2, dataset, (models[1], models[0]), tuned, base)


def _comparison(
    table: int,
    dataset: str,
    groups: tuple[str, str],
    larger: Sequence[float],
    smaller: Sequence[float],
) -> Comparison:
    samples = (Sample.of(larger), Sample.of(smaller))
    p_value, effect = welch_p_value(larger, smaller), hedges_g(larger, smaller)
    return Comparison(table, dataset, groups, samples, p_value, effect)


def _at_least(p_value: float) -> str:
    return "p < 0.0001" if p_value < 0.0001 else f"p {p_value:.3g}"
