"""``insttui patch`` on two small models: its position, its rows, and what it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analysis.divergence.request import DivergenceRequest
from analysis.engine.pool import ModelPool
from analysis.patching.request import PatchingRequest
from analysis.patching.tables import COLUMNS
from analysis.request import Pair
from app.cli import main
from tests.support.engine_here import SessionHere
from tests.support.pairs import pair_of

PROMPT = ("--prompt", "Hello world, how")


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Pair:
    return pair_of(tmp_path_factory.mktemp("pair"), "llama")


@pytest.fixture(scope="module")
def here() -> SessionHere:
    return SessionHere(ModelPool(), {})


@pytest.fixture
def asked(here: SessionHere, monkeypatch: pytest.MonkeyPatch) -> SessionHere:
    """Answers in this process."""

    @contextmanager
    def session(_options: object) -> Iterator[SessionHere]:
        yield here

    here.computed.clear()
    monkeypatch.setattr("app.commands.session.session", session)
    return here


def command(pair: Pair, *arguments: str) -> int:
    models = ("--base", pair[0].location, "--tuned", pair[1].location, "--device", "cpu")
    return main(["patch", *models, *PROMPT, "--max-new-tokens", "6", *arguments])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_first_divergence_is_patched_in_both_directions(
    pair: Pair, asked: SessionHere, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    assert command(pair, "--csv", str(file)) == 0
    found = rows_of(file)
    assert tuple(found[0]) == COLUMNS
    ways = ("base into tuned", "tuned into base")
    points = ["none", "embeddings", "after layer 0", "after layer 1", "all"]
    assert [(row["direction"], row["place"]) for row in found] == [
        (way, point) for way in ways for point in points
    ]
    assert [row["layer"] for row in found[:5]] == ["", "0", "1", "2", ""]
    # Where nothing is replaced a model is itself; where all is, the other one.
    for one, other in ((found[0], found[9]), (found[5], found[4])):
        numbers = ("logit_difference", "log_p_base_token", "log_p_tuned_token", "top_token")
        assert [one[name] for name in numbers] == [other[name] for name in numbers]
    tuned, base = (float(found[row]["logit_difference"]) for row in (0, 5))
    assert base < 0 < tuned
    for row in found:
        own, donor = (tuned, base) if row["direction"] == ways[0] else (base, tuned)
        share = (float(row["logit_difference"]) - own) / (donor - own)
        assert float(row["carried"]) == pytest.approx(share, abs=1e-5)
    divergence, patching = asked.computed
    assert isinstance(divergence, DivergenceRequest)
    assert isinstance(patching, PatchingRequest)
    parted = asked.cached(divergence)
    assert patching.response_ids == parted.response_tokens.ids[: parted.first]
    assert patching.tokens == tuple(parted.choices[:, parted.first, 0])
    said = capsys.readouterr().err
    assert f"The choice is of token {parted.first}" in said
    assert "the largest step" in said


def test_every_part_is_a_table_and_json_has_all_that_is_known(
    pair: Pair, asked: SessionHere, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, table = tmp_path / "all.json", tmp_path / "all.csv"
    assert command(pair, "--part", "all", "--json", str(file), "--csv", str(table)) == 0
    records = json.loads(file.read_text(encoding="utf-8"))
    assert [each["part"] for each in records] == ["stream", "attention", "feed_forward"]
    rows = rows_of(table)
    told = [row for each in records for row in each["runs"]]
    assert len(rows) == len(told) == 10 + 2 * 6
    for row, known in zip(rows, told, strict=True):
        assert row == {name: "" if cell is None else str(cell) for name, cell in known.items()}
    assert {row["place"] for row in rows if row["part"] == "attention"} == {
        "none",
        "layer 0",
        "layer 1",
    }
    for record in records:
        assert max(record["identity"].values()) < 1e-4
        assert record["tokens"]["base"]["text"] == rows[0]["base_token"]
    assert "One attention of" in capsys.readouterr().err


def test_a_place_can_be_named_and_has_to_be_one_where_the_choices_differ(
    pair: Pair, asked: SessionHere, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.json"
    assert command(pair, "--response", " are you", "--at", "1", "--json", str(file)) == 0
    (record,) = json.loads(file.read_text(encoding="utf-8"))
    assert record["position"] == 1
    assert record["response_before"] == " are"
    assert command(pair, "--response", " are you", "--at", "99") == 2
    assert "There is no place 99 in the response" in capsys.readouterr().err
    same = (pair[0], pair[0])
    assert command(same) == 2
    assert "prefer the same token at every place" in capsys.readouterr().err
    assert command(same, "--at", "0") == 2
    assert "They differ nowhere" in capsys.readouterr().err
