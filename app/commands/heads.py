"""``insttui heads``: the word pairs of every attention head, base against tuned, as CSV."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, TypeAlias

from app.commands.options import add_weight_options, positive, positive_number

if TYPE_CHECKING:
    from analysis.models.request import Architecture
    from analysis.request import Pair
    from analysis.session.session import Session
    from analysis.table import Table
    from analysis.words.choice import Words, WordVectors

    _Asked: TypeAlias = tuple[Pair, list[int], Words, WordVectors, int]

_OF_VERBS = ("layer_groups", "instruction_verbs", "general_verbs")
_OF_THRESHOLDS = ("top_words", "frequent", "deviations")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--summary", action="store_true", help="one row a head: how much it changed")
    kind.add_argument(
        "--by-word",
        action="store_true",
        help="one row a word: how many heads relate it in either model",
    )
    kind.add_argument(
        "--verbs", action="store_true", help="do heads relate more verbs after tuning (Table 3)"
    )
    kind.add_argument(
        "--head",
        type=int,
        metavar="H",
        help="the word pairs of one head's neuron pairs, in the layers of --layers",
    )
    parser.add_argument(
        "--neuron", type=int, metavar="I", help="of --head: of this neuron pair alone"
    )
    _add_shared(parser)
    add_weight_options(parser)


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """The study's own options: how word pairs are found, compared and grouped."""
    _add_shared(parser)
    # `frequent` and `deviations` go with the word vectors.
    own = ("top_words", "top_pairs", *_OF_VERBS)
    parser.set_defaults(own=own, of_models=_OF_THRESHOLDS, settle=settled)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--top-words",
        type=positive,
        metavar="K",
        help="most activating words that a neuron pair combines (default: 100)",
    )
    parser.add_argument(
        "--frequent",
        type=positive,
        metavar="N",
        help="frequent words that a word's threshold is taken from (default: 1000; the published "
        "code: 3000)",
    )
    parser.add_argument(
        "--deviations",
        type=positive_number,
        metavar="X",
        help="standard deviations above the mean at which a threshold lies (default: 1.96)",
    )
    parser.add_argument(
        "--top-pairs",
        type=positive,
        metavar="N",
        help="first word pairs of either model that a change is measured on (default: 100)",
    )
    parser.add_argument(
        "--groups",
        type=positive,
        dest="layer_groups",
        metavar="G",
        help="of layers, for verbs (default: 4)",
    )
    parser.add_argument(
        "--instruction-verbs",
        metavar="FILE",
        help="verbs in place of the 45 shipped, one a line",
    )
    parser.add_argument(
        "--general-verbs",
        metavar="FILE",
        help="verbs to compare them with, in place of the 3,000 most frequent ones",
    )


def settled(options: argparse.Namespace) -> dict[str, Any]:
    """The choices that were made, by the names of `analysis.heads.study.HeadsInput`.

    Raises ProblemError, ``input``, for an unusable list of verbs or a verb that is in both.
    """
    from pathlib import Path

    from analysis.problems import problem
    from analysis.words.verbs import verbs_from_file

    found: dict[str, Any] = {
        name: getattr(options, name) for name in ("top_words", "top_pairs", *_OF_VERBS)
    }
    verbs = [name for name in _OF_VERBS if name.endswith("verbs") and found[name]]
    for name in verbs:
        found[name] = verbs_from_file(Path(found[name]).expanduser())
    twice = set.intersection(*(set(found[name]) for name in verbs)) if len(verbs) == 2 else set()
    if twice:
        raise problem(
            "input",
            f"{min(twice)} is in both lists of verbs.",
            f"So are {len(twice) - 1:,} others." if len(twice) > 1 else "",
            "Leave it in one of them.",
        )
    return {name: value for name, value in found.items() if value is not None}


