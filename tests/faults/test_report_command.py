"""``insttui report`` on real models: sections, files, what is left out, and nothing twice."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from tests.support.checkpoints import byte_level_tokenizer, save
from tests.support.program import Home
from tests.support.small_models import small_model

pytestmark = pytest.mark.slow

SMALL = ("--base", "small", "--tuned", "plain")


def stored(home: Home) -> Counter[str]:
    """How many results are kept, by what they are of."""
    return Counter(each["analysis"] for each in home.run("cache", "list", "--csv", "-").rows)


def test_two_sections_are_made_once_and_stand_on_a_page_with_their_files(home: Home) -> None:
    asked = ("report", *SMALL, "--only", "changes,concepts,density", "--out", "page")
    done = home.run(*asked)
    assert done.status == 0, done.errors
    assert "concepts: It takes" in done.errors
    assert "density: left out" in done.errors
    page = home.work / "page"
    text = (page / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# What tuning changed: small and plain\n")
    assert text.index("[changes](#changes)") < text.index("[concepts](#concepts)")
    assert "Left out: It is of what both models answer, and no prompts were named" in text
    assert "insttui study concepts --base small --tuned plain --out page" in text
    html = (page / "report.html").read_text(encoding="utf-8")
    for file in ("changes/by-layer.svg", "changes/tensors.csv", "concepts/report.md"):
        assert (page / file).exists()
        assert file in html
    assert not (page / "density").exists()
    before = stored(home)
    again = home.run(*asked)
    assert again.status == 0, again.errors
    assert "concepts: what it found is kept from before." in again.errors
    assert "comparing weights" not in again.errors
    assert stored(home) == before
    # But for the clock's time, the same page.
    assert _undated((page / "report.md").read_text(encoding="utf-8")) == _undated(text)


def _undated(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("Made by")]


def test_what_a_study_found_is_the_section_and_its_command_repeats_it(home: Home) -> None:
    alone = home.run("study", "concepts", *SMALL, "--out", "alone")
    assert alone.status == 0, alone.errors
    done = home.run("report", *SMALL, "--only", "concepts", "--out", "page")
    assert done.status == 0, done.errors
    assert "concepts: what it found is kept from before." in done.errors
    files = sorted((home.work / "alone/concepts").glob("*.csv"))
    assert files
    for file in files:
        assert (home.work / "page/concepts" / file.name).read_bytes() == file.read_bytes()


def test_models_that_do_not_match_leave_sections_out_and_none_left_is_refused(
    home: Home, tmp_path: Path
) -> None:
    other = save(tmp_path / "other", small_model("gpt2"), byte_level_tokenizer())
    asked = ("report", "--base", "small", "--tuned", str(other), "--only", "changes,heads")
    done = home.run(*asked, "--out", "page")
    assert done.status == 2, done.errors
    text = (home.work / "page/report.md").read_text(encoding="utf-8")
    assert text.count("Left out: ") == 4
    assert "gpt2" in text
    nothing = home.run("report", *SMALL, "--only", "heads", "--skip", "heads", "--out", "page")
    assert nothing.status == 2
    assert "No section is left." in nothing.errors


@pytest.mark.timeout(600)
def test_a_run_has_its_curves_by_step(home: Home) -> None:
    asked = ("report", "--base", "demo-base", "--series", "demo-steps", "--only", "changes")
    done = home.run(*asked, "--out", "page")
    assert done.status == 0, done.errors
    page = home.work / "page"
    assert "changes/curve-roles-relative-change.svg" in (page / "report.html").read_text()
    with (page / "changes/roles.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {each["step"] for each in rows} == {"100", "250", "500"}
