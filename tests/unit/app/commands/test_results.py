"""``insttui results import``, and the studies that take what it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import main
from tests.support.published_files import (
    pair_rows,
    write_descriptions,
    write_maps,
    write_pairs,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the published repository with everything in it."""
    root = tmp_path / "published"
    write_maps(root)
    write_pairs(root, pair_rows(), pieces=3)
    write_descriptions(root)
    return root


def test_everything_is_imported_and_every_study_takes_it(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    assert main(["results", "import", str(source), "--out", str(made)]) == 0
    told = capsys.readouterr().err
    assert sorted(each.name for each in made.iterdir()) == ["cases", "concepts", "heads"]
    for study, tables in (("density", "Table 2"), ("heads", "Table 3"), ("concepts", "Tables 5")):
        assert f"insttui study {study} --results {made}" in told
        assert main(["study", study, "--results", str(made)]) == 0
        assert tables in capsys.readouterr().out
    assert main(["study", "heads", "--results", str(made), "--groups", "2", "--csv", "-"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("2-3,")
    # A second import is told that the place is taken.
    assert main(["results", "import", str(source), "--out", str(made)]) == 1
    assert "is there already" in capsys.readouterr().err


def test_nothing_is_left_behind_by_what_fails(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    write_pairs(source, [*pair_rows(), "cut"])
    arguments = ["results", "import", str(source), "--out", str(made), "--only", "pairs"]
    assert main(arguments) == 1
    assert "bilinear_words.tsv is broken in line 98" in capsys.readouterr().err
    assert not made.exists()
    assert main([*arguments, "--bad-lines", "skip"]) == 0
    assert [each.name for each in made.iterdir()] == ["heads"]
    assert "left out: 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["{empty}"], "lacks published results. Looked for: results/attribution_interpret"),
        (["{source}", "--base", "alpaca"], "No folders of maps"),
        (["{source}", "--only", "pairs", "--tuned", "alpaca"], "has no word pairs of alpaca"),
        (["{source}", "--only", "descriptions", "--base", "alpaca"], "no descriptions"),
    ],
)
def test_what_is_not_there_is_named(
    arguments: list[str],
    why: str,
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [each.format(source=source, empty=tmp_path / "empty") for each in arguments]
    assert main(["results", "import", *given, "--out", str(tmp_path / "made")]) == 2
    assert why in capsys.readouterr().err
