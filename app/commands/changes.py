"""``insttui changes``: what tuning changed in every matrix, as CSV."""

from __future__ import annotations

import argparse

from app.commands.options import (
    add_model_options,
    add_output,
    add_pair,
    add_sharing,
    add_vocab,
    layers,
    positive,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--summary",
        action="store_true",
        help="one row a tensor: how much it changed, and in how many directions",
    )
    parser.add_argument(
        "--rank", type=positive, default=16, metavar="R", help="directions of a matrix"
    )
    parser.add_argument(
        "--words", type=positive, default=10, metavar="K", help="at either end of a direction"
    )
    add_pair(parser)
    parser.add_argument(
        "--layers",
        type=layers,
        default=None,
        metavar="LIST",
        help="such as 0,3-5; default: all, and the embeddings",
    )
    add_output(parser, document="all that is known of every matrix")
    add_vocab(parser)
    add_model_options(parser)
    add_sharing(parser)


def run(options: argparse.Namespace) -> int:
    """Compare the chosen layers, and write their changes."""
    from analysis.changes.request import OUTSIDE, change_asks
    from analysis.changes.tables import as_json, directions_table, tensors_table
    from app.commands import inputs
    from app.commands.output import say, write_table
    from app.commands.session import answers, architecture, workers
    from app.config import load_settings

    settings = load_settings()
    pair = inputs.pair(options, settings)
    words, _ = inputs.words_and_vectors(options, settings, *pair)
    with workers(options) as opened:
        built = architecture(opened, *pair)
        asked = inputs.layers_of(options.layers, built.layers)
        if options.layers is None:
            asked.append(OUTSIDE)
        asks = change_asks(pair, asked, words, options.rank, options.words)
        found = [layer for (layer,) in answers(opened, asks)]
    say(*dict.fromkeys(note for each in found for note in each.notes))
    if all(each.unchanged for each in found):
        say(f"Nothing changed: the weights of {pair[0].name} and {pair[1].name} are equal.")
    table = (tensors_table if options.summary else directions_table)(found)
    write_table(table, options, lambda: as_json(found))
    return 0