def run(options: argparse.Namespace) -> int:
    """Write the chosen table."""
    from analysis.heads.request import TOP_WORDS
    from analysis.models.request import passed_over
    from app.commands import inputs
    from app.commands.output import say, write_table
    from app.commands.session import architecture, session
    from app.config import load_settings

    _refuse_unused(options)
    choices = settled(options)
    settings = load_settings()
    pair = inputs.pair(options, settings)
    words, vectors = inputs.words_and_vectors(options, settings, *pair)
    with session(options) as opened:
        built = architecture(opened, *pair)
        wanted = inputs.layers_of(options.layers, built.layers)
        layers = built.attending(wanted)
        say(*filter(None, [passed_over(built.without_heads, wanted)]))
        asked = pair, layers, words, vectors, choices.pop("top_words", TOP_WORDS)
        if options.head is None:
            table, notes = _of_heads(opened, asked, options, choices, built.layers)
        else:
            _check_places(options, built, layers)
            table, notes = _of_neurons(opened, asked, options)
    say(*dict.fromkeys(notes))
    write_table(table, options)
    return 0


def _of_heads(
    opened: Session,
    asked: _Asked,
    options: argparse.Namespace,
    choices: dict[str, Any],
    layers: int,
) -> tuple[Table, list[str]]:
    from analysis.heads.changes import TOP_PAIRS
    from analysis.heads.gather import layer_asks
    from analysis.heads.tables import pairs_table, summary_table
    from analysis.heads.word_counts import words_table
    from app.commands.session import answers

    both = answers(opened, layer_asks(*asked))
    base, tuned = ([layer[side] for layer in both] for side in (0, 1))
    notes = [note for each in (*base, *tuned) for note in each.notes]
    top = choices.pop("top_pairs", TOP_PAIRS)
    if options.summary:
        return summary_table(base, tuned, top), notes
    if options.by_word:
        return words_table(base, tuned, top), notes
    if options.verbs:
        # Imported here: loading its list of verbs takes time.
        from analysis.heads.study import HeadsChoices

        return HeadsChoices(**choices).movements(base, tuned, layers).table().table(), notes
    return pairs_table(base, tuned, top), notes


def _of_neurons(
    opened: Session, asked: _Asked, options: argparse.Namespace
) -> tuple[Table, list[str]]:
    from analysis.heads.gather import head_ask
    from analysis.heads.tables import neuron_pairs_table
    from app.commands.session import answers

    pair, layers, words, vectors, top = asked
    asks = [head_ask(pair, layer, options.head, words, vectors, top) for layer in layers]
    both = answers(opened, asks)
    found = [each for models in both for each in models]
    notes = [note for each in found for note in each.notes]
    return neuron_pairs_table(found, options.neuron), notes


def _check_places(options: argparse.Namespace, built: Architecture, layers: list[int]) -> None:
    """Raise ProblemError, ``input``, for a head or a neuron pair that is not there."""
    from analysis.problems import problem

    for layer in layers:
        if not 0 <= options.head < built.heads_in(layer):
            raise problem(
                "input",
                f"There is no head {options.head} in layer {layer}.",
                f"It has {built.heads_in(layer)}, from 0.",
                "Choose layers with --layers.",
            )
    if options.neuron is not None and not 0 <= options.neuron < built.head_dim:
        raise problem(
            "input",
            f"There is no neuron pair {options.neuron}.",
            f"A head has {built.head_dim}, from 0.",
        )


def _refuse_unused(options: argparse.Namespace) -> None:
    """Raise ProblemError, ``input``, for an option without an effect on the chosen table."""
    from analysis.problems import problem

    of_heads = options.head is None and not options.verbs
    for names, used, remedy in (
        (("neuron",), options.head is not None, "Add --head."),
        (_OF_VERBS, options.verbs, "Add --verbs."),
        (("top_pairs",), of_heads, "Leave it out: it is of tables that compare heads."),
    ):
        given = [name for name in names if getattr(options, name) is not None]
        if given and not used:
            name = "groups" if given[0] == "layer_groups" else given[0].replace("_", "-")
            raise problem("input", f"--{name} would change nothing here.", "", remedy)
