"""``insttui attribute``: one model, one prompt, a CSV row per prompt and response token."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from app.commands.options import (
    METHODS,
    add_model,
    add_model_options,
    add_output,
    add_prompt,
    add_scoring,
    positive,
)

if TYPE_CHECKING:
    from analysis.models.tokens import Span
    from analysis.request import ModelChoice
    from analysis.saliency.gather import Written
    from analysis.saliency.map import SaliencyMap
    from analysis.saliency.request import AttributionRequest, Method
    from analysis.saliency.result import Attribution
    from analysis.session.drive import Answerer
    from analysis.table import Cell, Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_prompt(parser)
    response = parser.add_mutually_exclusive_group()
    response.add_argument(
        "--response", metavar="TEXT", help="explain this response instead of the model's own"
    )
    response.add_argument("--response-file", metavar="FILE", help="the response is in this file")
    response.add_argument(
        "--response-from", metavar="REF", help="another model writes the response, greedily"
    )
    response.add_argument(
        "--equal-length",
        metavar="REF",
        help="cut the model's own response to the number of tokens of another model's, if shorter",
    )
    parser.add_argument(
        "--other-chat-template",
        action="store_true",
        help="wrap the prompt of --response-from or --equal-length in that model's chat template",
    )
    parser.add_argument("--max-new-tokens", type=positive, default=300, metavar="N")
    parser.add_argument(
        "--chat-template", action="store_true", help="wrap the prompt in the model's chat template"
    )
    parser.add_argument(
        "--target", choices=("log_probability", "probability"), default="log_probability"
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="auto",
        help="auto takes the cheaper of forward and reverse, which give the same gradient; "
        "frozen-norms is one with the denominators of all norms held constant; "
        "occlusion deletes each token, or makes its embedding zero",
    )
    parser.add_argument(
        "--compare",
        choices=(*METHODS[1:], "float32"),
        help="compute this too, and write how far the two agree instead of the map",
    )
    parser.add_argument(
        "--curves",
        type=positive,
        nargs="?",
        const=10,
        metavar="STEPS",
        help="write the response's log-probability while tokens are deleted, and inserted, the "
        "heaviest first, instead of the map; in 10 steps unless told",
    )
    parser.add_argument(
        "--memory",
        type=_size,
        metavar="SIZE",
        help="what the passes may take beside the weights, such as 2G; a share of what is free",
    )
    parser.add_argument(
        "--include-special",
        action="store_true",
        help="let BOS and template tokens count in the score",
    )
    parser.add_argument(
        "--totals",
        action="store_true",
        help="only what each prompt token weighs for the whole response: one backward pass",
    )
    parser.add_argument(
        "--table",
        choices=("map", "tokens", "case"),
        default="map",
        help="rows of what: every pair of tokens; every prompt token with total and density; one "
        "row with the instruction score and all that it depends on",
    )
    parser.add_argument(
        "--instruction",
        action="append",
        metavar="TEXT",
        help="a part of the prompt that is an instruction; may be repeated; default: guessed",
    )
    add_scoring(parser)
    add_output(
        parser,
        document="the map with all that is known of it, or a list with an object a row of what "
        "--table, --compare and --curves ask",
    )
    add_model_options(parser)


def _size(text: str) -> int:
    """Bytes from a number with an optional K, M, G or T, powers of 1024."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError("must be a size such as 2G or 500M")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def run(options: argparse.Namespace) -> int:
    from analysis.saliency.agreement import Agreement
    from analysis.saliency.gather import given_response
    from analysis.saliency.map import SaliencyMap
    from analysis.saliency.request import AttributionRequest
    from analysis.saliency.result import as_json
    from analysis.table import Table
    from app.commands import inputs
    from app.commands.attribute_checks import refuse_contradictions
    from app.commands.attribute_curves import curves_of
    from app.commands.output import say, write_table
    from app.commands.session import run_with_progress, session
    from app.config import load_settings

    refuse_contradictions(options)
    settings = load_settings()
    model = inputs.one_model(options, settings)
    scoring = inputs.scoring_of(options)
    request = AttributionRequest(
        model=model,
        prompt=inputs.prompt_of(options),
        chat_template=options.chat_template,
        response=inputs.response_of(options),
        max_new_tokens=options.max_new_tokens,
        method=_method(options.method),
        target=options.target,
        memory_budget=options.memory,
        totals_only=options.totals,
    )
    instructions = _instructions(request.prompt, options.instruction)
    with session(options) as opened:
        longest = None
        if named := options.response_from or options.equal_length:
            other = inputs.model_choice(named, options, settings)
            written = _written_by(opened, request, other, options)
            if options.response_from:
                request = given_response(request, written)
            else:
                longest = len(written.ids or ())
        attribution = run_with_progress(opened, request)
        second = run_with_progress(opened, _other(request, attribution, options.compare))
        if options.curves:
            found = {attribution.method: attribution, options.compare or attribution.method: second}
            judged = curves_of(opened, request, found, options.curves)
    if attribution.note:
        say(attribution.note)
    shown, compared = (
        SaliencyMap.from_attribution(each, include_special=options.include_special, scoring=scoring)
        for each in (attribution, second)
    )
    if longest is not None:
        shown = shown.beginning(longest)
    if scoring.skip_unmoved and not shown.moves_exact:
        say(
            "Unmoved response tokens are those of a linearisation, which sees little where a model "
            "is sure of a token; --method occlusion measures them."
        )
    document = None
    if options.curves:
        say(*judged.sentences())
        table = judged.table()
    elif options.compare:
        table = Agreement(shown, compared).table()
    else:
        table = _table(shown, attribution, instructions, options)
        if options.table == "map":
            document = partial(as_json, attribution)
    rows = _Counted(table)
    write_table(Table(table.columns, rows), options, document)
    if _written(options):
        response = "" if longest is not None else attribution.response
        response = response or "".join(shown.response_tokens.texts)
        print(_summary(response, rows.count, _written(options)), file=sys.stderr)
    # Rows in a pipe are for a program: it asks for --json, or for --table case.
    whole = len(shown.response_tokens) == len(attribution.response_tokens)
    if whole and attribution.faithfulness and (_written(options) or sys.stdout.isatty()):
        say(f"agreement with deletion: {attribution.faithfulness.words()}")
    return 0


