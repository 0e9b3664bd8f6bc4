"""Fig. 6 of the paper: how importance density is distributed in a sentence (appendix B.3).

Each prompt is cut into sentences and each sentence into four segments of equal length in tokens.
The density of a sentence's tokens is normalised to a sum of 1, added up by segment, and averaged
over the sentences of a case, then over cases. If the number of tokens is not a multiple of four, a
token on a border counts proportionally in both segments, so uniform density gives each a quarter at
any length. Sentences with fewer than four tokens or without any density are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Span, Tokens
from analysis.saliency.cases.instructions import sentences
from analysis.saliency.gather import CasesInput
from analysis.saliency.study_cases import (
    Collected,
    StudyCase,
    Variant,
    case_parameters,
    collect,
)
from analysis.statistics.effects import EFFECT_COLUMNS, Effect, cohens_d, effect_cells
from analysis.statistics.inference import SIGNIFICANT, mean_above_p_value
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.sentences import p_in_words
from analysis.studies.study import Study
from analysis.studies.testing import Claim, Hypothesis
from analysis.table import Cell, Table

SEGMENTS = 4

_SHARES = tuple(f"share_{number}" for number in range(1, SEGMENTS + 1))
COLUMNS = (
    "dataset",
    "model",
    "cases",
    "sentences",
    *_SHARES,
    *(f"deviation_{number}" for number in range(1, SEGMENTS + 1)),
    "outer_share",
    "p_value",
    *EFFECT_COLUMNS,
)
CASE_COLUMNS = ("case", "dataset", "model", "sentences", *_SHARES)
_ALL = "all"


@dataclass(frozen=True)
class Profile:
    """The distribution of one case's density within its sentences, for one model.

    Attributes:
        shares: Share of each segment, averaged over the sentences; they add up to 1.
        sentences: Number of those sentences.
    """

    shares: tuple[float, ...]
    sentences: int

    @property
    def outer(self) -> float:
        return self.shares[0] + self.shares[-1]


@dataclass(frozen=True)
class ProfiledCase:
    """A case with its profile for each model; None if it has no suitable sentence."""

    id: str
    dataset: str
    profiles: tuple[Profile | None, ...]

    @classmethod
    def of(cls, case: StudyCase) -> ProfiledCase:
        places = sentences(case.prompt)
        return cls(
            case.id,
            case.dataset,
            tuple(profile(each.density, each.prompt_tokens, places) for each in case.maps),
        )


def profile(density: NDArray[np.float64], tokens: Tokens, places: Sequence[Span]) -> Profile | None:
    """The position profile of a map (paper, appendix B.3).

    Args:
        density: float64 [N], importance density of the prompt tokens.
        tokens: N tokens. A token belongs to the first sentence it shares a character with.
        places: The sentences' spans in the prompt.

    Returns:
        The profile; None if no sentence has four tokens and some density.
    """
    found = [
        segment_shares(density[members])
        for members in _members(tokens, places)
        if len(members) >= SEGMENTS and density[members].sum() > 0.0
    ]
    if not found:
        return None
    return Profile(tuple(np.mean(found, axis=0).tolist()), len(found))


def segment_shares(density: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares, float64 [SEGMENTS] with sum 1, of equally long segments of a sentence.

    `density` is float64 [T], T ≥ 1, not all zeros.
    """
    # Cumulative sums at the borders, interpolated linearly within a token.
    sums = np.concatenate([[0.0], np.cumsum(density)])
    borders = np.linspace(0.0, len(density), SEGMENTS + 1)
    at_borders: NDArray[np.float64] = np.interp(borders, np.arange(len(sums)), sums)
    shares: NDArray[np.float64] = np.diff(at_borders) / at_borders[-1]
    return shares


def _members(tokens: Tokens, places: Sequence[Span]) -> list[list[int]]:
    members: list[list[int]] = [[] for _ in places]
    first = 0
    for index, span in enumerate(tokens.spans):
        if span is None:
            continue
        while first < len(places) and places[first][1] <= span[0]:
            first += 1
        if first < len(places) and places[first][0] < span[1]:
            members[first].append(index)
    return members


