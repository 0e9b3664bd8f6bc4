"""Which explanation of a response agrees best with what deleting tokens does to it (METHODS 1)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.events import Progress
from analysis.problems import problem
from analysis.request import Request
from analysis.saliency.asking import BLOCK, CaseAsker
from analysis.saliency.curves import COLUMNS as CURVE_COLUMNS
from analysis.saliency.curves import RANDOM_ORDERS, STEPS
from analysis.saliency.gather import AskedCases
from analysis.saliency.methods import WAYS
from analysis.saliency.study_cases import case_parameters, on_cuts, on_left_out, on_servers
from analysis.saliency.study_measures import (
    COMPARED,
    DELETION,
    FROZEN,
    MEASURES,
    PLAIN,
    Measured,
    measured,
)
from analysis.session.drive import Asker, Asking, Filler
from analysis.session.scout import Scout
from analysis.statistics.effects import EFFECT_COLUMNS, Effect, cohens_d, effect_cells
from analysis.statistics.inference import SIGNIFICANT, mean_interval
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.parameters import precision_of
from analysis.studies.sentences import p_in_words, paired_p_value
from analysis.studies.study import Study
from analysis.studies.testing import Claim, Hypothesis
from analysis.table import Cell, Table

METHOD_COLUMNS = ("model", "measure", "method", "count", "mean", "low", "high")
TEST_COLUMNS = (
    "model",
    "measure",
    "method",
    "other_method",
    "count",
    "mean_difference",
    "p_value",
    *EFFECT_COLUMNS,
)
CASE_COLUMNS = (
    "case",
    "dataset",
    "model",
    "method",
    "prompt_tokens",
    "response_tokens",
    *MEASURES,
)
# As spelled on the command line.
_GRADIENTS = [name for name, way in WAYS.items() if way.quantity == "gradient"]
_NAMES = tuple(each.name for each in (*COMPARED, DELETION))
_SHARES = tuple((np.arange(STEPS + 1) / STEPS).tolist())


def study(given: AskedCases) -> Study:
    """Compare explanations by their agreement with deletion, and by deletion and insertion curves.

    Raises ProblemError ``input`` for a method that is not one of the plain gradient's.
    """
    if given.method not in _GRADIENTS:
        raise problem(
            "input",
            f"--method {given.method} would change nothing here.",
            "All methods are compared; it only says how the plain gradient is computed.",
            "Leave out --method, or choose forward or reverse.",
        )
    asker = Asker(given.session)
    cases = CaseAsker(given, asker)
    samples = yield from _collect(given, cases)
    tests = [each for sample in samples for each in sample.tests()]
    names = tuple(each.model for each in samples)
    count = len(samples[0].cases)
    explained = [[each.explained for each in sample.cases] for sample in samples]
    cut = [sum(each.ended == "length" for each in of) for of in explained]
    methods = sorted({each.method for of in explained for each in of})
    return Findings(
        study="faithfulness",
        title="Agreement of explanations with deletion",
        statements=tuple(sentence for sample in samples for sentence in sample.sentences(tests)),
        tables=(
            NamedTable(
                "methods",
                "Agreement with deletion, by method",
                Table(METHOD_COLUMNS, [row for each in samples for row in each.rows()]),
                note="Low and high are the ends of the mean's 95 % interval by Student's t, over "
                f"cases. {_on_measures()}",
            ),
            NamedTable(
                "tests",
                "Every method against the plain gradient",
                Table(TEST_COLUMNS, [each.row() for each in tests]),
                note="Two-sided paired t-tests over cases; a positive difference, and effect, "
                "speaks for the method.",
            ),
            NamedTable(
                "cases",
                "The measures of every response",
                Table(CASE_COLUMNS, [row for each in samples for row in each.case_rows()]),
                opens="case",
            ),
        ),
        figures=(_agreement(samples), *map(_deletion, samples, ("base", "tuned"))),
        parameters={
            **case_parameters(given, [precision_of(of) for of in explained], methods),
            "compared": ", ".join(_NAMES),
            "steps of the curves": STEPS,
            "random orders": RANDOM_ORDERS,
            "seed of the random orders": 0,
        },
        notes=(
            *asker.notes,
            *on_servers(given),
            *on_left_out(cases.left_out),
            *(f"The line of a prompt was left out: {each}." for each in given.prompts.skipped),
            *on_cuts(names, cut, count, given.longest),
        ),
        data=(
            NamedTable(
                "curves",
                "Log-probabilities of every response along every order",
                Table(
                    ("case", "model", *CURVE_COLUMNS),
                    [row for each in samples for row in each.curve_rows()],
                ),
            ),
        ),
    )


@dataclass(frozen=True)
class _Test:
    """A method against another, over the cases in which both have a measure."""

    model: str
    measure: str
    method: str
    other: str
    count: int
    difference: float | None
    p_value: float | None
    effect: Effect | None

    def row(self) -> tuple[Cell, ...]:
        return (
            self.model,
            self.measure,
            self.method,
            self.other,
            self.count,
            self.difference,
            self.p_value,
            *effect_cells(self.effect),
        )

    def sentence(self) -> str:
        where = f"{self.model}, {MEASURES[self.measure]}"
        about = f"{where}: {self.method}"
        if self.p_value is None or self.difference is None:
            return (
                f"{about} and {self.other} cannot be tested: at least two cases, and some variance "
                f"of their differences, are needed (n={self.count})."
            )
        numbers = f"mean difference {self.difference:+.3f}, n={self.count}"
        tested = f"{numbers}, {p_in_words(self.p_value)}"
        what = Hypothesis(f"{where}, {self.method}", self.p_value, column=self.p_value)
        if self.p_value >= SIGNIFICANT:
            return Claim(f"{about} and {self.other} are not shown to differ: {tested}.", what)
        found = "more" if self.difference > 0 else "less"
        return Claim(f"{about} reach {found} than {self.other}: {tested}.", what)


@dataclass(frozen=True)
class _Sample:
    """One model's cases, in the order of the prompts."""

    model: str
    cases: tuple[Measured, ...]

    def values(self, measure: str, *methods: str) -> list[tuple[float, ...]]:
        """The measure of these methods in the cases where all of them have it."""
        found = [tuple(case.values[name][measure] for name in methods) for case in self.cases]
        return [
            tuple(value for value in each if value is not None)
            for each in found
            if None not in each
        ]

    def of(self, measure: str, method: str) -> list[float]:
        return [value for (value,) in self.values(measure, method)]

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        for measure in MEASURES:
            for method in _NAMES:
                values = self.of(measure, method)
                if values:
                    low, high = mean_interval(values) or (None, None)
                    mean = float(np.mean(values))
                    yield self.model, measure, method, len(values), mean, low, high

    def case_rows(self) -> Iterator[tuple[Cell, ...]]:
        for case in self.cases:
            for method in _NAMES:
                measures = (case.values[method][measure] for measure in MEASURES)
                about = (case.case, case.dataset, self.model, method)
                yield (*about, case.prompt_tokens, case.response_tokens, *measures)

    def curve_rows(self) -> Iterator[tuple[Cell, ...]]:
        for case in self.cases:
            for row in case.judged.table():
                yield (case.case, self.model, *row)

    def tests(self) -> Iterator[_Test]:
        """Every other method against the plain gradient, by every measure that both have."""
        for measure in MEASURES:
            for each in COMPARED:
                both = self.values(measure, PLAIN.name, each.name)
                if each is PLAIN or (each.totals and measure in ("pearson", "spearman")):
                    continue
                plain, other = [a for a, _ in both], [b for _, b in both]
                yield _Test(
                    self.model,
                    measure,
                    each.name,
                    PLAIN.name,
                    len(both),
                    float(np.mean(other) - np.mean(plain)) if both else None,
                    paired_p_value(plain, other),
                    cohens_d([b - a for a, b in both], paired=True),
                )

    def sentences(self, tests: Sequence[_Test]) -> Iterator[str]:
        for measure in ("pearson", "deletion", "insertion"):
            means = [
                f"{method} {_mean(values)}"
                for method in _NAMES
                if (values := self.of(measure, method))
            ]
            if means:
                yield f"{self.model}, {MEASURES[measure]}: {', '.join(means)}."
        for test in tests:
            told = test.measure == ("ranking" if test.method == "totals" else "pearson")
            gained = test.method == FROZEN.name and test.measure in ("deletion", "insertion")
            if test.model == self.model and (told or gained):
                yield test.sentence()