def _written_by(
    opened: Answerer, request: AttributionRequest, other: ModelChoice, options: argparse.Namespace
) -> Written:
    """Another model's own response to the prompt, stored or written now."""
    from msgspec.structs import replace

    from analysis.saliency.gather import Written
    from app.commands.session import run_with_progress

    own = replace(request, model=other, chat_template=options.other_chat_template)
    answer = opened.cached(own)
    if answer is None:
        # The cheapest answer that has a response.
        answer = run_with_progress(opened, replace(own, method="auto", totals_only=True))
    return Written.of(answer, other)


def _instructions(prompt: str, pieces: list[str] | None) -> tuple[Span, ...] | None:
    """The spans of the instructions named; None if none is."""
    from analysis.problems import problem
    from analysis.saliency.cases.instructions import located

    if not pieces:
        return None
    try:
        return located(prompt, pieces)
    except KeyError as error:
        raise problem(
            "input",
            f"The instruction {error.args[0]!r} does not occur in the prompt.",
            "",
            "Give a part of the prompt as it is written there.",
        ) from None


def _table(
    shown: SaliencyMap,
    attribution: Attribution,
    instructions: tuple[Span, ...] | None,
    options: argparse.Namespace,
) -> Table:
    from analysis.saliency.case_tables import ToldCase, case_table, tokens_table
    from analysis.saliency.cases.instructions import guess_instructions, instruction_mask

    if options.table == "map":
        return shown.totals_table() if options.totals else shown.table()
    guessed = instructions is None
    spans = guess_instructions(attribution.prompt) if instructions is None else instructions
    told = ToldCase(
        shown,
        instruction_mask(shown.prompt_tokens, spans),
        guessed,
        attribution,
        options.response_from or ("given" if attribution.ended == "given" else ""),
    )
    return tokens_table([told]) if options.table == "tokens" else case_table([told])


class _Counted:
    """The rows of a table, counting those read in the last pass."""

    def __init__(self, table: Table) -> None:
        self._table, self.count = table, 0

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        self.count = 0
        for row in self._table:
            self.count += 1
            yield row


def _written(options: argparse.Namespace) -> str:
    """The file that has the rows; "" where standard output has what was asked."""
    return options.csv if options.csv != "-" else options.parquet or ""


def _summary(response: str, rows: int, file: str) -> str:
    """The response and where its rows are, as harmless text."""
    from app.terminal.text import prose

    words = f"The response: {prose(response)}" if response else "The response is empty."
    return f"{words}\n{rows:,} row{'' if rows == 1 else 's'} in {prose(file)}"


def _method(name: str) -> Method:
    return cast("Method", name.replace("-", "_"))


def _other(
    request: AttributionRequest, answered: Attribution, compare: str | None
) -> AttributionRequest:
    """The request to compare with: the same response, explained in another way."""
    if compare is None:
        return request
    import msgspec

    request = msgspec.structs.replace(request, response_ids=answered.response_tokens.ids)
    if compare == "float32":
        model = msgspec.structs.replace(request.model, dtype="float32")
        return msgspec.structs.replace(request, model=model)
    return msgspec.structs.replace(request, method=_method(compare))