def study(given: CasesInput) -> Study:
    """The position profile of each model, and whether it is the U that the paper describes."""
    found = yield from collect(given, ProfiledCase.of)
    datasets = tuple(dict.fromkeys(case.dataset for case in found.values))
    groups = datasets if len(datasets) == 1 else (_ALL, *datasets)
    fair = [(each, replace(found, values=values)) for each, values in found.variants.items()]
    summaries = [
        _Summary.of(group, model, _profiles(found, group, index))
        for group in groups
        for index, model in enumerate(found.models)
    ]
    return Findings(
        study="position",
        title="Importance density by the place in a sentence",
        statements=(
            *(each.sentence() for each in summaries),
            *(_difference(found, group) for group in groups if len(found.models) == 2),
            *(
                f"{variant.words(found.models)}: {_difference(of_variant, groups[0])}"
                for variant, of_variant in fair
                if variant != found.measured
            ),
        ),
        tables=(
            NamedTable(
                "positions",
                "Share of a sentence's importance density in each quarter of the sentence",
                Table(COLUMNS, [each.row() for each in summaries]),
                note="Means and population deviations over cases. The p-value is that of a "
                "one-sided t-test that the first and the last quarter together hold more than "
                "half.",
            ),
            NamedTable(
                "cases",
                "The shares of every case",
                Table(CASE_COLUMNS, _case_rows(found)),
                opens="case",
                note="Means over the sentences of a case.",
            ),
            *([_fair_table(fair, groups)] if fair else []),
        ),
        figures=tuple(
            _figure(number, group, [each for each in summaries if each.group == group])
            for number, group in enumerate(groups)
        ),
        parameters={
            **case_parameters(given, found.precisions, found.methods),
            "segments": SEGMENTS,
            "shortest sentence": SEGMENTS,
        },
        notes=(*found.notes, *_on_missing(found)),
    )


def _fair_table(
    fair: Sequence[tuple[Variant, Collected[ProfiledCase]]], groups: Sequence[str]
) -> NamedTable:
    """The positions of every kind of responses."""
    rows = [
        (
            variant.words(found.models),
            *_Summary.of(group, model, _profiles(found, group, index)).row(),
        )
        for group in groups
        for variant, found in fair
        for index, model in enumerate(found.models)
    ]
    return NamedTable(
        "fair",
        "Shares of a sentence's density on own, equally long and the same responses",
        Table(("responses", *COLUMNS), rows),
        note="Read as the first table; own responses differ in length from model to model.",
    )


def _profiles(found: Collected[ProfiledCase], group: str, model: int) -> list[Profile]:
    return [
        shown
        for case in found.values
        if group in (_ALL, case.dataset) and (shown := case.profiles[model]) is not None
    ]


