"""``insttui concepts``: the components of feed-forward layers, base against tuned, as CSV."""

from __future__ import annotations

import argparse

from app.commands.options import add_weight_options, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _add_shared(parser)
    parser.add_argument(
        "--annotate",
        nargs="?",
        const="endpoint",
        choices=("endpoint", "local"),
        help="have a language model describe the components: one behind an OpenAI-compatible "
        "endpoint (OPENAI_API_KEY, OPENAI_BASE_URL), or a local one",
    )
    parser.add_argument(
        "--annotator",
        default=argparse.SUPPRESS,
        metavar="MODEL",
        help="who describes: the endpoint's name of a model, or a local model (default: the tuned)",
    )
    parser.add_argument(
        "--repeats", type=positive, default=5, metavar="N", help="descriptions of each component"
    )
    parser.add_argument(
        "--templates", default=argparse.SUPPRESS, metavar="FILE", help="how it is asked (TOML)"
    )
    parser.add_argument(
        "--price-in", type=float, metavar="P", help="price of a million tokens sent"
    )
    parser.add_argument("--price-out", type=float, metavar="P", help="of a million received")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be asked and cost, and ask nothing"
    )
    parser.add_argument("--yes", action="store_true", help="ask without confirmation")
    parser.add_argument(
        "--table",
        choices=("components", "comparison", "levels", "ranks", "answers", "words"),
        default="components",
        help="of annotated components: scenarios and levels base against tuned (Tables 5, 6), "
        "levels by layers (Fig. 3), described by rank (Fig. 7), outcomes, words (Tables 7-10)",
    )
    add_weight_options(parser)


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """The study's own options: which descriptions it reads."""
    parser.add_argument(
        "--annotator",
        metavar="MODEL",
        help="whose descriptions of components are read; default: the last one's",
    )
    parser.add_argument("--templates", metavar="FILE", help="how it was asked (TOML)")
    _add_shared(parser)
    of_models = ("annotator", "templates", "rank", "component_words", "measure")
    parser.set_defaults(own=(*of_models, "level_groups"), of_models=of_models)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rank", type=positive, metavar="R", help="components of a layer (default: 300)"
    )
    parser.add_argument(
        "--words",
        type=positive,
        dest="component_words",
        metavar="K",
        help="of a component (default: 15)",
    )
    parser.add_argument(
        "--measure",
        choices=("cosine", "projection"),
        help="words by |cosine| with the direction (default), or by projection on it (the paper's "
        "formula)",
    )
    parser.add_argument(
        "--groups",
        type=positive,
        dest="level_groups",
        metavar="G",
        help="of layers, for levels (Fig. 3) and words (Tables 7-10) (default: 8)",
    )


def run(options: argparse.Namespace) -> int:
    """Find the components of the chosen layers, annotate them if asked to, and write a table."""
    from analysis.concepts.gather import concept_asks, places
    from analysis.concepts.tables import concepts_table
    from analysis.models.request import passed_over
    from analysis.problems import problem
    from app.commands import inputs
    from app.commands.output import say, write_table
    from app.commands.session import answers, architecture, session
    from app.config import load_settings

    if options.level_groups and options.table not in ("levels", "words"):
        raise problem(
            "input",
            "--groups would change nothing here.",
            "It is of the tables levels and words.",
            "Add --table levels or --table words.",
        )
    if options.table != "components" and not options.annotate:
        raise problem(
            "input", f"The table {options.table} is made of descriptions.", "", "Add --annotate."
        )
    settings = load_settings()
    if options.annotate:
        # Imported here: only needed for descriptions.
        from app.commands import annotation

        annotation.check(options, settings)
    base, tuned = inputs.pair(options, settings)
    words, _ = inputs.words_and_vectors(options, settings, base, tuned)
    with session(options) as opened:
        built = architecture(opened, base, tuned)
        wanted = inputs.layers_of(options.layers, built.layers)
        asked = places(built, wanted)
        say(*filter(None, [passed_over(built.without_network, wanted)]))
        chosen = {
            "rank": options.rank,
            "top": options.component_words,
            "measure": options.measure,
        }
        settled = {name: value for name, value in chosen.items() if value is not None}
        found = answers(opened, concept_asks((base, tuned), asked, words, **settled))
        layers = [layer for (layer,) in found]
        say(*dict.fromkeys(note for each in layers for note in each.notes))
        if not options.annotate:
            write_table(concepts_table(layers), options)
            return 0
        return annotation.run(options, settings, opened, layers, base, tuned)
