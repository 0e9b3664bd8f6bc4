"""What the study of divergence says, and what it tests: over prompts, paired where it can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from analysis.divergence.study_cases import Case, category_of, task_of
from analysis.divergence.study_groups import Cases, Group, Mean, by_kind, by_position, by_task
from analysis.divergence.study_input import DivergenceInput, Whose
from analysis.statistics.effects import Effect, cohens_d
from analysis.statistics.inference import SIGNIFICANT
from analysis.statistics.resampling import wilson_interval
from analysis.studies.sentences import p_in_words, paired_p_value
from analysis.studies.testing import Claim, Hypothesis

FEWEST = 5
"""A task of fewer prompts is not tested against others."""


def statements(given: DivergenceInput, cases: Cases) -> tuple[str, ...]:
    """The findings, of each kind of responses and between them."""
    said: list[str] = []
    for whose, of in cases.items():
        on = given.words(whose)
        said += [
            _overall(on, of),
            _first(on, of),
            _positions(on, by_position(of)),
            _start(on, of),
            _kinds(on, by_kind(of)),
            *_tasks(on, of),
        ]
    return (*said, *_between(given, cases))


def _overall(on: str, cases: Sequence[Case]) -> str:
    whole = Group("", tuple(each.every for each in cases))
    gains = [each.every.mean_gain for each in cases if each.every.mean_gain is not None]
    gain = f"; tuned’s gain on the tokens is {Mean.of(gains).words('nats')}" if gains else ""
    return (
        f"On {on}, first choices differ at {whole.share.words('%')} of places, and KL(tuned ‖ "
        f"base) is {whole.kl.words('nats')}{gain} (means over {len(cases)} prompts, 95 % "
        "bootstrap intervals)."
    )


def _first(on: str, cases: Sequence[Case]) -> str:
    count = len(cases)
    firsts = [each.first for each in cases if each.first is not None]
    never = _share(count - len(firsts), count)
    if not firsts:
        return f"On {on}, first choices never differ: {never} of prompts."
    low, middle, high = np.quantile(firsts, (0.25, 0.5, 0.75))
    return (
        f"On {on}, the first divergence is at position {middle:g} in the median (quartiles {low:g} "
        f"and {high:g}; positions count from 0): at the first token in "
        f"{_share(sum(each == 0 for each in firsts), count)} of prompts, and nowhere in {never}. "
        f"There base most often prefers {_favourite(cases, 0)}, tuned {_favourite(cases, 1)}."
    )


def _favourite(cases: Sequence[Case], side: int) -> str:
    """What a model (0 base, 1 tuned) prefers most often at the first divergence."""
    said = Counter(each.choices[side][0] for each in cases if each.choices is not None)
    ((text, number),) = said.most_common(1)
    return f"“{text}” ({number} of {said.total()})"


def _share(part: int, count: int) -> str:
    low, high = wilson_interval(part, count)
    return f"{100 * part / count:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _positions(on: str, groups: Sequence[Group]) -> str:
    named = "; ".join(f"{each.name}: {each.kl.words()} (n={len(each.places)})" for each in groups)
    return f"On {on}, mean KL in nats by position is {named}."


def _start(on: str, cases: Sequence[Case]) -> str:
    """Whether KL at the first token is another than later in the same response."""
    both = [(each.positions["0"].kl, each.later.mean_kl) for each in cases if each.later.count]
    begin = f"On {on}, KL at the first token"
    return _paired(
        begin,
        "that at later places of the same response",
        [one for one, _ in both],
        [other for _, other in both],
        f"KL at the first token against later places, {on}",
    )


def _paired(
    begin: str, other: str, first: Sequence[float], second: Sequence[float], what: str
) -> str:
    """Say whether two means over the same prompts differ: paired t-test, two-sided."""
    p_value = paired_p_value(first, second)
    if p_value is None:
        return (
            f"{begin} cannot be tested against {other}: at least two prompts, and some variance of "
            f"their differences, are needed (n={len(first)})."
        )
    differences = [one - two for one, two in zip(first, second, strict=True)]
    mean = Mean.of(differences)
    verb = "is not shown to differ from"
    if p_value < SIGNIFICANT:
        verb = "is larger than" if mean.mean > 0 else "is smaller than"
    effect = cohens_d(differences, paired=True)
    size = "" if effect is None else f", {effect.in_words()}"
    method = f"paired t-test over {len(first)} prompts"
    return Claim(
        f"{begin} {verb} {other}: {np.mean(first):.2f} against {np.mean(second):.2f} nats, mean "
        f"difference {mean.words()}, {p_in_words(p_value)} ({method}){size}.",
        Hypothesis(what, p_value, f"{method}, two-sided", effect),
    )


def _kinds(on: str, groups: Sequence[Group]) -> str:
    # What one or two prompts have would often be the extreme.
    spoken = [each for each in groups if len(each.places) >= FEWEST] or groups
    ranked = sorted(spoken, key=lambda each: each.kl.mean)
    lowest, highest = ranked[0], ranked[-1]
    kl = sum(place.kl for each in groups for place in each.places)
    places = sum(each.count for each in groups)
    most = max(groups, key=lambda each: sum(place.kl for place in each.places))
    held = sum(place.kl for place in most.places) / kl if kl else 0.0
    said = (
        f"On {on}, the kind of token “{most.name}” makes up {100 * most.count / places:.0f} % of "
        f"places and holds {100 * held:.0f} % of all KL"
    )
    if lowest is highest:
        return f"{said}."
    return (
        f"{said}; mean KL is largest at “{highest.name}”, {highest.kl.words('nats')} "
        f"(n={len(highest.places)}, parted at {highest.share.words('%')}), and smallest at "
        f"“{lowest.name}”, {lowest.kl.words('nats')} (n={len(lowest.places)}, parted at "
        f"{lowest.share.words('%')})."
    )


def _tasks(on: str, cases: Sequence[Case]) -> Iterator[str]:
    """Whether tasks differ; where they have too few prompts, whether their categories do."""
    ways: dict[str, Callable[[Case], str]] = {"tasks": task_of}
    if any(each.category for each in cases):
        ways["categories of tasks"] = category_of
    for what, of in ways.items():
        groups = by_task(cases, of)
        if len(groups) < 2:
            continue
        large = {name: group for name, group in groups.items() if len(group) >= FEWEST}
        if len(large) < 2:
            yield (
                f"On {on}, whether {what} differ cannot be tested: fewer than two of "
                f"{len(groups)} have {FEWEST} prompts."
            )
            continue
        yield _differ(on, what, large)
        return


def _differ(on: str, what: str, groups: dict[str, list[Case]]) -> str:
    from scipy.stats import kruskal

    means = {name: [each.every.mean_kl for each in group] for name, group in groups.items()}
    count = sum(map(len, means.values()))
    if len({value for of in means.values() for value in of}) < 2:
        return f"On {on}, mean KL is the same in all prompts of the {what}."
    tested = kruskal(*means.values())
    statistic, p_value = float(tested.statistic), float(tested.pvalue)
    spread = max(0.0, (statistic - len(means) + 1) / (count - len(means)))
    effect = Effect("η² of ranks", spread)
    ranked = sorted(means, key=lambda name: float(np.mean(means[name])))
    lowest, highest = (
        f"{name}, {Mean.of(means[name]).words('nats')} (n={len(means[name])})"
        for name in (ranked[0], ranked[-1])
    )
    differs = "differs" if p_value < SIGNIFICANT else "is not shown to differ"
    method = f"Kruskal–Wallis test over {count} prompts of {len(means)} {what}"
    return Claim(
        f"On {on}, mean KL {differs} between {what}: H {statistic:.1f}, {p_in_words(p_value)} "
        f"({method}), {effect.in_words()}; largest in {highest}, smallest in {lowest}.",
        Hypothesis(f"mean KL between {what}, {on}", p_value, method, effect),
    )


def _between(given: DivergenceInput, cases: Cases) -> Iterator[str]:
    """Compare what is found on the tuned model's responses with other responses to the prompts."""
    if "tuned" not in cases:
        return
    tuned = [each.every.mean_kl for each in cases["tuned"]]
    for whose in cases:
        if whose != "tuned":
            other = [each.every.mean_kl for each in cases[whose]]
            on, than = given.words("tuned"), given.words(whose)
            yield _paired(
                f"Mean KL on {on}",
                f"that on {than}",
                tuned,
                other,
                f"mean KL on {on} against {than}",
            )


def caveat(given: DivergenceInput) -> tuple[str, ...]:
    """What one model's own responses alone cannot tell."""
    whose: tuple[Whose, ...] = given.response
    if "reference" in whose or len(whose) > 1:
        return ()
    (only,) = whose
    own = (
        "the tuned model’s own text leads where it prefers to be and the base model may never go, "
        "which favours finding differences"
        if only == "tuned"
        else "the base model’s own text leads where the tuned model may never go"
    )
    return (f"All places are in {given.words(only)}: {own}. --response tuned,base compares both.",)