@dataclass(frozen=True)
class _Summary:
    """The profile of a model, averaged over the cases of a group; empty if there are none."""

    group: str
    model: str
    cases: int
    sentences: int
    means: tuple[float | None, ...]
    deviations: tuple[float | None, ...]
    outer: float | None
    p_value: float | None
    effect: Effect | None

    @classmethod
    def of(cls, group: str, model: str, profiles: Sequence[Profile]) -> _Summary:
        nothing = (None,) * SEGMENTS
        if not profiles:
            return cls(group, model, 0, 0, nothing, nothing, None, None, None)
        shares = np.array([each.shares for each in profiles])
        # Equal shares may differ in the last bits, and so seem to vary.
        outer = [round(each.outer, 12) for each in profiles]
        return cls(
            group,
            model,
            len(profiles),
            sum(each.sentences for each in profiles),
            tuple(shares.mean(axis=0).tolist()),
            tuple(shares.std(axis=0).tolist()),
            float(np.mean(outer)),
            mean_above_p_value(outer, 0.5),
            cohens_d(outer, 0.5),
        )

    def row(self) -> tuple[Cell, ...]:
        return (
            self.group,
            self.model,
            self.cases,
            self.sentences,
            *self.means,
            *self.deviations,
            self.outer,
            self.p_value,
            *effect_cells(self.effect),
        )

    def sentence(self) -> str:
        where = f"{self.model}, {self.group}"
        values = [each for each in self.means if each is not None]
        if not values or self.outer is None:
            return f"{where}: no sentence has four tokens and some density, so there is no profile."
        quarters = ", ".join(f"{value:.1%}" for value in values)
        begun = (
            f"{where}: the four quarters of a sentence hold {quarters} of its importance density "
            f"(mean of {self.cases} cases)"
        )
        falls, rises = values[0] > values[1], values[-1] > values[-2]
        shape = {
            (True, True): "a U",
            (True, False): "no U, for the end holds no more than the third quarter",
            (False, True): "no U, for the beginning holds no more than the second quarter",
            (False, False): "no U",
        }[falls, rises]
        said = f"{begun}: {shape}; the first and the last hold {self.outer:.1%}, {self._test()}."
        if self.p_value is None:
            return said
        p_value = min(self.p_value, 1 - self.p_value)
        return Claim(said, Hypothesis(where, p_value, column=self.p_value))

    def _test(self) -> str:
        if self.p_value is None:
            return "which cannot be tested with one case or without variance between cases"
        if self.p_value < SIGNIFICANT:
            return f"more than half ({p_in_words(self.p_value)})"
        if 1 - self.p_value < SIGNIFICANT:
            return f"less than half ({p_in_words(1 - self.p_value)})"
        return f"not shown to be more than half ({p_in_words(self.p_value)})"


def _difference(found: Collected[ProfiledCase], group: str) -> str:
    """Whether tuning flattened the U, as in the paper: compares outer shares case by case."""
    base, tuned = found.models
    differences = [
        round(first.outer - second.outer, 12)
        for case in found.values
        if group in (_ALL, case.dataset)
        and (first := case.profiles[0]) is not None
        and (second := case.profiles[1]) is not None
    ]
    begun = f"{group}: the outer quarters of {base} against those of {tuned}"
    if not differences:
        return f"{begun}: no case has a profile of both."
    size = f"{100 * float(np.mean(differences)):+.2f} percentage points in {len(differences)} cases"
    p_value = mean_above_p_value(differences, 0.0)
    if p_value is None:
        return f"{begun}: {size}, which cannot be tested with one case or without variance."
    if p_value < SIGNIFICANT:
        words, told = "tuning made the ends weigh less", p_value
    elif 1 - p_value < SIGNIFICANT:
        words = "tuning made the ends weigh more, against what the paper finds"
        told = 1 - p_value
    else:
        words, told = "no difference is shown", p_value
    effect = cohens_d(differences, paired=True)
    much = "" if effect is None else f", {effect.in_words()}"
    method = f"paired t-test of {len(differences)} cases, one-sided"
    return Claim(
        f"{begun}: {size}; {words} (paired t-test, {p_in_words(told)}){much}.",
        Hypothesis(f"{group}: outer quarters, {base} less {tuned}", told, method, effect),
    )


def _case_rows(found: Collected[ProfiledCase]) -> list[tuple[Cell, ...]]:
    return [
        (case.id, case.dataset, model, shown.sentences, *shown.shares)
        for case in found.values
        for model, shown in zip(found.models, case.profiles, strict=True)
        if shown is not None
    ]


def _figure(number: int, group: str, summaries: Sequence[_Summary]) -> Figure:
    return Figure(
        "positions" if number == 0 else f"positions-{number}",
        f"Importance density by the place in a sentence, {group}",
        "quarter of the sentence",
        "share of the sentence's importance density",
        tuple(
            Series(each.model, tuple(range(1, SEGMENTS + 1)), each.means, each.deviations)
            for each in summaries
        ),
    )


def _on_missing(found: Collected[ProfiledCase]) -> tuple[str, ...]:
    notes = []
    for index, model in enumerate(found.models):
        count = sum(case.profiles[index] is None for case in found.values)
        if count:
            notes.append(
                f"{count} {'case' if count == 1 else 'cases'} of {model} without a profile: no "
                "sentence of the prompt has four "
                "tokens and some density, such as where the response is empty."
            )
    return tuple(notes)
