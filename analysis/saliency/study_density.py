"""Tables 1 and 2 of the paper: instruction scores by rating and by model (METHODS 1, paper 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.problems import problem
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.gather import AskedCases, CasesInput, StoredCases
from analysis.saliency.study_cases import Collected, case_parameters, collect
from analysis.saliency.study_comparisons import (
    COLUMNS,
    FOLLOWED,
    SHORTEST_RATED,
    Comparison,
    ScoredCase,
    compare,
)
from analysis.saliency.study_fairness import (
    fair_comparisons,
    fair_figure,
    fair_sentences,
    fair_table,
    unmoved_sentence,
)
from analysis.statistics.inference import Sample
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.study import Study
from analysis.table import Cell, Table

CASE_COLUMNS = (
    "case",
    "dataset",
    "model",
    "instructions",
    "instruction_tokens",
    "response_tokens",
    "rating",
    "score",
    "unmoved",
    "unmoved_by",
)

_UNLIKE_LENGTHS = 2
"""Beyond this ratio of mean lengths the reader is warned that scores are hard to compare."""

_TITLES = {
    1: "instruction scores of responses that followed the instruction or did not (Table 1)",
    2: "instruction scores of the tuned and the base model (Table 2)",
}


def study(given: CasesInput) -> Study:
    """Compare instruction scores: followed against unfollowed, and tuned against base.

    Raises ProblemError ``input`` when there are neither ratings nor two models.
    """
    if isinstance(given, CaseLibrary):
        given = StoredCases(given)
    if (
        isinstance(given, StoredCases)
        and len(given.library.models) < 2
        and not given.library.finish().is_rated
        and not given.ratings
    ):
        raise problem(
            "input",
            "There is nothing to compare in this case library.",
            "It has one model and no ratings.",
            "Give --ratings, or add the results of a second model.",
        )
    found = yield from collect(given, ScoredCase.of)
    shortest, by_reference = SHORTEST_RATED, False
    if isinstance(given, AskedCases):
        shortest = given.prompts.shortest_rated or shortest
        by_reference = given.prompts.rated_by_reference and not given.ratings
    comparisons = compare(found.models, found.values, shortest)
    fair = fair_comparisons(found)
    tested = [each for each in comparisons if each.p_value is not None]
    rated = any(each.table == 1 for each in comparisons)
    return Findings(
        study="density",
        title="Instruction scores by rating and by model",
        statements=(
            # What tuning changed comes first, what could not be tested last.
            *(each.sentence() for each in tested if each.table == 2),
            _on_lengths(found),
            *(each.sentence() for each in tested if each.table == 1),
            *fair_sentences(found, fair),
            unmoved_sentence(found, given.scoring.min_move),
            *(each.sentence() for each in comparisons if each.p_value is None),
        ),
        tables=(
            NamedTable(
                "comparisons",
                "Instruction scores of two groups of responses",
                Table(COLUMNS, [each.row() for each in comparisons]),
                note="The p-value is that of Welch's one-sided t-test that the first mean is the "
                "greater one; deviations are those of the population.",
            ),
            NamedTable(
                "cases",
                "The instruction score of every response",
                Table(CASE_COLUMNS, _case_rows(found)),
                opens="case",
                note="Table 1 is made of rated responses of at least "
                f"{shortest} tokens, Table 2 of all. Unmoved is the share of response tokens "
                "that no prompt token moves.",
            ),
            *([fair_table(fair)] if fair else []),
        ),
        figures=(
            *(
                _figure(table, rows)
                for table in reversed(_TITLES)
                if (rows := [each for each in comparisons if each.table == table])
            ),
            *([fair_figure(fair)] if fair else []),
        ),
        parameters={
            **case_parameters(given, found.precisions, found.methods),
            "followed from rating": FOLLOWED,
            "shortest response of table 1": shortest,
        },
        notes=(
            *found.notes,
            *(() if rated else (_NO_RATINGS,)),
            *((_BY_REFERENCE,) if rated and by_reference else ()),
        ),
    )


_BY_REFERENCE = (
    "Nobody rated these responses: a rating is 4 where the response is one of the prompt's "
    "references, 2 where it has one in it, and 1 otherwise."
)
_NO_RATINGS = "Table 1 needs ratings of the responses, and there are none: only Table 2 was made."


def _on_lengths(found: Collected[ScoredCase]) -> str:
    lengths = [
        float(np.mean([case.response_lengths[index] for case in found.values]))
        for index in range(len(found.models))
    ]
    named = ", ".join(
        f"{model} {length:.1f} tokens" for model, length in zip(found.models, lengths, strict=True)
    )
    unlike = max(lengths) > _UNLIKE_LENGTHS * min(lengths)
    warned = "; scores of so unlike lengths are hard to compare" if unlike else ""
    return f"Mean length of responses: {named}{warned}."


def _case_rows(found: Collected[ScoredCase]) -> list[tuple[Cell, ...]]:
    return [
        (
            case.id,
            case.dataset,
            model,
            "guessed" if case.guessed else "marked",
            case.instruction_tokens[index],
            case.response_lengths[index],
            case.ratings[index],
            case.scores[index],
            case.unmoved[index],
            case.unmoved_by[index],
        )
        for case in found.values
        for index, model in enumerate(found.models)
    ]


def _figure(table: int, rows: Sequence[Comparison]) -> Figure:
    def series(group: int) -> Series:
        samples: list[Sample] = [each.samples[group] for each in rows]
        return Series(
            rows[0].groups[group],
            tuple(each.dataset for each in rows),
            tuple(each.mean if each.count else None for each in samples),
            tuple(each.deviation if each.count else None for each in samples),
        )

    return Figure(
        f"table-{table}",
        f"Mean {_TITLES[table]}",
        "dataset",
        "instruction score",
        (series(0), series(1)),
        kind="bars",
    )
