"""``insttui components``: the neurons and experts that instructions need, as CSV."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from analysis.neurons.ablation_effects import (
    Effect,
    ablation_request,
    activity_note,
    effects,
    effects_table,
)
from analysis.neurons.instructions import (
    InstructionSet,
    default_instructions,
    instructions_from_file,
)
from analysis.neurons.pair import PairSets, Thresholds, pair_sets
from analysis.neurons.request import FrequenciesRequest
from analysis.neurons.result import Ablation, Frequencies
from analysis.neurons.tables import summary_table, units_table
from analysis.request import ModelChoice
from analysis.session.session import Session
from app.commands import model_options, storage
from app.commands.layer_options import architectures
from app.commands.output import write_rows
from app.commands.progress import run_with_progress
from app.config import load_settings
from app.terminal.text import prose


def run(options: Namespace) -> int:
    """Count activations of both models, and write the table asked for."""
    base, tuned = model_options.pair(options, load_settings())
    if options.prompts:
        instructions = instructions_from_file(Path(options.prompts))
    else:
        instructions = default_instructions(base, tuned)
    thresholds = Thresholds.of(vars(options))
    with storage.session(options) as session:
        architectures(session, base, tuned)
        pair = pair_sets(
            _frequencies(session, base, instructions, options),
            _frequencies(session, tuned, instructions, options),
            thresholds,
        )
        _say(*instructions.notes, *dict.fromkeys(_notes(pair)))
        _say(thresholds.reading(mixture=pair.mixture))
        if options.ablate:
            found = _effects(session, tuned, pair, instructions, options)
            write_rows(effects_table(found), options.csv)
            return 0
    write_rows(summary_table(pair) if options.summary else units_table(pair), options.csv)
    return 0


def _frequencies(
    session: Session, model: ModelChoice, instructions: InstructionSet, options: Namespace
) -> list[Frequencies]:
    """A model's frequencies, category by category."""
    found: list[Frequencies] = []
    for category in instructions.categories:
        prompts = tuple(each.prompt for each in instructions.of(category))
        request = FrequenciesRequest(model, category, prompts, options.branch)
        result = run_with_progress(session, request)
        assert isinstance(result, Frequencies)
        found.append(result)
    return found


def _effects(
    session: Session,
    model: ModelChoice,
    pair: PairSets,
    instructions: InstructionSet,
    options: Namespace,
) -> list[Effect]:
    """What silencing each category's unique neurons does to a model's responses."""
    found: list[Effect] = []
    _, sets = pair.neurons
    for category, frequencies in zip(sets.categories, pair.tuned, strict=True):
        request = ablation_request(
            model,
            sets,
            category,
            instructions,
            count=options.random_sets,
            seed=options.seed,
            activity=frequencies if options.matched == "activity" else None,
        )
        if not any(request.neurons):
            _say(f"No neuron is unique to {category}: there is nothing to silence.")
            continue
        _say(activity_note(request, frequencies, options.matched))
        result = run_with_progress(session, request)
        assert isinstance(result, Ablation)
        found += effects(result, options.matched, seed=options.seed)
    return found


def _notes(pair: PairSets) -> list[str]:
    return [f"{each.category}: {note}" for each in (*pair.base, *pair.tuned) for note in each.notes]


def _say(*notes: str) -> None:
    for note in notes:
        print(f"insttui: {prose(note)}", file=sys.stderr)