def _collect(given: AskedCases, cases: CaseAsker) -> Asking[tuple[_Sample, ...]]:
    """Measure both models' responses, one model after the other.

    In an order of its own, so that processes that share a cache share the work (see `asking`).
    """
    yield from _ahead(given, cases.asker)
    prompts = list(given.prompts.prompts)
    order = random.Random()
    found: tuple[dict[str, Measured], dict[str, Measured]] = ({}, {})
    for index, model in enumerate(given.pair):
        order.shuffle(prompts)
        yield from cases.fetch(index, prompts)
        for done, prompt in enumerate(prompts, start=index * len(prompts)):
            step = Progress(f"asking {model.name}", done, 2 * len(prompts), prompt.id)
            yield step
            if prompt.id not in cases.left_out:
                each = yield from measured(cases, index, prompt, step)
                if each is not None:
                    found[index][prompt.id] = each
    both = [each.id for each in given.prompts.prompts if all(each.id in one for one in found)]
    if not both:
        left_out = next(iter(cases.left_out.items()))
        raise problem("input", "No case can be measured.", f"The first one: {': '.join(left_out)}")
    return tuple(
        _Sample(model.name, tuple(one[name] for name in both))
        for model, one in zip(given.pair, found, strict=True)
    )


def _ahead(given: AskedCases, asker: Asker) -> Asking[None]:
    """Have all workers, if there are several, answer what is asked one after another."""
    if not isinstance(given.session, Filler):
        return
    prompts = given.prompts.prompts
    for index, model in enumerate(given.pair):
        for start in range(0, len(prompts), BLOCK):
            asked: set[Request[Any]] = set()
            while True:
                scout = Scout(given.session)
                # A throw-away one: what is missing here is not left out.
                cases = CaseAsker(given, Asker(scout))
                for prompt in prompts[start : start + BLOCK]:
                    yield from measured(cases, index, prompt, Progress("reading answers", 0, None))
                missing = [each for each in scout.missing if each not in asked]
                asked.update(missing)
                kept = yield from asker.ahead(f"asking {model.name}", missing)
                if not kept or not missing:
                    break


