"""What a pair needs for each category of instructions, what tuning altered, and if it matters.

METHODS 6. Whether sets differ between categories is judged beside how much they differ within one:
between those of two halves of its instructions.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Literal, cast

from analysis.events import Progress
from analysis.neurons.ablation_effects import (
    CONFIDENCE,
    LEAD,
    RANDOM_SETS,
    RESAMPLES,
    ablation_request,
    activity_note,
    effects,
    effects_table,
)
from analysis.neurons.instructions import (
    Instruction,
    InstructionSet,
    default_instructions,
    instructions_from_file,
)
from analysis.neurons.pair import PairSets, Thresholds, pair_sets
from analysis.neurons.random_sets import Matched
from analysis.neurons.request import FrequenciesRequest
from analysis.neurons.result import Ablation, Frequencies
from analysis.neurons.sets import alteration
from analysis.neurons.study_data import component_data
from analysis.neurons.study_tables import (
    THRESHOLD_COLUMNS,
    WITHIN_COLUMNS,
    between_halves,
    by_threshold,
)
from analysis.neurons.study_text import (
    ablation_figure,
    ablation_statements,
    alteration_figure,
    alteration_statements,
    overlap_statements,
    size_figure,
)
from analysis.neurons.tables import alterations_table, overlaps_table, sizes_table
from analysis.problems import problem
from analysis.request import ModelChoice
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.parameters import model_parameters, precision_of
from analysis.studies.study import Study, StudyInput
from analysis.studies.weights import WeightReader
from analysis.table import Cell, Table


def study(given: StudyInput) -> Study:
    """Overlaps, alterations and ablations of a pair's sets.

    Options: ``prompts`` (a file), ``epsilon``, ``tau``, ``expert_epsilon``, ``branch``,
    ``random_sets``, ``matched``, ``seed``.

    Raises:
        ProblemError: ``input`` where something is missing or out of bounds; what the analyses
            raise.
    """
    thresholds = Thresholds.of(given.options)
    reader = WeightReader.of(given)
    path = given.options.get("prompts")
    instructions = (
        instructions_from_file(Path(str(path)))
        if path
        else default_instructions(reader.base, reader.tuned)
    )
    built = yield from reader.architecture()
    if given.options.get("expert_epsilon") is not None and not built.experts:
        raise problem(
            "input",
            "An ε of experts would change nothing here.",
            f"{reader.base.name} has no experts.",
            "Leave --expert-epsilon away.",
        )
    sides = []
    halves = []
    for model in (reader.base, reader.tuned):
        sides.append((yield from _frequencies(reader, model, instructions, given)))
        halves.append((yield from _halves(reader, model, instructions, given)))
    base_found, tuned_found = sides
    pair = pair_sets(base_found, tuned_found, thresholds)
    within = [between_halves(each, thresholds) for each in halves]
    ablations = yield from _ablations(reader, pair, instructions, given)
    measured = [
        effect for each in ablations for effect in effects(each, _matched(given), seed=_seed(given))
    ]
    notes = [note for side in (*sides, *halves) for each in side for note in each.notes]
    reader.notices(*instructions.notes, *notes)
    precisions = (
        precision_of(sides[0] + halves[0]),
        precision_of([*sides[1], *halves[1], *ablations]),
    )
    base, tuned = pair.neurons
    return Findings(
        study="components",
        title="Neurons and experts that instructions need",
        statements=(
            thresholds.reading(mixture=pair.mixture),
            *(overlap_statements(pair, within)),
            *alteration_statements(pair),
            *ablation_statements(measured),
        ),
        tables=(
            NamedTable(
                "overlaps", "Sets of every two categories", overlaps_table(pair), opens="units"
            ),
            NamedTable(
                "halves",
                "Sets of two halves of the instructions, within a category and across",
                Table(WITHIN_COLUMNS, [row for each in within for row in each]),
                note="What sets share within a category bounds what they can share across.",
            ),
            NamedTable(
                "alterations", "What tuning altered", alterations_table(pair), opens="units"
            ),
            NamedTable("sizes", "Sizes by layer", sizes_table(pair), opens="units"),
            NamedTable(
                "thresholds",
                "How the sizes move with ε and τ",
                Table(THRESHOLD_COLUMNS, by_threshold(pair)),
                note="Sizes over all categories; the Jaccard index is the mean of all pairs of "
                "categories.",
            ),
            NamedTable(
                "ablation",
                f"{pair.tuned[0].model} without the neurons unique to a category",
                effects_table(measured),
                opens="units",
                note="Changes in log-probability, in nats per response token; an effect is the "
                "change less that without as many random neurons of the same layers, matched by "
                "layer alone or by activity too (our reading).",
            ),
        ),
        figures=(
            size_figure(pair.tuned[0].model, tuned),
            alteration_figure(alteration(base, tuned), base.categories),
            *([ablation_figure(measured)] if measured else []),
        ),
        parameters=_parameters(given, reader, instructions, thresholds, precisions),
        notes=tuple(reader.notes),
        data=component_data(pair, halves, ablations),
    )


def _parameters(
    given: StudyInput,
    reader: WeightReader,
    instructions: InstructionSet,
    thresholds: Thresholds,
    precisions: Sequence[str],
) -> dict[str, Cell]:
    return {
        **model_parameters(reader.base, reader.tuned, precisions),
        "instructions": instructions.name,
        "instructions digest": instructions.digest,
        "number of instructions": len(instructions),
        "ε": thresholds.epsilon,
        "τ": thresholds.tau,
        "ε of experts": thresholds.expert_epsilon,
        "branch": _branch(given),
        "random sets": _random_sets(given),
        "random sets matched by": _matched(given),
        "seed": _seed(given),
        "bootstrap samples": RESAMPLES,
        "confidence": CONFIDENCE,
        "before a response": repr(LEAD),
    }


def _frequencies(
    reader: WeightReader, model: ModelChoice, instructions: InstructionSet, given: StudyInput
) -> Generator[Progress, None, list[Frequencies]]:
    """A model's frequencies, category by category; categories without instructions are left out."""
    found: list[Frequencies] = []
    for done, category in enumerate(instructions.categories):
        step = Progress(f"reading with {model.name}", done, len(instructions.categories), category)
        prompts = tuple(each.prompt for each in instructions.of(category))
        request = FrequenciesRequest(model, category, prompts, _branch(given))
        answer = yield from reader.ask(request, step)
        assert isinstance(answer, Frequencies)
        found.append(answer)
    return found


