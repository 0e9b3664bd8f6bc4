"""``insttui active``: the prompts on which a neuron or a head is most active, as CSV."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.commands.options import add_model_options, add_output, add_pair, positive

if TYPE_CHECKING:
    from analysis.activity.request import HeadActivityRequest, NeuronActivityRequest
    from analysis.activity.tables import Prompts
    from analysis.request import ModelChoice, Pair


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--side",
        choices=("base", "tuned", "both"),
        default="both",
        help="which model reads the prompts; default: both, one below the other",
    )
    parser.add_argument("--layer", type=_number, required=True, metavar="L", help="from 0")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--neuron", type=_number, metavar="N", help="a feed-forward neuron of the layer, from 0"
    )
    what.add_argument("--head", type=_number, metavar="H", help="a head of the layer, from 0")
    parser.add_argument(
        "--expert", type=_number, metavar="E", help="the expert that the neuron is of, from 0"
    )
    parser.add_argument(
        "--pair",
        type=_pair,
        metavar="WORD=WORD",
        help="between these words alone, in either order; default: whatever the head attends to "
        "most, but for the first token",
    )
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="prompts to read: .jsonl, .csv or .tsv; demo: those of the demo pair; default: the "
        "instructions of insttui components",
    )
    parser.add_argument(
        "--top", type=positive, default=20, metavar="K", help="prompts a model; default: 20"
    )
    parser.add_argument(
        "--chat-template",
        action="store_true",
        help="put the tuned model's prompts into its chat template",
    )
    add_pair(parser)
    add_output(parser, document="all that is known, an object a model")
    add_model_options(parser)


def _number(text: str) -> int:
    """A number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a number from 0")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    """Two words with an equals sign between them."""
    first, _, second = (each.strip() for each in text.partition("="))
    if not first or not second:
        raise argparse.ArgumentTypeError("must be two words, such as moon=night")
    return first, second


def run(options: argparse.Namespace) -> int:
    """Have the chosen models read the prompts, and write those of the largest values."""
    from analysis.activity.tables import activity_table, as_json
    from app.commands import inputs
    from app.commands.output import say, write_table
    from app.commands.session import run_with_progress, session
    from app.config import load_settings

    _refuse_unused(options)
    pair = inputs.pair(options, load_settings())
    prompts, head = _prompts(options, pair), options.head is not None
    with session(options) as opened:
        found = [
            run_with_progress(
                opened,
                _request(options, model, prompts.texts, template=side == 1),
            )
            for side, model in enumerate(pair)
            if options.side in (("base", "tuned")[side], "both")
        ]
    for each in found:
        say(*(f"{each.model}: {note}" for note in each.notes))
    table = activity_table(found, prompts, head=head)
    write_table(table, options, lambda: as_json(found, prompts, head=head))
    return 0


def _request(
    options: argparse.Namespace, model: ModelChoice, prompts: tuple[str, ...], *, template: bool
) -> NeuronActivityRequest | HeadActivityRequest:
    from analysis.activity.request import HeadActivityRequest, NeuronActivityRequest

    wrapped = options.chat_template and template
    if options.head is not None:
        return HeadActivityRequest(
            model, prompts, options.layer, options.head, options.pair, wrapped, options.top
        )
    expert = -1 if options.expert is None else options.expert
    return NeuronActivityRequest(
        model, prompts, options.layer, options.neuron, expert, wrapped, options.top
    )


def _refuse_unused(options: argparse.Namespace) -> None:
    """Raise ProblemError, ``input``, for an option without an effect."""
    from analysis.problems import problem

    unused = {"expert": options.head is not None, "pair": options.neuron is not None}
    for name, without in unused.items():
        if without and getattr(options, name) is not None:
            whose = "neuron" if name == "expert" else "head"
            what = f"--{name} would change nothing here."
            raise problem("input", what, f"It is of a {whose}.", f"Add --{whose}.")
    if options.chat_template and options.side == "base":
        raise problem(
            "input",
            "--chat-template would change nothing here.",
            "It is for the tuned model's prompts.",
            "Leave it out, or leave out --side base.",
        )


def _prompts(options: argparse.Namespace, pair: Pair) -> Prompts:
    """The prompts of the file that is named; raises ProblemError for an unusable one."""
    from pathlib import Path

    from analysis.activity.tables import Prompts
    from analysis.neurons.instructions import default_instructions
    from analysis.saliency.cases.prompt_sets import DEMO_PROMPTS, demo_prompts, read_prompt_set
    from app.commands.output import say

    if options.prompts is None:
        return Prompts.of(default_instructions(*pair))
    demo = options.prompts == DEMO_PROMPTS
    found = demo_prompts() if demo else read_prompt_set(Path(options.prompts))
    say(*(f"{found.name}: skipped {line}" for line in found.skipped))
    return Prompts(
        tuple(each.id for each in found.prompts), tuple(each.prompt for each in found.prompts)
    )
