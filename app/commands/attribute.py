"""``insttui attribute``: one model, one prompt, a CSV row per prompt and response token."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from app.commands.options import METHODS, add_csv, add_model_options, positive

if TYPE_CHECKING:
    from analysis.saliency.request import AttributionRequest, Method
    from analysis.saliency.result import Attribution
    from analysis.table import Cell, Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", required=True, metavar="REF", help="alias, hub id or folder; or a LoRA adapter"
    )
    parser.add_argument(
        "--base",
        metavar="REF",
        default=argparse.SUPPRESS,
        help="what an adapter stands on, instead of the model that it names",
    )
    prompt = parser.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", metavar="TEXT")
    prompt.add_argument(
        "--prompt-file",
        metavar="FILE",
        help="text in UTF-8, or in UTF-16 with its mark; - is standard input",
    )
    parser.add_argument(
        "--response", metavar="TEXT", help="explain this response instead of the model's own"
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
    add_csv(parser)
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="write the map with all that is known of it, in place of rows unless --csv names a "
        "file; - is standard output",
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
    from analysis.saliency.map import SaliencyMap
    from analysis.saliency.request import AttributionRequest
    from analysis.saliency.result import as_json
    from analysis.table import Table
    from app.commands import inputs
    from app.commands.attribute_curves import curves_of
    from app.commands.output import say, write_json, write_rows
    from app.commands.session import run_with_progress, session
    from app.config import load_settings

    _refuse_contradictions(options)
    settings = load_settings()
    model = inputs.model_choice(options.model, options, settings)
    if options.base:
        model = inputs.on_base(model, inputs.model_choice(options.base, options, settings))
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
    with session(options) as opened:
        attribution = run_with_progress(opened, request)
        other = run_with_progress(opened, _other(request, attribution, options.compare))
        if options.curves:
            found = {attribution.method: attribution, options.compare or attribution.method: other}
            judged = curves_of(opened, request, found, options.curves)
    if attribution.note:
        say(attribution.note)
    if attribution.faithfulness:
        say(f"agreement with deletion: {attribution.faithfulness.words()}")
    shown, compared = (
        SaliencyMap.from_attribution(each, include_special=options.include_special)
        for each in (attribution, other)
    )
    if options.json:
        write_json(as_json(attribution), options.json)
    # JSON replaces the rows unless a file is named for them.
    if not options.json or options.csv != "-":
        if options.curves:
            say(*judged.sentences())
            table = judged.table()
        elif options.compare:
            table = Agreement(shown, compared).table()
        else:
            table = shown.totals_table() if options.totals else shown.table()
        rows = _Counted(table)
        write_rows(Table(table.columns, rows), options.csv)
        if options.csv != "-":
            print(_summary(attribution, rows.count, options.csv), file=sys.stderr)
    return 0


def _refuse_contradictions(options: argparse.Namespace) -> None:
    if options.totals and (options.compare or options.method.startswith("occlusion")):
        from analysis.problems import problem

        raise problem(
            "input",
            "--totals sums up a gradient, and nothing else.",
            "There is no one pass for the sums of another map.",
            "Leave it out: the totals of a map are in its --json.",
        )


class _Counted:
    """The rows of a table, counting those read in the last pass."""

    def __init__(self, table: Table) -> None:
        self._table, self.count = table, 0

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        self.count = 0
        for row in self._table:
            self.count += 1
            yield row


def _summary(attribution: Attribution, rows: int, file: str) -> str:
    """The response and where its rows are, as harmless text."""
    from app.terminal.text import prose

    response = attribution.response or "".join(attribution.response_tokens.texts)
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
