"""``insttui heads`` on a scripted pair: its tables, and options that would change nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.words.choice import WordVectors
from app.cli import main
from tests.support.scripted_session import ScriptedSession
from tests.support.scripted_weights import neuron_pairs
from tests.support.weight_studies import BASE, TUNED, script


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> ScriptedSession:
    """What answers in place of the engine."""
    scripted = ScriptedSession(script(layers=4))

    @contextmanager
    def session(_options: object) -> Iterator[ScriptedSession]:
        yield scripted

    monkeypatch.setattr("app.commands.session.session", session)
    return scripted


def rows(tmp_path: Path, *arguments: str) -> list[dict[str, str]]:
    path = tmp_path / "rows.csv"
    assert main(["heads", *arguments, "--csv", str(path)]) == 0
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("neuron", [None, 3])
def test_a_neuron_pair_s_word_pairs_are_all_written_model_by_model(
    neuron: int | None, asked: ScriptedSession, tmp_path: Path
) -> None:
    options = [] if neuron is None else ["--neuron", str(neuron)]
    found = rows(tmp_path, "--layers", "2", "--head", "5", *options)
    expected = []
    for model in (BASE, TUNED):
        result = neuron_pairs(NeuronPairsRequest(model, 2, 5, None, None))  # type: ignore[arg-type]
        for number in range(16) if neuron is None else [neuron]:
            start, end = result.starts[number : number + 2].tolist()
            for rank in range(end - start):
                place = start + rank
                words = result.words[result.first[place]], result.words[result.second[place]]
                score = str(float(result.score[place]))
                where = ("2", "5", str(number), model.name, str(rank + 1))
                expected.append((*where, *words, score))
    assert [tuple(row.values()) for row in found] == expected
    assert len(found) == (2 * 3 if neuron is not None else 2 * 4 * (1 + 2 + 3))


def test_what_is_chosen_is_asked(asked: ScriptedSession, tmp_path: Path) -> None:
    verbs = tmp_path / "verbs.txt"
    verbs.write_text("Write\nmake\nwrite\n")
    chosen = ["--top-words", "9", "--frequent", "50", "--deviations", "1.5"]
    found = rows(tmp_path, "--verbs", "--instruction-verbs", str(verbs), "--groups", "2", *chosen)
    assert [row["layers"] for row in found] == ["0-1", "2-3"]
    requests = [each for each in asked.requests if isinstance(each, HeadPairsRequest)]
    assert {each.top for each in requests} == {9}
    assert {each.vectors for each in requests} == {WordVectors("demo", frequent=50, deviations=1.5)}
    few = rows(tmp_path, "--layers", "0", "--top-pairs", "2")
    assert max(int(row["rank"]) for row in few) <= 4


def test_a_word_s_heads_are_counted_in_either_model(asked: ScriptedSession, tmp_path: Path) -> None:
    found = rows(tmp_path, "--by-word", "--layers", "1-2")
    pairs = rows(tmp_path, "--layers", "1-2")
    for row in found:
        for model, changed in (("base", "lost"), ("tuned", "gained")):
            heads = {
                (pair["layer"], pair["head"])
                for pair in pairs
                if pair["status"] in ("kept", changed)
                and row["word"] in (pair["word_a"].casefold(), pair["word_b"].casefold())
            }
            assert int(row[f"heads_{model}"]) == len(heads)
    assert {row["word"] for row in found} >= {"essay", "paris"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--neuron", "1"], "--neuron would change nothing here. Add --head"),
        (["--instruction-verbs", "x"], "--instruction-verbs would change nothing here"),
        (["--summary", "--groups", "2"], "--groups would change nothing here. Add --verbs"),
        (["--head", "1", "--top-pairs", "5"], "--top-pairs would change nothing here"),
        (["--head", "8"], "no head 8 in layer 0. It has 8"),
        (["--head", "1", "--neuron", "16"], "no neuron pair 16. A head has 16"),
        (["--verbs", "--general-verbs", "none.txt"], "none.txt cannot be read"),
        (
            ["--verbs", "--instruction-verbs", "one.txt", "--general-verbs", "two.txt"],
            "make is in both lists of verbs. So are 1 others",
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str],
    why: str,
    asked: ScriptedSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.txt").write_text("make\nwrite\n")
    Path("two.txt").write_text("write\ngo\nmake\n")
    assert main(["heads", *arguments]) != 0
    assert why in capsys.readouterr().err
