"""``insttui heads``: the word pairs of every attention head, base against tuned, as CSV."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from analysis.heads.gather import layer_asks
from analysis.heads.result import HeadPairs
from analysis.heads.tables import pairs_table, summary_table
from analysis.table import Table
from app.commands import model_options, storage, word_options
from app.commands.output import write_rows
from app.commands.progress import answers, architecture
from app.config import load_settings
from app.terminal.text import prose


def run(options: Namespace) -> int:
    """Read the layers asked for and write their table."""
    settings = load_settings()
    base, tuned = model_options.pair(options, settings)
    words, vectors = word_options.words_and_vectors(options, settings, base, tuned)
    with storage.session(options) as session:
        built = architecture(session, base, tuned)
        layers = model_options.layers_of(options.layers, built.layers)
        both = answers(session, layer_asks((base, tuned), layers, words, vectors))
    before, after = ([layer[side] for layer in both] for side in (0, 1))
    for note in dict.fromkeys(note for each in (*before, *after) for note in each.notes):
        print(f"insttui: {prose(note)}", file=sys.stderr)
    write_rows(_table(options, before, after, built.layers), options.csv)
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
