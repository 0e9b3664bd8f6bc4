"""``insttui heads``: the word pairs of every attention head, base against tuned, as CSV."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.commands.options import add_weight_options

if TYPE_CHECKING:
    from analysis.heads.result import HeadPairs
    from analysis.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--summary", action="store_true", help="one row a head: how much it changed")
    kind.add_argument(
        "--verbs", action="store_true", help="do heads relate more verbs after tuning (Table 3)"
    )
    add_weight_options(parser)


def run(options: argparse.Namespace) -> int:
    from analysis.heads.gather import layer_asks
    from analysis.models.request import passed_over
    from app.commands import inputs
    from app.commands.output import say, write_rows
    from app.commands.session import answers, architecture, session
    from app.config import load_settings

    settings = load_settings()
    base, tuned = inputs.pair(options, settings)
    words, vectors = inputs.words_and_vectors(options, settings, base, tuned)
    with session(options) as opened:
        built = architecture(opened, base, tuned)
        wanted = inputs.layers_of(options.layers, built.layers)
        layers = built.attending(wanted)
        say(*filter(None, [passed_over(built.without_heads, wanted)]))
        both = answers(opened, layer_asks((base, tuned), layers, words, vectors))
    before, after = ([layer[side] for layer in both] for side in (0, 1))
    say(*dict.fromkeys(note for each in (*before, *after) for note in each.notes))
    write_rows(_table(options, before, after, built.layers), options.csv)
    return 0


def _table(
    options: argparse.Namespace,
    base: Sequence[HeadPairs],
    tuned: Sequence[HeadPairs],
    layers: int,
) -> Table:
    from analysis.heads.tables import pairs_table, summary_table

    if options.summary:
        return summary_table(base, tuned)
    if options.verbs:
        # Imported here: loading its list of verbs takes time.
        from analysis.heads.verbs import verb_table

        return verb_table(base, tuned, layers).table()
    return pairs_table(base, tuned)
