"""Tables 1 and 2 of the paper: instruction scores of a case library, group against group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.case_library import Case, CaseLibrary
from analysis.problems import problem
from analysis.statistics import Sample, welch_p_value
from analysis.table import Cell, Table

FOLLOWED = 2.0
"""Responses rated this or better count as having followed the instruction."""

SHORTEST_RATED = 5
"""Table 1 leaves out responses of fewer tokens; Table 2 does not."""

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
    """

    table: int
    dataset: str
    groups: tuple[str, str]
    samples: tuple[Sample, Sample]
    p_value: float | None

    def __str__(self) -> str:
        """The row in the paper's digits: ``self-instruct  followed 1.2283±0.52 …  p 5.69e-05``."""
        groups = "  ".join(
            f"{name} {sample.mean:.4f}±{sample.deviation:.2f} (n={sample.count})"
            for name, sample in zip(self.groups, self.samples, strict=True)
        )
        p_value = "–" if self.p_value is None else f"{self.p_value:.3g}"
        return f"{self.dataset}  {groups}  p {p_value}"


@dataclass(frozen=True)
class DensityStudy:
    """Table 1 (responses that followed the instruction or not) and Table 2 (tuned against base).

    Attributes:
        comparisons: Table 1 where the library has ratings, then Table 2 where it has two models;
            a row a dataset.
    """

    comparisons: tuple[Comparison, ...]

    def table(self) -> Table:
        """All comparisons, one a row, unrounded."""
        return Table(COLUMNS, [_row(comparison) for comparison in self.comparisons])

    def text(self) -> str:
        """Both tables for a reader, in the paper's digits."""
        titles = {
            1: "Table 1: instruction scores of responses that followed the instruction or did not",
            2: "Table 2: instruction scores of the tuned and the base model",
        }
        lines: list[str] = []
        for number, title in titles.items():
            rows = [str(each) for each in self.comparisons if each.table == number]
            lines += [title, *(f"  {row}" for row in rows)] if rows else []
        return "\n".join(lines)


def density_study(
    library: CaseLibrary, progress: Callable[[int, int], None] | None = None
) -> DensityStudy:
    """Computes Tables 1 and 2 from a case library (METHODS 1, paper 4.2).

    Args:
        library: The maps, with the masks of instruction tokens and the ratings stored there.
        progress: Called with (cases done, cases) after every case.

    Raises:
        ProblemError: ``input`` where there are neither ratings nor two models to compare;
            ``storage`` where the library is broken.
    """
    if len(library.models) < 2 and all(case.rating is None for case in library.cases):
        raise problem(
            "input",
            "There is nothing to compare in this case library.",
            "It has one model and no ratings.",
            "Add ratings.jsonl or the results of a second model.",
        )
    scores: dict[str, tuple[float, ...]] = {}
    for done, (case_id, values) in enumerate(library.instruction_scores(), start=1):
        scores[case_id] = values
        if progress is not None:
            progress(done, len(library.cases))
    by_dataset = {
        dataset: [case for case in library.cases if case.dataset == dataset]
        for dataset in library.datasets
    }
    rated = [
        index
        for index in range(len(library.models))
        if any(case.ratings[index] is not None for case in library.cases)
    ]
    comparisons: list[Comparison] = []
    for model in rated[-1:]:
        comparisons += [_table_1(model, *each, scores) for each in by_dataset.items()]
    if len(library.models) == 2:
        comparisons += [_table_2(library.models, *each, scores) for each in by_dataset.items()]
    return DensityStudy(tuple(comparisons))


def _table_1(
    model: int, dataset: str, cases: Sequence[Case], scores: dict[str, tuple[float, ...]]
) -> Comparison:
    """Followed against unfollowed responses of the model at an index."""
    followed: list[float] = []
    unfollowed: list[float] = []
    for case in cases:
        rating = case.ratings[model]
        if rating is not None and case.response_lengths[model] >= SHORTEST_RATED:
            (followed if rating >= FOLLOWED else unfollowed).append(scores[case.id][model])
    return _comparison(1, dataset, ("followed", "unfollowed"), followed, unfollowed)


def _table_2(
    models: tuple[str, ...],
    dataset: str,
    cases: Sequence[Case],
    scores: dict[str, tuple[float, ...]],
) -> Comparison:
    """The tuned model's responses against the base model's."""
    base, tuned = ([scores[case.id][model] for case in cases] for model in (0, 1))
    return _comparison(2, dataset, (models[1], models[0]), tuned, base)


def _comparison(
    table: int,
    dataset: str,
    groups: tuple[str, str],
    larger: Sequence[float],
    smaller: Sequence[float],
) -> Comparison:
    samples = (Sample.of(larger), Sample.of(smaller))
    return Comparison(table, dataset, groups, samples, welch_p_value(larger, smaller))


def _row(comparison: Comparison) -> tuple[Cell, ...]:
    cells: list[Cell] = [str(comparison.table), comparison.dataset]
    for name, sample in zip(comparison.groups, comparison.samples, strict=True):
        empty = sample.count == 0
        cells += [name, sample.count]
        cells += [None, None] if empty else [sample.mean, sample.deviation]
    return (*cells, comparison.p_value)
