"""Where tuned departs from base: by position, by kind of token, by task (METHODS 15)."""

from __future__ import annotations

from analysis.divergence.study_cases import Collected, category_of, collect, task_of
from analysis.divergence.study_figures import kind_figure, position_figure, task_figure
from analysis.divergence.study_input import DivergenceInput
from analysis.divergence.study_tables import (
    cases_table,
    kinds_table,
    positions_table,
    tasks_table,
)
from analysis.divergence.study_text import FEWEST, caveat, statements
from analysis.saliency.study_cases import on_left_out
from analysis.statistics.resampling import RESAMPLES
from analysis.studies.findings import Findings
from analysis.studies.parameters import in_words, model_parameters
from analysis.studies.study import Study
from analysis.table import Cell


def study(given: DivergenceInput) -> Study:
    """Read a response to every prompt with both models, and say where these part.

    Raises:
        ProblemError: ``input`` when no prompt has an answer; what loading a model raises.
    """
    found = yield from collect(given)
    cases = found.cases
    categories = any(each.category for of in cases.values() for each in of)
    return Findings(
        study="divergence",
        title="Where tuned departs from base",
        statements=statements(given, cases),
        tables=(
            positions_table(cases),
            kinds_table(cases),
            tasks_table(cases, "tasks", task_of),
            *([tasks_table(cases, "categories", category_of)] if categories else []),
            cases_table(cases),
        ),
        figures=(
            position_figure(cases, given.words),
            kind_figure(cases, given.words),
            task_figure(cases, given.words),
        ),
        parameters=_parameters(given, found),
        notes=_notes(given, found),
    )


def _parameters(given: DivergenceInput, found: Collected) -> dict[str, Cell]:
    return {
        **model_parameters(*given.pair),
        "tuned precision": in_words(found.precisions),
        "prompts": given.prompts.name,
        "prompts digest": given.prompts.digest,
        "number of prompts": len(given.prompts.prompts),
        "chat template of the tuned model": given.chat_template,
        "most new tokens": None if given.response == ("reference",) else given.longest,
        "responses": ", ".join(given.response),
        "bootstrap samples": RESAMPLES,
        "seed of the bootstrap": 0,
        "fewest prompts of a tested task": FEWEST,
    }


def _notes(given: DivergenceInput, found: Collected) -> tuple[str, ...]:
    return (
        *caveat(given),
        *found.notes,
        *on_left_out(found.left_out),
        *(f"The line of a prompt was left out: {each}." for each in given.prompts.skipped),
        *_on_cuts(given, found),
        *(
            ()
            if found.kept
            else ("The answers could not be kept: another run computes them again.",)
        ),
    )


def _on_cuts(given: DivergenceInput, found: Collected) -> tuple[str, ...]:
    """Notes on responses that were cut at the limit, and so have no end."""
    notes = []
    for whose, of in found.cases.items():
        number = 0 if whose == "reference" else sum(not each.ended for each in of)
        if number:
            notes.append(
                f"{number} of {len(of)} of {given.words(whose)} {'was' if number == 1 else 'were'} "
                f"cut at {given.longest} tokens: the end is no place of theirs."
            )
    return tuple(notes)
