"""``insttui thinking``: what prompt and thinking weigh for a reasoning model's answer, as CSV."""

from __future__ import annotations

import argparse

from app.commands.options import add_model, add_model_options, add_output, add_prompt, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_prompt(parser)
    response = parser.add_mutually_exclusive_group()
    response.add_argument(
        "--response", metavar="TEXT", help="explain this response, marks included, not the model's"
    )
    response.add_argument("--response-file", metavar="FILE", help="the response is in this file")
    parser.add_argument("--max-new-tokens", type=positive, default=2000, metavar="N")
    parser.add_argument(
        "--chat-template", action="store_true", help="wrap the prompt in the model's chat template"
    )
    parser.add_argument(
        "--method",
        choices=("frozen-norms", "gradient"),
        default="frozen-norms",
        help="the gradient that is summed, with the denominators of all norms held or plain",
    )
    parser.add_argument(
        "--table",
        choices=("segments", "tokens"),
        default="segments",
        help="rows of what: prompt and thinking as wholes; every token of prompt and response",
    )
    add_output(parser, document="segments and tokens with all that is known of them")
    add_model_options(parser)


def run(options: argparse.Namespace) -> int:
    """Have the model answer, tell its thinking from the answer, and write what weighs for what."""
    from analysis.saliency.request import AttributionRequest, SegmentsRequest
    from analysis.saliency.segments import as_json
    from app.commands import inputs
    from app.commands.output import say, write_table
    from app.commands.session import run_with_progress, session
    from app.config import load_settings

    settings = load_settings()
    model = inputs.one_model(options, settings)
    asked = AttributionRequest(
        model,
        inputs.prompt_of(options),
        chat_template=options.chat_template,
        response=inputs.response_of(options),
        max_new_tokens=options.max_new_tokens,
        totals_only=True,
    )
    with session(options) as opened:
        answer = run_with_progress(opened, asked)
        request = SegmentsRequest(
            model,
            asked.prompt,
            answer.response_tokens.ids,
            chat_template=asked.chat_template,
            method=options.method.replace("-", "_"),
        )
        found = run_with_progress(opened, request)
    if answer.ended == "length":
        say("The response was cut at --max-new-tokens.")
    say(*found.notes, found.sentence())
    table = found.table() if options.table == "segments" else found.tokens_table()
    write_table(table, options, lambda: as_json(found))
    return 0
