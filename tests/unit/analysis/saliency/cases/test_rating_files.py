"""Ratings: from a file, from a reference, and kept in a case library."""

from __future__ import annotations

import json

import pytest

from analysis.problems import ProblemError
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.rating_files import by_reference, read_ratings, without_place
from analysis.saliency.gather import StoredCases
from analysis.saliency.study_density import study
from tests.support.case_folders import write_small_library
from tests.support.studies import driven, rows_of

MODELS = ("plain", "apt")


@pytest.fixture
def read(tmp_path):
    def of(text, models=MODELS):
        (tmp_path / "ratings.csv").write_text(text, encoding="utf-8")
        return read_ratings(tmp_path / "ratings.csv", models)

    return of


def test_a_line_rates_a_model_s_response_to_a_prompt_and_0_means_nobody_did(read):
    text = "\ufeffid,model,rating,why\na,plain,4,x\na,tuned,1.5,\nb,base,0,\nc,apt,,\n"
    assert read(text) == {("a", "plain"): 4.0, ("a", "apt"): 1.5}
    assert without_place(read(text), ["b"]) == ["a"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("id,rating\n", "lack the column 'model'"),
        ("id,model,rating\na,other,2\n", "line 2.*rates 'other'"),
        ("id,model,rating\na,apt,2\na,tuned,3\n", "line 3.*a second time"),
        ("id,model,rating\na,apt,5\n", "no rating from 0 to 4"),
        ("id,model,rating\na,apt,nan\n", "no rating"),
        ("id,model,rating\na,apt,good\n", "'good' is no rating"),
    ],
)
def test_what_is_no_rating_is_named_with_its_line(read, text, why):
    with pytest.raises(ProblemError, match=rf"(?s){why}"):
        read(text)


@pytest.mark.parametrize(
    ("response", "rating"),
    [
        *[("\n\nTokyo", 4), ("It is Tokyo.", 2), ("Tokyoite", 1), ("", 1), ("tokyo", 1)],
        *[("Its name is Tokyo.", 4), ("Say: Its name is Tokyo.!", 2), ("Its name is", 1)],
    ],
)
def test_any_reference_rates_what_is_said(response, rating):
    assert by_reference(response, ("Tokyo", "Its name is Tokyo.", " ")) == rating


def test_no_reference_is_in_no_response():
    assert by_reference("Tokyo", ()) == by_reference("", ("",)) == 1


def test_a_rating_is_kept_in_the_folder_beside_the_others(tmp_path):
    folder = write_small_library(tmp_path / "library")
    library = CaseLibrary.open(folder)
    library.rate("two", "apt", 2.0)
    library.rate("one", "plain", None)
    again = CaseLibrary.open(folder)
    assert list(library.cases) == list(again.cases)
    # Without a word on it, the rated model would be taken for the tuned one.
    assert library.models == again.models == ("apt", "plain")
    lines = [json.loads(line) for line in (folder / "ratings.jsonl").open()]
    assert lines == [{"id": "two", "model": "apt", "rating": 2.0}]


def test_a_folder_that_cannot_be_written_keeps_its_ratings(tmp_path, monkeypatch):
    library = CaseLibrary.open(write_small_library(tmp_path / "library"))

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("analysis.saliency.cases.entries.whole_file", refuse)
    with pytest.raises(ProblemError, match="cannot be written"):
        library.rate("one", "plain", 1.0)
    assert library.rating("one", "plain") == 3.0


def test_ratings_given_come_before_those_of_the_cases(tmp_path):
    library = CaseLibrary.open(write_small_library(tmp_path / "library"))
    given = {("one", "plain"): 1.0, ("two", "plain"): 4.0}
    found, _ = driven(study(StoredCases(library, ratings=given)))
    rated = {
        row["case"]: row["rating"] for row in rows_of(found, "cases") if row["model"] == "plain"
    }
    assert rated == {"one": 1.0, "two": 4.0}
    assert found.parameters["ratings"]
