"""``insttui concepts``: the components of feed-forward layers, base against tuned, as CSV."""

from __future__ import annotations

import sys
from argparse import Namespace

from analysis.concepts.gather import concept_asks, places
from analysis.concepts.tables import concepts_table
from analysis.problems import problem
from app.commands import model_options, storage, word_options
from app.commands.output import write_rows
from app.commands.progress import answers, architecture
from app.config import load_settings
from app.terminal.text import prose


def run(options: Namespace) -> int:
    """Find the components of the layers asked for, have them described, and write their table."""
    if options.table != "components" and not options.annotate:
        raise problem(
            "input", f"The table {options.table} is made of descriptions.", "", "Add --annotate."
        )
    settings = load_settings()
    if options.annotate:
        # Imported here: who wants no descriptions needs nothing of it.
        from app.commands import annotation

        annotation.check(options, settings)
    base, tuned = model_options.pair(options, settings)
    words, _ = word_options.words_and_vectors(options, settings, base, tuned)
    with storage.session(options) as session:
        built = architecture(session, base, tuned)
        asked = places(built, model_options.layers_of(options.layers, built.layers))
        settled = options.rank, options.words, options.measure
        found = answers(session, concept_asks((base, tuned), asked, words, *settled))
        layers = [layer for (layer,) in found]
        for note in dict.fromkeys(note for each in layers for note in each.notes):
            print(f"insttui: {prose(note)}", file=sys.stderr)
        if not options.annotate:
            write_rows(concepts_table(layers), options.csv)
            return 0
        return annotation.run(options, settings, session, layers, base, tuned)
