"""``insttui components``: the neurons and experts that instructions need, as CSV."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from analysis.neurons.ablation_effects import Effect, effects, effects_table
from analysis.neurons.gather import ablation_asks, frequency_asks
from analysis.neurons.instructions import (
    InstructionSet,
    default_instructions,
    instructions_from_file,
)
from analysis.neurons.pair import PairSets, Thresholds, pair_sets
from analysis.neurons.tables import components_table, summary_table
from analysis.request import ModelChoice
from analysis.session.drive import Answerer
from app.commands import model_options, storage
from app.commands.output import write_rows
from app.commands.progress import answers, architecture, run_with_progress
from app.config import load_settings
from app.terminal.text import prose


def run(options: Namespace) -> int:
    """Count activations of both models, and write the table asked for."""
    base, tuned = model_options.pair(options, load_settings())
    if options.prompts:
        instructions = instructions_from_file(Path(options.prompts))
    else:
        instructions = default_instructions(base, tuned)
    thresholds, branch = Thresholds.of(vars(options)), options.branch
    with storage.session(options) as session:
        architecture(session, base, tuned)
        # One model after the other: two that do not fit into memory together are loaded once each.
        base_found, tuned_found = (
            [each for (each,) in answers(session, frequency_asks([model], instructions, branch))]
            for model in (base, tuned)
        )
        pair = pair_sets(base_found, tuned_found, thresholds)
        _say(*instructions.notes, *dict.fromkeys(_notes(pair)))
        _say(thresholds.reading(mixture=pair.mixture))
        if options.ablate:
            measured = _effects(session, tuned, pair, instructions, options)
            write_rows(effects_table(measured), options.csv)
            return 0
    write_rows(summary_table(pair) if options.summary else components_table(pair), options.csv)
    return 0


def _effects(
    session: Answerer,
    model: ModelChoice,
    pair: PairSets,
    instructions: InstructionSet,
    options: Namespace,
) -> list[Effect]:
    """What silencing each category's unique neurons does to a model's responses."""
    found: list[Effect] = []
    count, seed, matched = options.random_sets, options.seed, options.matched
    for each in ablation_asks(model, pair, instructions, count=count, seed=seed, matched=matched):
        _say(each.note)
        if each.request is not None:
            result = run_with_progress(session, each.request)
            found += effects(result, matched, seed=seed)
    return found


def _notes(pair: PairSets) -> list[str]:
    return [f"{each.category}: {note}" for each in (*pair.base, *pair.tuned) for note in each.notes]


def _say(*notes: str) -> None:
    for note in notes:
        print(f"insttui: {prose(note)}", file=sys.stderr)
