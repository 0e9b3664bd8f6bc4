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
    """Options of ``insttui heads``."""
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--summary", action="store_true", help="one row a head: how much it changed")
    kind.add_argument(
        "--verbs", action="store_true", help="do heads relate more verbs after tuning (Table 3)"
    )
    add_weight_options(parser)


def run(options: argparse.Namespace) -> int:
    """Read the layers asked for and write their table."""
    from analysis.heads.request import HeadPairsRequest
    from analysis.heads.result import HeadPairs
    from app.commands import inputs
    from app.commands.output import say, write_rows
    from app.commands.session import architectures, run_with_progress, session
    from app.config import load_settings

    settings = load_settings()
    base, tuned = inputs.pair(options, settings)
    words, vectors = inputs.words_and_vectors(options, settings, base, tuned)
    found: tuple[list[HeadPairs], list[HeadPairs]] = ([], [])
    with session(options) as opened:
        built, _ = architectures(opened, base, tuned)
        for layer in inputs.layers_of(options.layers, built.layers):
            for side, model in zip(found, (base, tuned), strict=True):
                request = HeadPairsRequest(model, layer, words, vectors)
                result = run_with_progress(opened, request)
                assert isinstance(result, HeadPairs)
                side.append(result)
    say(*dict.fromkeys(note for side in found for each in side for note in each.notes))
    write_rows(_table(options, *found, built.layers), options.csv)
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
        # Imported here: its list of verbs takes its time.
        from analysis.heads.verbs import verb_table

        return verb_table(base, tuned, layers).table()
    return pairs_table(base, tuned)
