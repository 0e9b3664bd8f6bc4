"""The tables that the Saliency view exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.saliency.agreement import COLUMNS, Agreement
from analysis.saliency.case_tables import ToldCase, case_table, tokens_table
from analysis.saliency.cases.instructions import guess_instructions
from analysis.saliency.map import SaliencyMap
from analysis.saliency.word_weights import WordTable
from analysis.table import Cell, Table
from app.frame.export import Tables, chained
from app.state import Prompt
from app.views.saliency.comparison import Comparison
from app.views.saliency.findings import Findings
from app.views.saliency.pair import Pair
from app.views.saliency.side import Method, Side

Rating = Callable[[str], float | None]
"""A model's name → how well its response follows the prompt."""

DIFFERENCE_COLUMNS = (
    "model",
    "prompt_index",
    "prompt_token",
    "response_index",
    "response_token",
    "score_gradient",
    "score_occlusion",
    "difference",
)
AGREEMENT_COLUMNS = ("model", "method", "deleted", "of", *COLUMNS)


def shown_tables(
    pair: Pair, maps: Sequence[SaliencyMap], *, include_special: bool
) -> tuple[Tables, list[str]]:
    """What is shown, by its kind, and the models: maps, or where two methods differ; may be empty.

    Of a difference, the agreement by response token, and the two scores of every cell.
    """
    if pair.method == "difference":
        agreements = pair.agreements(include_special=include_special)
        found = tuple(each for each in agreements if each is not None)
        models = [agreement.first.model for agreement in found]
        tables: Tables = {
            pair.method: lambda: Table(("model", *COLUMNS), _ByModel(found)),
            f"{pair.method}-map": lambda: Table(DIFFERENCE_COLUMNS, _Cells(found)),
        }
        return (tables if found else {}), models
    if not maps:
        return {}, []
    table = chained([shown.table() for shown in maps])
    return {_kind(pair): lambda: table}, [shown.model for shown in maps]


def case_tables(
    pair: Pair,
    comparison: Comparison,
    prompt: Prompt,
    rating: Rating,
    *,
    include_special: bool,
) -> Tables:
    """What is known beside the maps, by its kind; `rating` is that of a model's own response.

    A row a prompt token, a row a model, and, as far as it is known, how the gradients agree with
    deletion.
    """
    told = told_cases(pair, comparison, prompt, rating)
    kind = _kind(pair)
    tables: Tables = {
        f"tokens-{kind}": lambda: tokens_table(told),
        f"case-{kind}": lambda: case_table(told),
    }
    rows = [
        row
        for side in pair.sides
        for method in _GRADIENTS
        for row in _agreement_rows(side, method, include_special=include_special)
    ]
    about = {f"agreement-{kind}": lambda: Table(AGREEMENT_COLUMNS, rows)}
    return tables | (about if rows else {})


def answer_tables(pair: Pair, words: WordTable, found: Findings) -> Tables:
    """What the answers show beside the maps, by its kind: what words weigh, and the findings."""
    kind = _kind(pair)
    return {f"words-{kind}": words.table, f"findings-{kind}": found.table}


def _kind(pair: Pair) -> str:
    """What the maps are called in the names of files: their method, and whose response it is."""
    kind = "saliency" if pair.mapped == "gradient" else pair.mapped.replace(" ", "-")
    return kind if pair.whose == "own" else f"{kind}-{pair.whose}-response"


def told_cases(
    pair: Pair, comparison: Comparison, prompt: Prompt, rating: Rating
) -> list[ToldCase]:
    """What is known of each model's map; `rating` is that of a model's own response."""
    guessed = list(prompt.instruction_spans) == guess_instructions(prompt.text)
    found = []
    sides = zip(pair.sides, comparison.maps, comparison.masks, strict=True)
    for number, (side, shown, mask) in enumerate(sides):
        if shown is not None and mask is not None:
            by = pair.writer(pair.whose, number)
            answer = side.answer(pair.mapped)
            found.append(ToldCase(shown, mask, guessed, answer.attribution, by, rating(by)))
    return found


_GRADIENTS: tuple[Method, ...] = ("gradient", "frozen norms")


def _agreement_rows(
    side: Side, method: Method, *, include_special: bool
) -> Iterator[tuple[Cell, ...]]:
    """The estimate from a sample of deleted tokens, then, after an occlusion, all of them."""
    sample = side.faithfulness(method)
    if sample is not None and sample.sampled:
        start = (side.name, method, sample.sampled, sample.of)
        yield (*start, None, None, sample.pearson, sample.spearman, None, None)
    agreement = side.agreement(method, include_special=include_special)
    if agreement is not None:
        deleted = int(agreement.first.visible.sum())
        for row in agreement.table():
            yield (side.name, method, deleted, deleted, *row)


@dataclass(frozen=True)
class _ByModel:
    agreements: tuple[Agreement, ...]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for agreement in self.agreements:
            for row in agreement.table():
                yield (agreement.first.model, *row)


@dataclass(frozen=True)
class _Cells:
    """Every visible prompt token by every response token."""

    agreements: tuple[Agreement, ...]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for each in self.agreements:
            shown, less = each.first, each.second
            responses = shown.response_tokens.texts
            for n in np.flatnonzero(shown.visible).tolist():
                start = (shown.model, n, shown.prompt_tokens.texts[n])
                for m, token in enumerate(responses):
                    scores = (int(shown.scores[n, m]), int(less.scores[n, m]))
                    yield (*start, m, token, *scores, int(each.difference[n, m]))
