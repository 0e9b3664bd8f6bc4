"""Base against tuned on fair terms: own responses, cut to equal length, and the same in both.

The density of a prompt token grows with the number of response tokens, so instruction scores of
responses of unlike length cannot be compared (METHODS 4). Both remedies stand beside Table 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from analysis.saliency.study_cases import Collected, Variant
from analysis.saliency.study_comparisons import ScoredCase
from analysis.statistics.effects import EFFECT_COLUMNS, Effect, cohens_d, effect_cells
from analysis.statistics.inference import SIGNIFICANT, Sample, mean_above_p_value, welch_p_value
from analysis.studies.findings import Figure, NamedTable, Series
from analysis.studies.sentences import p_in_words
from analysis.studies.testing import Claim, Hypothesis
from analysis.table import Cell, Table

_T = TypeVar("_T")

COLUMNS = (
    "dataset",
    "responses",
    "base",
    "tuned",
    "cases",
    "base_mean",
    "base_deviation",
    "tuned_mean",
    "tuned_deviation",
    "difference",
    "welch_p_value",
    "p_value",
    *EFFECT_COLUMNS,
    "base_tokens",
    "tuned_tokens",
    "base_unmoved",
    "tuned_unmoved",
)


@dataclass(frozen=True)
class FairComparison:
    """Instruction scores of base and tuned model on one kind of responses in one dataset.

    Attributes:
        dataset: Where the prompts come from.
        responses: The kind of responses, in words.
        models: The models' names, base before tuned.
        samples: Count, mean and population standard deviation of the scores of each.
        difference: Mean of tuned minus base, case by case.
        welch_p_value: Welch's one-sided t-test that the tuned model's mean is greater, as in
            Table 2; None where undefined.
        p_value: The same by a paired t-test, since both models were given each prompt.
        effect: Cohen's d of the differences; None where undefined.
        tokens: Mean number of response tokens of each.
        unmoved: Mean share of response tokens that no prompt token moves; None if unknown.
    """

    dataset: str
    responses: str
    models: tuple[str, ...]
    samples: tuple[Sample, Sample]
    difference: float
    welch_p_value: float | None
    p_value: float | None
    effect: Effect | None
    tokens: tuple[float, float]
    unmoved: tuple[float | None, float | None]

    @classmethod
    def of(
        cls, dataset: str, responses: str, models: tuple[str, ...], cases: Sequence[ScoredCase]
    ) -> FairComparison:
        base, tuned = ([case.scores[side] for case in cases] for side in (0, 1))
        # Equal differences may differ in the last bits, and so seem to vary.
        differences = [round(b - a, 12) for a, b in zip(base, tuned, strict=True)]
        return cls(
            dataset,
            responses,
            models,
            (Sample.of(base), Sample.of(tuned)),
            float(np.mean(differences)),
            welch_p_value(tuned, base),
            mean_above_p_value(differences, 0.0),
            cohens_d(differences, paired=True),
            _both(lambda side: float(np.mean([case.response_lengths[side] for case in cases]))),
            _both(lambda side: mean_unmoved(cases, side)),
        )

    def row(self) -> tuple[Cell, ...]:
        base, tuned = self.samples
        return (
            self.dataset,
            self.responses,
            *self.models,
            base.count,
            base.mean,
            base.deviation,
            tuned.mean,
            tuned.deviation,
            self.difference,
            self.welch_p_value,
            self.p_value,
            *effect_cells(self.effect),
            *self.tokens,
            *self.unmoved,
        )

    def sentence(self) -> str:
        base, tuned = (f"{each.mean:.4f}±{each.deviation:.2f}" for each in self.samples)
        p_value = self.p_value
        if p_value is None:
            words, tail = "cannot be tested against", "too few cases, or no variance"
        elif p_value < SIGNIFICANT:
            words, tail = "are higher than", p_in_words(p_value)
        elif 1 - p_value < SIGNIFICANT:
            words, tail = "are lower than", p_in_words(1 - p_value)
        else:
            words, tail = "are not shown to differ from", p_in_words(p_value)
        where = f"{self.dataset}, {self.responses}"
        said = (
            f"{where}: instruction scores of {self.models[1]} {tuned} {words} those of "
            f"{self.models[0]} {base} (n={self.samples[0].count}; paired t-test, {tail})."
        )
        if p_value is None:
            return said
        return Claim(said, Hypothesis(where, min(p_value, 1 - p_value), column=p_value))


def fair_comparisons(found: Collected[ScoredCase]) -> tuple[FairComparison, ...]:
    """A comparison for each dataset and kind of responses; none for one model alone."""
    datasets = dict.fromkeys(case.dataset for case in found.values)
    return tuple(
        FairComparison.of(
            dataset,
            variant.words(found.models),
            found.models,
            [case for case in cases if case.dataset == dataset],
        )
        for dataset in datasets
        for variant, cases in found.variants.items()
    )


def fair_sentences(
    found: Collected[ScoredCase], comparisons: Sequence[FairComparison]
) -> tuple[str, ...]:
    """What they say, but for own responses: these are Table 2's."""
    said_already = Variant().words(found.models)
    return tuple(each.sentence() for each in comparisons if each.responses != said_already)


