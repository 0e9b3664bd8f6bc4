"""``insttui attribute``: one model, one prompt, a CSV row per prompt and response token."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

from analysis.problems import problem
from analysis.saliency.agreement import Agreement
from analysis.saliency.json import as_json
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest, Method
from analysis.saliency.result import Attribution
from analysis.table import Cell, Table
from analysis.text_files import utf8
from app.commands import model_options, storage
from app.commands.output import write_json, write_rows
from app.commands.progress import run_with_progress
from app.config import load_settings
from app.terminal.text import prose


def run(options: Namespace) -> int:
    """Answer the request and write its table."""
    _refuse_contradictions(options)
    settings = load_settings()
    request = AttributionRequest(
        model=model_options.model_choice(options.model, options, settings),
        prompt=_prompt(options),
        chat_template=options.chat_template,
        response=_response(options),
        max_new_tokens=options.max_new_tokens,
        method=_method(options.method),
        target=options.target,
        memory_budget=options.memory,
        totals_only=options.totals,
    )
    with storage.session(options) as session:
        attribution = run_with_progress(session, request)
        other = run_with_progress(session, _other(request, attribution, options.compare))
    if attribution.note:
        _say(attribution.note)
    shown, compared = (
        SaliencyMap.from_attribution(each, include_special=options.include_special)
        for each in (attribution, other)
    )
    if options.json:
        write_json(as_json(attribution), options.json)
    # JSON takes the place of rows that nobody asked for.
    if not options.json or options.csv != "-":
        table = Agreement(shown, compared).table() if options.compare else _table(shown, options)
        rows = _Counted(table)
        write_rows(Table(table.columns, rows), options.csv)
        if options.csv != "-":
            print(_summary(attribution, rows.count, options.csv), file=sys.stderr)
    return 0


def _table(shown: SaliencyMap, options: Namespace) -> Table:
    return shown.totals_table() if options.totals else shown.table()


def _refuse_contradictions(options: Namespace) -> None:
    if options.totals and (options.compare or options.method.startswith("occlusion")):
        raise problem(
            "input",
            "--totals sums up a gradient, and nothing else.",
            "There is no one pass for the sums of another map.",
            "Leave it out: the totals of a map are in its --json.",
        )


def _say(note: str) -> None:
    print(f"insttui: {prose(note)}", file=sys.stderr)


@dataclass
class _Counted:
    """The rows of a table, and how many were read last."""

    table: Table
    count: int = 0

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        """Every row."""
        self.count = 0
        for row in self.table:
            self.count += 1
            yield row


def _summary(attribution: Attribution, rows: int, file: str) -> str:
    """What was explained and where its rows are, harmlessly."""
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
    request = msgspec.structs.replace(request, response_ids=answered.response_tokens.ids)
    if compare == "float32":
        model = msgspec.structs.replace(request.model, dtype="float32")
        return msgspec.structs.replace(request, model=model)
    return msgspec.structs.replace(request, method=_method(compare))


def _prompt(options: Namespace) -> str:
    if options.prompt is not None:
        return _whole_characters(options.prompt, "The prompt")
    if options.prompt_file == "-":
        return _decoded(sys.stdin.buffer.read(), "standard input")
    try:
        data = Path(options.prompt_file).read_bytes()
    except OSError as error:
        raise problem(
            "input", f"The prompt file {options.prompt_file} cannot be read.", f"{error.strerror}."
        ) from None
    return _decoded(data, options.prompt_file)


def _response(options: Namespace) -> str | None:
    if options.response is None:
        return None
    return _whole_characters(options.response, "The response")


def _decoded(data: bytes, origin: str) -> str:
    """The text of a prompt, with the line ends of Windows as newlines where it has no others."""
    try:
        text = utf8(data).decode()
    except UnicodeDecodeError as error:
        raise problem(
            "input",
            f"The prompt in {origin} is not UTF-8 text.",
            f"Byte {error.start} is 0x{error.object[error.start]:02x}.",
            "Convert it first, for example with iconv.",
        ) from None
    if "\0" in text:
        raise problem(
            "input",
            f"The prompt in {origin} is no text.",
            "It has zero bytes, as UTF-16 has that is not marked.",
            "Save it as UTF-8.",
        )
    ends = text.count("\r\n")
    if ends and ends == text.count("\n") == text.count("\r"):
        _say(f"The prompt in {origin} has the line ends of Windows: they count as newlines.")
        return text.replace("\r\n", "\n")
    return text


def _whole_characters(text: str, what: str) -> str:
    """The text, refused if the shell passed bytes that are no UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise problem(
            "input", f"{what} is not UTF-8 text.", "", "Pass it in a UTF-8 file instead."
        ) from None
    return text
