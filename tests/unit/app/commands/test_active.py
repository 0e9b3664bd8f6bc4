"""``insttui active`` on the demo pair: its rows, and options that would change nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from analysis.activity import tables
from analysis.activity.request import HeadActivityRequest, NeuronActivityRequest
from analysis.engine.pool import ModelPool
from analysis.neurons.instructions import demo_instructions
from analysis.saliency.cases.prompt_sets import demo_prompts
from app.cli import main
from tests.support.engine_here import SessionHere

STORE: dict[str, Any] = {}
MODELS = ModelPool()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> SessionHere:
    """What answers in place of the engine."""
    here = SessionHere(MODELS, STORE)

    @contextmanager
    def session(_options: object) -> Iterator[SessionHere]:
        yield here

    monkeypatch.setattr("app.commands.session.session", session)
    return here


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A set of few prompts."""
    path = tmp_path / "prompts.jsonl"
    texts = ("Name the capital of India.", "India has a capital. Name it.", "Name a fruit.")
    lines = (json.dumps({"id": f"p{n}", "prompt": text}) for n, text in enumerate(texts))
    path.write_text("\n".join(lines))
    return path


def rows(tmp_path: Path, *arguments: str) -> list[dict[str, str]]:
    path = tmp_path / "rows.csv"
    assert main(["active", *arguments, "--csv", str(path)]) == 0
    with path.open(newline="") as found:
        return list(csv.DictReader(found))


def test_a_neuron_s_prompts_of_both_models_by_falling_size(
    asked: SessionHere, file: Path, tmp_path: Path
) -> None:
    given = ("--layer", "2", "--neuron", "5", "--prompts", str(file))
    document = tmp_path / "all.json"
    found = rows(tmp_path, *given, "--json", str(document))
    assert tuple(found[0]) == tables.COLUMNS
    assert [each["model"] for each in found] == ["demo-base"] * 3 + ["demo-tuned"] * 3
    assert [each["rank"] for each in found] == ["1", "2", "3"] * 2
    for side in (found[:3], found[3:]):
        sizes = [abs(float(each["value"])) for each in side]
        assert sizes == sorted(sizes, reverse=True)
        assert {each["id"] for each in side} == {"p0", "p1", "p2"}
        assert all(each["token"].strip() in each["prompt"] for each in side)
    records = json.loads(document.read_text())
    assert [row["value"] for each in records for row in each["top"]] == [
        float(each["value"]) for each in found
    ]
    assert [each["read"] for each in records] == [3, 3]
    short = rows(tmp_path, *given, "--side", "tuned", "--top", "1")
    assert short == [found[3]]
    requests = [each for each in asked.computed if isinstance(each, NeuronActivityRequest)]
    assert {each.top for each in requests} == {20, 1}


def test_a_head_s_word_pair_keeps_prompts_with_both_words(
    asked: SessionHere, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--layer", "1", "--head", "3", "--prompts", str(file))
    found = rows(tmp_path, *given, "--pair", "india=Capital", "--side", "tuned")
    assert tuple(found[0]) == tables.HEAD_COLUMNS
    assert {each["id"] for each in found} == {"p0", "p1"}
    for each in found:
        first, second = each["attended_token"].strip(), each["token"].strip()
        earlier, later = ("capital", "India") if each["id"] == "p0" else ("India", "capital")
        assert first in earlier
        assert later.endswith(second)
    assert all(int(each["attended_position"]) < int(each["position"]) for each in found)
    assert "1 of 3 prompts have not both words" in capsys.readouterr().err
    anywhere = rows(tmp_path, *given, "--side", "tuned")
    assert {each["id"] for each in anywhere} == {"p0", "p1", "p2"}
    best = {each["id"]: float(each["value"]) for each in anywhere}
    assert all(float(each["value"]) <= best[each["id"]] for each in found)
    assert [each.pair for each in asked.computed if isinstance(each, HeadActivityRequest)] == [
        ("india", "Capital"),
        None,
    ]


def test_whose_prompts_are_read(
    asked: SessionHere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []

    def refuse(_session: object, request: Any) -> Any:
        read.append(request)
        raise SystemExit(3)

    monkeypatch.setattr("app.commands.session.run_with_progress", refuse)
    for given, wanted in (
        ([], [each.prompt for each in demo_instructions().instructions]),
        (["--prompts", "demo"], [each.prompt for each in demo_prompts().prompts]),
    ):
        with pytest.raises(SystemExit):
            main(["active", "--layer", "0", "--neuron", "1", *given])
        assert list(read[-1].prompts) == wanted


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--neuron", "1", "--pair", "a=b"], "--pair would change nothing here"),
        (["--head", "1", "--expert", "0"], "--expert would change nothing here"),
        (["--neuron", "1", "--side", "base", "--chat-template"], "--chat-template would change"),
        (["--head", "99"], "There is no head 99"),
        (["--neuron", "1", "--prompts", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], why: str, asked: SessionHere, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["active", "--layer", "0", *arguments]) != 0
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--head", "1", "--pair", "a"], "must be two words"),
        (["--head", "1", "--neuron", "1"], "not allowed with"),
        ([], "one of the arguments"),
        (["--neuron", "-1"], "must be a number from 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["active", "--layer", "0", *arguments])
    assert why in capsys.readouterr().err