def fair_table(comparisons: Sequence[FairComparison]) -> NamedTable:
    """The comparisons side by side."""
    return NamedTable(
        "fair",
        "Instruction scores of base and tuned model on own, equally long and the same responses",
        Table(COLUMNS, [each.row() for each in comparisons]),
        note="A longer response gives higher scores, so own responses of unlike length cannot be "
        "compared. Differences are tuned minus base. Both t-tests are one-sided, that the tuned "
        "model's mean is the greater one: the p-value is that of the paired one, since both models "
        "were given the same prompts, and Welch's, as in Table 2, stands beside it. Unmoved is the "
        "mean share of response tokens that no prompt token moves.",
    )


def fair_figure(comparisons: Sequence[FairComparison]) -> Figure:
    """Mean scores of both models on each kind of responses."""
    places = tuple(f"{each.dataset}, {each.responses}" for each in comparisons)
    return Figure(
        "fair",
        "Mean instruction scores on own, equally long and the same responses",
        "responses",
        "instruction score",
        tuple(
            Series(
                comparisons[0].models[side],
                places,
                tuple(each.samples[side].mean for each in comparisons),
                tuple(each.samples[side].deviation for each in comparisons),
            )
            for side in (0, 1)
        ),
        kind="bars",
    )


def unmoved_sentence(found: Collected[ScoredCase], min_move: float) -> str:
    """How many response tokens the prompt's tokens leave as they are."""
    shares = [
        f"{share:.1%} of {model}'s"
        for side, model in enumerate(found.models)
        if (share := mean_unmoved(found.values, side)) is not None
    ]
    unknown = sum(
        length > 0 and share is None
        for case in found.values
        for length, share in zip(case.response_lengths, case.unmoved, strict=True)
    )
    if not shares:
        return (
            "How many response tokens no prompt token moves is unknown: these maps were stored "
            "without the tokens' probabilities."
        )
    missing = f"; unknown for {unknown} responses" if unknown else ""
    said = (
        f"No prompt token moves the probability of {' and '.join(shares)} response tokens by "
        f"{min_move:g} (mean share of a response{missing})"
    )
    if all(by != "linearisation" for case in found.values for by in case.unmoved_by):
        return f"{said}."
    return (
        f"{said}, by the gradient's linearisation: where a model is sure of a token, its gradient "
        "is nearly zero, however much the token rests on the prompt. Occlusion measures it."
    )


def mean_unmoved(cases: Sequence[ScoredCase], side: int) -> float | None:
    """Mean share of unmoved response tokens over the cases where it is known; None if nowhere."""
    known = [share for case in cases if (share := case.unmoved[side]) is not None]
    return float(np.mean(known)) if known else None


def _both(of: Callable[[int], _T]) -> tuple[_T, _T]:
    return of(0), of(1)
