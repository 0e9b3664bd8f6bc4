"""``insttui contributions`` on the demo pair: its tables, and options that would change nothing."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from analysis.contributions import tables
from analysis.contributions.request import ContributionsRequest
from analysis.divergence.request import DivergenceRequest
from analysis.engine.pool import ModelPool
from app.cli import main
from tests.support.engine_here import SessionHere

PROMPT = "Name the capital of India, please."
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


def rows(tmp_path: Path, *arguments: str) -> list[dict[str, str]]:
    path = tmp_path / "rows.csv"
    short = ("--prompt", PROMPT, "--max-new-tokens", "6")
    assert main(["contributions", *short, *arguments, "--csv", str(path)]) == 0
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read(asked: SessionHere) -> Any:
    """Where the models part."""
    key = next(name for name in STORE if type(STORE[name]).__name__ == "Divergence")
    return STORE[key]


def test_both_models_stand_beside_each_other_where_they_first_part(
    asked: SessionHere, tmp_path: Path
) -> None:
    both = rows(tmp_path)
    parted = read(asked)
    place = parted.largest if parted.first is None else parted.first
    requests = [each for each in asked.computed if isinstance(each, ContributionsRequest)]
    assert [each.token for each in requests] == [parted.choice(1, place)[0]] * 2
    assert {each.response_ids for each in requests} == {parted.response_tokens.ids[:place]}
    assert {each.components for each in requests} == {0}
    assert tuple(both[0]) == tables.PAIR_COLUMNS
    for side in ("base", "tuned"):
        alone = rows(tmp_path, "--side", side, "--rival", "other")
        assert tuple(alone[0]) == tables.PART_COLUMNS
        assert [each["part"] for each in alone] == [each["part"] for each in both]
    found = asked.cached(requests[1])
    assert sum(float(each["contribution_tuned"]) for each in both) == pytest.approx(found.logit)
    centred = sum(float(each["centred_tuned"]) for each in both)
    assert centred == pytest.approx(found.log_p + found.entropy, abs=1e-4)


def test_words_of_a_head_add_up_to_it_and_a_word_ranks_heads(
    asked: SessionHere, tmp_path: Path
) -> None:
    given = ("--side", "tuned", "--at", "1")
    heads = {
        (each["layer"], each["part"].removeprefix("head ")): float(each["contribution"])
        for each in rows(tmp_path, *given)
        if each["part"].startswith("head ")
    }
    every = rows(tmp_path, *given, "--table", "words")
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for each in every:
        sums[each["layer"], each["head"]] += float(each["contribution"])
    assert sums == pytest.approx(heads, abs=1e-5)
    word = rows(tmp_path, *given, "--table", "words", "--word", "capital")
    assert rows(tmp_path, *given, "--table", "words", "--word-at", "2") == word
    of_word: dict[tuple[str, str], float] = defaultdict(float)
    for each in every:
        if each["token"].strip() and each["token"].strip() in "capital":
            of_word[each["layer"], each["head"]] += float(each["contribution"])
    told = {(each["layer"], each["head"]): float(each["contribution"]) for each in word}
    assert told == pytest.approx(of_word, abs=1e-5)
    sizes = [abs(each) for each in told.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_neurons_and_json(asked: SessionHere, tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    given = ("--table", "neurons", "--neurons", "3", "--side", "tuned", "--at", "0")
    found = rows(tmp_path, *given, "--json", str(file))
    assert tuple(found[0]) == tables.NEURON_COLUMNS
    (record,) = json.loads(file.read_text())
    assert len(found) == 3 * 8 == len(record["neurons"])
    assert [each["neuron"] for each in found] == [str(each["neuron"]) for each in record["neurons"]]
    assert all(0 < abs(float(each["cosine"])) <= 1 for each in found)
    assert sum(each["contribution"] for each in record["parts"]) == pytest.approx(record["logit"])
    assert abs(record["left_over"]) < 1e-4


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--word", "capital"], "--word would change nothing here. Add --table words"),
        (["--neurons", "3"], "--neurons would change nothing here. Add --table neurons"),
        (["--table", "words", "--word", "Paris"], "The prompt has no word 'Paris'"),
        (["--table", "words", "--word-at", "99"], "The prompt has no word 99. It has 8"),
        (["--at", "99"], "There is no place 99 in the response"),
        (["--rival", "no such token"], "is not among those that either model prefers there"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], why: str, asked: SessionHere, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["--prompt", PROMPT, "--max-new-tokens", "6"]
    assert main(["contributions", *short, *arguments]) != 0
    assert why in capsys.readouterr().err
    if "--word" in arguments:
        assert not any(isinstance(each, DivergenceRequest) for each in asked.computed)
