"""``insttui heads``: the word pairs of every attention head, base against tuned, as CSV."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from analysis.heads.request import HeadPairsRequest
from analysis.heads.result import HeadPairs
from analysis.heads.tables import pairs_table, summary_table
from analysis.table import Table
from app.commands import model_options, storage, word_options
from app.commands.layer_options import architectures, layers_of
from app.commands.output import write_rows
from app.commands.progress import run_with_progress
from app.config import load_settings
from app.terminal.text import prose


def run(options: Namespace) -> int:
    """Read the layers asked for and write their table."""
    settings = load_settings()
    base, tuned = model_options.pair(options, settings)
    words, vectors = word_options.words_and_vectors(options, settings, base, tuned)
    found: tuple[list[HeadPairs], list[HeadPairs]] = ([], [])
    with storage.session(options) as session:
        built, _ = architectures(session, base, tuned)
        for layer in layers_of(options.layers, built.layers):
            for side, model in zip(found, (base, tuned), strict=True):
                request = HeadPairsRequest(model, layer, words, vectors)
                result = run_with_progress(session, request)
                assert isinstance(result, HeadPairs)
                side.append(result)
    for note in dict.fromkeys(note for side in found for each in side for note in each.notes):
        print(f"insttui: {prose(note)}", file=sys.stderr)
    write_rows(_table(options, *found, built.layers), options.csv)
    return 0


def _table(
    options: Namespace, base: Sequence[HeadPairs], tuned: Sequence[HeadPairs], layers: int
) -> Table:
    if options.summary:
        return summary_table(base, tuned)
    if options.verbs:
        # Imported here: its list of verbs takes its time.
        from analysis.heads.verbs import verb_table

        return verb_table(base, tuned, layers).table()
    return pairs_table(base, tuned)
