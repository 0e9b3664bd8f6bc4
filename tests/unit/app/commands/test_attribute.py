"""What ``insttui attribute`` says beside the rows it writes."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from functools import partial
from types import SimpleNamespace
from typing import get_args

import pytest

from analysis.problems import ProblemError
from analysis.saliency.request import AttributionRequest, Method
from app.commands import attribute, session
from app.commands.options import METHODS
from app.commands.parser import parser
from tests.support.scripted_session import RESPONSES, attribution

RESPONSE = "Paris\x1b[2J, of course."


@pytest.fixture
def asked(monkeypatch):
    """What is asked of the model, which answers."""
    requests = []

    def answer(_session, request):
        assert isinstance(request, AttributionRequest)
        requests.append(request)
        return attribution(request)

    opened = SimpleNamespace(cached=lambda request: None)
    monkeypatch.setattr(session, "session", lambda _: contextlib.nullcontext(opened))
    monkeypatch.setattr(session, "run_with_progress", answer)
    return requests


def command(*arguments):
    return attribute.run(parser().parse_args(["attribute", "--model", "demo-tuned", *arguments]))


@pytest.fixture
def run(asked):
    return partial(command, "--prompt", "Name a city.")


def test_it_says_what_was_answered_and_how_many_rows_are_where(run, tmp_path, capsys):
    file = tmp_path / "map.csv"
    assert run("--response", RESPONSE, "--csv", str(file)) == 0
    said = capsys.readouterr()
    with file.open(newline="") as stream:
        rows = len(list(csv.reader(stream))) - 1
    assert said.out == ""
    assert "Paris" in said.err
    assert "\x1b" not in said.err
    assert said.err.endswith(f"{rows:,} rows in {file}\n")


def test_rows_on_standard_output_are_all_there_is(run, capsys):
    run("--csv", "-")
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("model,prompt_index,")


@pytest.mark.parametrize("origin", ["file", "standard input"])
@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfName a city.\nNow.",
        b"\xff\xfe" + "Name a city.\nNow.".encode("utf-16-le"),
        b"\xef\xbb\xbfName a city.\r\nNow.",
        b"\xff\xfe" + "Name a city.\r\nNow.".encode("utf-16-le"),
    ],
)
def test_a_prompt_is_the_text_however_it_was_saved(prompt_of, content, origin, capsys):
    assert prompt_of(content, origin) == "Name a city.\nNow."
    said = "has the line ends of Windows" in capsys.readouterr().err
    assert said == (b"\r" in content)


@pytest.mark.parametrize("text", ["\r\n, \r and\n stay", "a\rb", "a\n\ufeffb", " \t\n"])
def test_a_prompt_of_mixed_line_ends_and_odd_characters_stays_as_it_is(prompt_of, text, capsys):
    assert prompt_of(text.encode(), "file") == text
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("Name".encode("utf-16-le"), "zero bytes, as UTF-16 has that is not marked"),
        (b"\xff\xfeodd", "is not UTF-8 text. Byte 2 is 0x64."),
    ],
)
def test_what_is_no_text_is_no_prompt(prompt_of, content, why):
    with pytest.raises(ProblemError, match=why) as raised:
        prompt_of(content, "file")
    assert raised.value.problem.kind == "input"


@pytest.fixture
def prompt_of(asked, monkeypatch, tmp_path):
    """What is asked of the model where the prompt has this content."""

    def prompt(content: bytes, origin: str) -> str:
        file = tmp_path / "prompt.txt"
        file.write_bytes(content)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        command("--prompt-file", "-" if origin == "standard input" else str(file))
        return asked[0].prompt

    return prompt


def test_json_says_all_that_is_known_of_a_map(run, tmp_path, capsys):
    file = tmp_path / "map.json"
    assert run("--response", RESPONSE, "--json", str(file)) == 0
    assert capsys.readouterr().out == ""
    said = json.loads(file.read_text(encoding="utf-8"))
    assert "".join(token["text"] for token in said["response_tokens"]) == RESPONSE
    assert said["largest_difference"] == 1.5e-6
    rows, columns = len(said["prompt_tokens"]), len(said["response_tokens"])
    assert [len(row) for row in said["importance"]] == [columns] * rows
    sums = [sum(row) for row in said["importance"]]
    assert said["totals"] == pytest.approx(sums, abs=1e-5)


def test_json_takes_the_place_of_rows_that_nobody_asked_for(run, tmp_path, capsys):
    run("--json", "-")
    assert json.loads(capsys.readouterr().out)["model"] == "demo-tuned"
    run("--json", str(tmp_path / "map.json"), "--csv", str(tmp_path / "map.csv"))
    assert (tmp_path / "map.csv").read_text().startswith("model,prompt_index,")


def test_totals_are_a_row_a_prompt_token(run, capsys):
    run("--totals")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert "".join(row["prompt_token"] for row in rows) == "Name a city."
    assert list(rows[0]) == ["model", "prompt_index", "prompt_token", "total"]
    run("--json", "-")
    whole = json.loads(capsys.readouterr().out)
    assert [float(row["total"]) for row in rows] == [
        whole["totals"][int(row["prompt_index"])] for row in rows
    ]


def test_every_method_can_be_asked_for_by_its_name(run, asked):
    assert tuple(each.replace("-", "_") for each in METHODS) == get_args(Method)
    run("--method", "frozen-norms", "--totals")
    run("--method", "occlusion", "--compare", "frozen-norms")
    assert [(each.method, each.totals_only) for each in (asked[0], *asked[-2:])] == [
        ("frozen_norms", True),
        ("occlusion", False),
        ("frozen_norms", False),
    ]


@pytest.mark.parametrize("more", [["--compare", "occlusion"], ["--method", "occlusion-zeroed"]])
def test_only_a_gradient_has_totals_of_its_own(run, more):
    with pytest.raises(ProblemError, match="sums up a gradient"):
        run("--totals", *more)


def read(capsys):
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_another_model_writes_the_response_and_this_one_explains_it(run, asked, capsys):
    run("--response-from", "demo-base", "--other-chat-template")
    writing, explaining, _ = asked
    assert (writing.model.name, writing.chat_template, writing.totals_only) == (
        "demo-base",
        True,
        True,
    )
    assert (explaining.model.name, explaining.chat_template) == ("demo-tuned", False)
    assert explaining.written_by == writing.model
    assert explaining.response == RESPONSES["demo-base"]
    assert explaining.response_ids == tuple(range(16))
    assert {row["response_index"] for row in read(capsys)} == {str(m) for m in range(16)}


def test_the_own_response_is_cut_to_another_model_s_length(asked, capsys):
    attribute.run(
        parser().parse_args(
            [
                *("attribute", "--model", "demo-base", "--prompt", "Name a city."),
                *("--equal-length", "demo-tuned", "--table", "case"),
            ]
        )
    )
    (row,) = read(capsys)
    # What was known of the whole response is not said of its beginning.
    assert (row["response_tokens"], row["ended"]) == ("2", "cut")
    assert asked[1].response_ids is None


def test_a_response_may_be_in_a_file(run, asked, tmp_path, capsys):
    file = tmp_path / "response.txt"
    file.write_bytes("\ufeffPåris.\r\nNow.".encode())
    run("--response-file", str(file))
    assert asked[0].response == "Påris.\nNow."
    assert "The response in" in capsys.readouterr().err
    with pytest.raises(ProblemError, match=r"response file .* cannot be read"):
        run("--response-file", str(tmp_path / "none"))


def test_a_row_a_prompt_token_and_a_row_for_the_case(run, capsys):
    """The case's score follows from the tokens' densities."""
    marked = ("--instruction", "Name", "--instruction", "city")
    run("--table", "tokens", *marked)
    tokens = read(capsys)
    assert [row["prompt_token"] for row in tokens if row["instruction"] == "True"] == [
        "Name",
        " city.",
    ]
    assert all(row["density"] == "" for row in tokens if row["special"] == "True")
    run("--table", "case", *marked)
    (case,) = read(capsys)
    densities = [float(row["density"]) for row in tokens if row["instruction"] == "True"]
    assert float(case["instruction_score"]) == pytest.approx(sum(densities) / 2)
    assert (case["instructions"], case["instruction_tokens"]) == ("marked", "2")
    assert (case["response_by"], case["ended"]) == ("demo-tuned", "end")
    run("--json", "-")
    whole = json.loads(capsys.readouterr().out)
    assert [float(row["total"]) for row in tokens] == whole["totals"]


@pytest.mark.parametrize("table", ["tokens", "case"])
def test_rows_that_are_no_map_s_are_the_same_as_json(run, capsys, table):
    run("--table", table)
    rows = read(capsys)
    run("--table", table, "--json", "-")
    found = json.loads(capsys.readouterr().out)
    assert [
        {name: "" if cell is None else str(cell) for name, cell in each.items()} for each in found
    ] == rows


def test_the_numbers_of_scores_are_options(run, capsys):
    run("--table", "case", "--levels", "20", "--floor", "3", "--norm", "2", "--min-move", "0.5")
    (case,) = read(capsys)
    assert [case[each] for each in ("levels", "floor", "norm", "min_move")] == [
        *("20", "3", "2.0", "0.5")
    ]
    run("--levels", "20")
    assert max(int(row["score"]) for row in read(capsys)) == 20


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--table", "case", "--instruction", "Sing"), "does not occur in the prompt"),
        (("--table", "case", "--totals"), "cannot be written together"),
        (("--equal-length", "demo-base", "--json", "-"), "cannot be written together"),
        (("--other-chat-template",), "would change nothing"),
        (("--equal-length", "demo-base", "--curves"), "cannot be written together"),
        (("--table", "case", "--curves"), "cannot be written together"),
        (("--compare", "occlusion", "--method", "occlusion"), "the map's own method"),
        (("--skip-unmoved",), "--skip-unmoved would change nothing"),
        (("--table", "case", "--instruction", ""), "does not occur in the prompt"),
        (("--table", "case", "--floor", "10"), "The floor must be 0 to 9"),
    ],
)
def test_what_cannot_be_written_is_refused(run, more, why):
    with pytest.raises(ProblemError, match=why):
        run(*more)