def _on_measures() -> str:
    words = "; ".join(f"{name}: {meaning}" for name, meaning in MEASURES.items())
    return f"The more, the better. {words}."


def _mean(values: Sequence[float]) -> str:
    interval = mean_interval(values)
    ends = "" if interval is None else f" [{interval[0]:.2f}, {interval[1]:.2f}]"
    return f"{np.mean(values):.2f}{ends}"


def _agreement(samples: Sequence[_Sample]) -> Figure:
    methods = tuple(each.name for each in COMPARED if not each.totals)

    def series(sample: _Sample) -> Series:
        values = [sample.of("pearson", method) for method in methods]
        ends = [mean_interval(each) for each in values]
        return Series(
            sample.model,
            methods,
            tuple(float(np.mean(each)) if each else None for each in values),
            tuple(None if each is None else (each[1] - each[0]) / 2 for each in ends),
        )

    return Figure(
        "agreement",
        "Agreement of whole maps with deletion: mean over cases, with its 95 % interval",
        "method",
        "Pearson's r",
        tuple(map(series, samples)),
        kind="bars",
    )


def _deletion(sample: _Sample, role: str) -> Figure:
    curves = [case.judged.mean_curves("deletion", _SHARES) for case in sample.cases]
    return Figure(
        f"deletion-{role}",
        f"{sample.model}: the response while tokens are deleted, the heaviest first; mean of cases",
        "share of the prompt's tokens deleted",
        "mean log-probability of a response token (nats)",
        tuple(
            Series(name, _SHARES, tuple(np.mean([each[name] for each in curves], axis=0).tolist()))
            for name in curves[0]
        ),
    )