def _halves(
    reader: WeightReader, model: ModelChoice, instructions: InstructionSet, given: StudyInput
) -> Generator[Progress, None, list[Frequencies]]:
    """The first halves of all categories with two instructions or more, then the second ones."""
    found: list[Frequencies] = []
    for start in (0, 1):
        half: list[Instruction] = []
        for category in instructions.categories:
            of_category = instructions.of(category)
            half += of_category[start::2] if len(of_category) > 1 else ()
        part = InstructionSet(instructions.name, tuple(half))
        found += yield from _frequencies(reader, model, part, given)
    return found


def _ablations(
    reader: WeightReader, pair: PairSets, instructions: InstructionSet, given: StudyInput
) -> Generator[Progress, None, list[Ablation]]:
    """The tuned model's responses without each category's unique neurons."""
    found: list[Ablation] = []
    _, sets = pair.neurons
    matched = _matched(given)
    for done, category in enumerate(sets.categories):
        request = ablation_request(
            reader.tuned,
            sets,
            category,
            instructions,
            count=_random_sets(given),
            seed=_seed(given),
            activity=pair.tuned[done] if matched == "activity" else None,
        )
        if not any(request.neurons):
            reader.notices(f"No neuron is unique to {category}: there is nothing to silence.")
            continue
        step = Progress("silencing neurons", done, len(sets.categories), category)
        answer = yield from reader.ask(request, step)
        assert isinstance(answer, Ablation)
        reader.notices(*answer.notes, activity_note(request, pair.tuned[done], matched))
        found.append(answer)
    return found


def _branch(given: StudyInput) -> Literal["gate", "product"]:
    return cast('Literal["gate", "product"]', given.options.get("branch") or "gate")


def _matched(given: StudyInput) -> Matched:
    return cast("Matched", given.options.get("matched") or "layer")


def _random_sets(given: StudyInput) -> int:
    return int(given.options.get("random_sets") or RANDOM_SETS)


def _seed(given: StudyInput) -> int:
    return int(given.options.get("seed") or 0)
