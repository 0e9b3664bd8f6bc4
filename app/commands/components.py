"""``insttui components``: the neurons and experts that instructions need, as CSV."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.commands.options import add_model_options, add_output, add_pair, positive, seed

if TYPE_CHECKING:
    from analysis.neurons.ablation_effects import Effect
    from analysis.neurons.instructions import InstructionSet
    from analysis.neurons.pair import PairSets
    from analysis.request import ModelChoice
    from analysis.session.drive import Answerer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_pair(parser)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--summary", action="store_true", help="overlaps of categories, and what tuning altered"
    )
    kind.add_argument(
        "--ablate",
        action="store_true",
        help="what silencing the neurons unique to a category does to the tuned model's "
        "log-probability of reference responses, beside random neurons",
    )
    add_component_options(parser)
    add_output(parser)
    add_model_options(parser)


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """The study's own options: all but the kind of table."""
    add_component_options(parser)
    own = ("prompts", "rule", "epsilon", "tau", "expert_epsilon", "branch", "random_sets")
    parser.set_defaults(own=(*own, "matched", "seed"))


def add_component_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that command and study share; `Thresholds.of` has the default thresholds."""
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="instructions of your own: JSON lines with id, category, instruction, response and, "
        "if there is one, input; default: those shipped",
    )
    parser.add_argument(
        "--rule",
        choices=("threshold", "percentile"),
        default="threshold",
        help="a neuron is specific to an instruction where the share of tokens at which it is "
        "active is at least ε, or is among the highest share ε of all layers (two readings)",
    )
    parser.add_argument(
        "--epsilon",
        type=float,
        metavar="E",
        help="ε: by threshold in steps of 0.05 (default: 0.5, our choice), by percentile in steps "
        "of 0.01 up to 0.2 (default: 0.05, our choice)",
    )
    parser.add_argument(
        "--tau",
        type=float,
        metavar="T",
        help="and a category's where it is specific to this share of its instructions, a step of "
        "ours; 0: to any of them (default: 0.75)",
    )
    parser.add_argument(
        "--expert-epsilon",
        type=float,
        metavar="E",
        help="the share of tokens routed to an expert, in steps of 0.01 (default: 0.25, our "
        "reading)",
    )
    parser.add_argument(
        "--branch",
        choices=("gate", "product"),
        default="gate",
        help="the activation of a gated network: what leaves the activation function, or that "
        "times the up branch",
    )
    parser.add_argument(
        "--random-sets", type=positive, default=5, metavar="N", help="to compare with a set"
    )
    parser.add_argument(
        "--matched",
        choices=("layer", "activity"),
        default="layer",
        help="random sets are as large in every layer, or also about as often active on the "
        "category's instructions (both our reading)",
    )
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="of random sets and intervals"
    )


def run(options: argparse.Namespace) -> int:
    from pathlib import Path

    from analysis.neurons.ablation_effects import effects_table
    from analysis.neurons.gather import frequency_asks
    from analysis.neurons.instructions import default_instructions, instructions_from_file
    from analysis.neurons.pair import Thresholds, pair_sets
    from analysis.neurons.tables import summary_table, units_table
    from app.commands import inputs
    from app.commands.output import say, write_table
    from app.commands.session import answers, architecture, session
    from app.config import load_settings

    base, tuned = inputs.pair(options, load_settings())
    if options.prompts:
        instructions = instructions_from_file(Path(options.prompts))
    else:
        instructions = default_instructions(base, tuned)
    thresholds, branch = Thresholds.of(vars(options)), options.branch
    with session(options) as opened:
        architecture(opened, base, tuned)
        # One model at a time: two that do not fit into memory together are loaded only once each.
        base_found, tuned_found = (
            [
                each
                for (each,) in answers(
                    opened, frequency_asks([model], instructions, branch, thresholds.rule)
                )
            ]
            for model in (base, tuned)
        )
        pair = pair_sets(base_found, tuned_found, thresholds)
        say(*instructions.notes, *dict.fromkeys(_notes(pair)))
        say(thresholds.reading(mixture=pair.mixture))
        if options.ablate:
            found = _effects(opened, tuned, pair, instructions, options)
            write_table(effects_table(found), options)
            return 0
    write_table(summary_table(pair) if options.summary else units_table(pair), options)
    return 0


def _effects(
    session: Answerer,
    model: ModelChoice,
    pair: PairSets,
    instructions: InstructionSet,
    options: argparse.Namespace,
) -> list[Effect]:
    """The effects of silencing each category's unique neurons on a model's responses."""
    from analysis.neurons.ablation_effects import effects
    from analysis.neurons.gather import ablation_asks
    from app.commands.output import say
    from app.commands.session import run_with_progress

    found: list[Effect] = []
    count, seed, matched = options.random_sets, options.seed, options.matched
    for each in ablation_asks(model, pair, instructions, count=count, seed=seed, matched=matched):
        say(each.note)
        if each.request is not None:
            result = run_with_progress(session, each.request)
            found += effects(result, matched, seed=seed)
    return found


def _notes(pair: PairSets) -> list[str]:
    return [f"{each.category}: {note}" for each in (*pair.base, *pair.tuned) for note in each.notes]
