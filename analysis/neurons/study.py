"""Which neurons each category of instructions needs, what tuning altered, and if it matters.

METHODS 6. Differences between the sets of categories are compared with differences within one:
between those of two halves of its instructions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.events import Progress
from analysis.neurons.ablation_effects import (
    CONFIDENCE,
    LEAD,
    RANDOM_SETS,
    RESAMPLES,
    effects,
    effects_table,
)
from analysis.neurons.gather import Branch, ablation_asks, frequency_asks, halves
from analysis.neurons.instructions import (
    InstructionSet,
    default_instructions,
    instructions_from_file,
)
from analysis.neurons.pair import PairSets, Thresholds, pair_sets
from analysis.neurons.random_sets import Matched
from analysis.neurons.result import Ablation, Frequencies, Rule
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
from analysis.request import Ask, ModelChoice
from analysis.session.drive import Asker, Asking
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.outlook import Outlook
from analysis.studies.parameters import model_parameters, precision_of
from analysis.studies.study import PairInput, Study
from analysis.table import Cell, Table


@dataclass(frozen=True)
class NeuronsInput(PairInput):
    """A pair of models and the settings of the analyses of their neurons.

    Attributes:
        prompts: A file of instructions; empty for the built-in ones.
        epsilon, tau, expert_epsilon: See `Thresholds`; None for its defaults.
        rule: See `Rule`.
        branch: See `FrequenciesRequest`.
        random_sets: How many random sets each set is compared with.
        matched: What the random sets share with it.
        seed: Seed of the random sets and of the bootstrap.
    """

    FILES = ("prompts",)

    prompts: str = ""
    epsilon: float | None = None
    tau: float | None = None
    expert_epsilon: float | None = None
    rule: Rule = "threshold"
    branch: Branch = "gate"
    random_sets: int = RANDOM_SETS
    matched: Matched = "layer"
    seed: int = 0


def outlook(given: NeuronsInput) -> Outlook:
    """How far the study is; whatever is silenced at its end is not known before."""
    instructions = _instructions(given)
    parts = (instructions, *halves(instructions))
    asks = [ask for model in given.pair for part in parts for ask in _asks(given, model, part)]
    found = Outlook.of_asks(given.session, asks)
    return replace(found, more="silencing the neurons that turn out unique to a category")


def _instructions(given: NeuronsInput) -> InstructionSet:
    if given.prompts:
        return instructions_from_file(Path(given.prompts))
    return default_instructions(*given.pair)


def _asks(given: NeuronsInput, model: ModelChoice, part: InstructionSet) -> list[Ask[Frequencies]]:
    return frequency_asks([model], part, given.branch, given.rule)


def study(given: NeuronsInput) -> Study:
    """Overlaps, alterations and ablations of a pair's sets; raises ProblemError."""
    thresholds = Thresholds.of(vars(given))
    asker = Asker(given.session)
    instructions = _instructions(given)
    built = yield from asker.architecture(*given.pair)
    if given.expert_epsilon is not None and not built.experts:
        raise problem(
            "input",
            "An ε of experts would change nothing here.",
            f"{given.base.name} has no experts.",
            "Leave out --expert-epsilon.",
        )
    sides: list[list[Frequencies]] = []
    halved: list[list[Frequencies]] = []
    for model in given.pair:
        stage = f"reading with {model.name}"
        found: list[list[Frequencies]] = []
        for part in (instructions, *halves(instructions)):
            asks = _asks(given, model, part)
            found.append((yield from asker.answers(stage, asks, lambda each: each)))
        sides.append(found[0])
        halved.append(found[1] + found[2])
    base_found, tuned_found = sides
    pair = pair_sets(base_found, tuned_found, thresholds)
    within = [between_halves(each, thresholds) for each in halved]
    ablations = yield from _ablations(asker, pair, instructions, given)
    measured = [
        effect for each in ablations for effect in effects(each, given.matched, seed=given.seed)
    ]
    notes = [note for side in (*sides, *halved) for each in side for note in each.notes]
    asker.note(*instructions.notes, *notes)
    precisions = (
        precision_of(sides[0] + halved[0]),
        precision_of([*sides[1], *halved[1], *ablations]),
    )
    base, tuned = pair.neurons
    return Findings(
        study="components",
        title="Neurons and experts that instructions need",
        statements=(
            *alteration_statements(pair),
            *ablation_statements(measured),
            *overlap_statements(pair, within),
            thresholds.reading(mixture=pair.mixture),
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
            alteration_figure(alteration(base, tuned), base.categories),
            size_figure(pair.tuned[0].model, tuned),
            *([ablation_figure(measured)] if measured else []),
        ),
        parameters=_parameters(given, instructions, thresholds, precisions),
        notes=tuple(asker.notes),
        data=component_data(pair, halved, ablations),
    )


def _parameters(
    given: NeuronsInput,
    instructions: InstructionSet,
    thresholds: Thresholds,
    precisions: Sequence[str],
) -> dict[str, Cell]:
    return {
        **model_parameters(*given.pair, precisions),
        "instructions": instructions.name,
        "instructions digest": instructions.digest,
        "number of instructions": len(instructions),
        "rule": thresholds.rule,
        "ε": thresholds.epsilon,
        "τ": thresholds.tau,
        "ε of experts": thresholds.expert_epsilon,
        "branch": given.branch,
        "random sets": given.random_sets,
        "random sets matched by": given.matched,
        "seed": given.seed,
        "bootstrap samples": RESAMPLES,
        "confidence": CONFIDENCE,
        "before a response": repr(LEAD),
    }


def _ablations(
    asker: Asker, pair: PairSets, instructions: InstructionSet, given: NeuronsInput
) -> Asking[list[Ablation]]:
    found: list[Ablation] = []
    count, matched = given.random_sets, given.matched
    asks = list(
        ablation_asks(
            given.tuned, pair, instructions, count=count, seed=given.seed, matched=matched
        )
    )
    yield from asker.ahead("silencing neurons", [each for _, each, _ in asks if each is not None])
    for done, (category, request, note) in enumerate(asks):
        if request is not None:
            step = Progress("silencing neurons", done, len(pair.tuned), category)
            found.append((yield from asker.answer(request, step)))
            asker.note(*found[-1].notes)
        asker.note(note)
    return found
