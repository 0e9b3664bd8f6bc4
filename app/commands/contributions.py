"""``insttui contributions``: what adds to one token's logit, part by part, as CSV."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.commands.options import (
    add_forced_response,
    add_model_options,
    add_output,
    add_pair,
    add_place,
    positive,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.contributions.result import Contributions
    from analysis.divergence.result import Divergence
    from analysis.models.tokens import Span
    from analysis.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--side",
        choices=("base", "tuned", "both"),
        default="both",
        help="which model is taken apart; default: both, for the token that the tuned one chooses",
    )
    parser.add_argument(
        "--rival",
        metavar="TOKEN",
        help="take apart logit(token) - logit(TOKEN): other for the other model's choice, the text "
        "of a token that either model prefers there, or a token's id",
    )
    parser.add_argument(
        "--table",
        choices=("parts", "words", "neurons"),
        default="parts",
        help="rows of what: heads, feed-forward networks, biases and embedding; heads by the token "
        "that they attend to; the neurons that add most",
    )
    word = parser.add_mutually_exclusive_group()
    word.add_argument(
        "--word", metavar="W", help="rank heads by what they take from this word of the prompt"
    )
    word.add_argument(
        "--word-at", type=_number, metavar="N", help="the same of the prompt's Nth word, from 0"
    )
    parser.add_argument(
        "--neurons", type=positive, metavar="K", help="listed of a layer; default: 10"
    )
    add_pair(parser)
    add_forced_response(parser)
    add_place(parser)
    add_output(parser, document="all that is known, an object a model")
    add_model_options(parser)


def _number(text: str) -> int:
    """A number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a number from 0")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Find the place, take the logit apart there, and write the chosen table."""
    from analysis.concepts.request import RANK
    from analysis.contributions.request import ContributionsRequest
    from analysis.contributions.tables import as_json
    from app.commands.forced import divergence_request
    from app.commands.output import say, write_table
    from app.commands.session import run_with_progress, session
    from app.config import load_settings

    _refuse_unused(options)
    asked = divergence_request(options, load_settings())
    # Finding components takes longer than all else.
    components = RANK if options.table == "neurons" or options.json else 0
    words = _words(asked.prompt, options)
    with session(options) as opened:
        read = run_with_progress(opened, asked)
        place = _chosen(read, options)
        side = 0 if options.side == "base" else 1
        token = read.choice(side, place)[0]
        rival = None if options.rival is None else _rival(read, place, 1 - side, options.rival)
        found = [
            run_with_progress(
                opened,
                ContributionsRequest(
                    model,
                    asked.prompt,
                    chat_template=asked.chat_template and name == "tuned",
                    response_ids=read.response_tokens.ids[:place],
                    token=token,
                    rival=rival,
                    neurons=options.neurons or 10,
                    components=components,
                ),
            )
            for name, model in (("base", asked.base), ("tuned", asked.tuned))
            if options.side in (name, "both")
        ]
    for each in found:
        say(*each.notes, _sentence(each))
    write_table(_table(found, words, options), options, lambda: as_json(found))
    return 0


def _refuse_unused(options: argparse.Namespace) -> None:
    """Raise ProblemError, ``input``, for an option without an effect on the chosen table."""
    from analysis.problems import problem

    tables = {"word": "words", "word_at": "words", "neurons": "neurons"}
    for name, table in tables.items():
        if getattr(options, name) is not None and options.table != table:
            option = name.replace("_", "-")
            remedy = f"Add --table {table}."
            raise problem("input", f"--{option} would change nothing here.", "", remedy)


def _chosen(read: Divergence, options: argparse.Namespace) -> int:
    """The place in the response; ProblemError if there is no such place."""
    from app.commands.forced import checked_place
    from app.commands.output import say

    if options.at is not None:
        return checked_place(read, options.at)
    if read.first is None:
        say(
            f"The models part nowhere on this response: place {read.largest} is taken, where they "
            "differ most."
        )
        return read.largest
    return read.first


def _rival(read: Divergence, place: int, other: int, named: str) -> int:
    """A token by how it is named: ``other``, its text or its id; ProblemError if none is meant."""
    from analysis.problems import problem

    if named == "other":
        return read.choice(other, place)[0]
    known = {
        int(token): read.texts[str(token)]
        for side in (1, 0)
        for token in read.choices[side, place].tolist()
    }
    exact = [token for token, text in known.items() if text == named]
    bare = [token for token, text in known.items() if text.strip() == named.strip()]
    if found := exact or bare:
        return found[0]
    if named.isdecimal():
        return int(named)
    raise problem(
        "input",
        f"The token {named!r} is not among those that either model prefers there.",
        f"They are {', '.join(map(repr, known.values()))}.",
        "Name one of them, or a token by its id.",
    )


def _words(prompt: str, options: argparse.Namespace) -> list[Span] | None:
    """The spans of the prompt word asked for; None for none."""
    from analysis.problems import problem
    from analysis.saliency.words import pieces

    spans = pieces(prompt)
    if options.word is not None:
        found = [span for span in spans if prompt[slice(*span)] == options.word]
        if not found:
            raise problem("input", f"The prompt has no word {options.word!r}.")
        return found
    if options.word_at is None:
        return None
    if options.word_at >= len(spans):
        raise problem(
            "input",
            f"The prompt has no word {options.word_at}.",
            f"It has {len(spans)}, from 0; marks count.",
        )
    return [spans[options.word_at]]


def _sentence(found: Contributions) -> str:
    """What was taken apart, and the largest parts."""
    what = f"logit({found.token_text!r})"
    if found.rival is not None:
        what += f" - logit({found.rival_text!r})"
    rows = sorted(found.direct.rows(), key=lambda row: -abs(row[2]))[:3]
    most = ", ".join(
        f"{part}{'' if layer is None else f' of layer {layer}'} {value:+.3g}"
        for layer, part, value in rows
    )
    return (
        f"{found.model}, place {found.position}: {what} = {found.logit:.4g} (log p "
        f"{found.log_p:.4g}); most by {most}; left over {found.left_over:.1e}."
    )


def _table(
    found: Sequence[Contributions], words: list[Span] | None, options: argparse.Namespace
) -> Table:
    from analysis.contributions import tables
    from app.commands.output import say

    if options.table == "neurons":
        return tables.neurons_table(found)
    if options.table == "words":
        if words is None:
            return tables.words_table(found)
        return tables.heads_table(found, words)
    if len(found) == 2:
        if tables.built_alike(*found):
            return tables.pair_table(*found)
        say("The models are built differently: their parts stand one below the other.")
    return tables.parts_table(found)
