"""The index beside a large library: taken only while its cases are what they were."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest

from analysis.files.columns import read_columns, write_columns
from analysis.problems import ProblemError
from analysis.saliency.cases import index as cases_index
from analysis.saliency.cases import indexing
from analysis.saliency.cases.index import INDEX
from analysis.saliency.cases.known import KNOWN
from analysis.saliency.cases.library import CaseLibrary
from tests.support.case_folders import CASES, write_lines, write_small_library


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A small library that counts as a large one, untouched for a while."""
    monkeypatch.setattr(cases_index, "KEPT_FROM", 0)
    made = write_small_library(tmp_path / "library")
    rest(monkeypatch)
    return made


def rest(monkeypatch, seconds=10):
    """Let time pass."""
    at = time.time_ns() + seconds * 10**9
    monkeypatch.setattr("analysis.saliency.cases.library.now_ns", lambda: at)


def made_again(monkeypatch):
    """Counts how often an index is made from now on."""
    made = []
    real = indexing.IndexMaking.steps

    def steps(self):
        made.append(1)
        return real(self)

    monkeypatch.setattr(indexing.IndexMaking, "steps", steps)
    return made


def facts(library):
    return [(*vars(case).values(),) for case in library.cases]


def test_a_second_opening_reads_the_index_and_says_the_same(folder, monkeypatch):
    first = CaseLibrary.open(folder)
    assert (folder / INDEX).exists()
    made = made_again(monkeypatch)
    second = CaseLibrary.open(folder)
    assert not made
    assert facts(second) == facts(first)
    assert dict(second.instruction_scores()) == dict(first.instruction_scores())
    for case in second.cases:
        for model in second.models:
            shown = second.map(case.id, model).scores
            assert np.array_equal(shown, first.map(case.id, model).scores)


@pytest.mark.parametrize("name", ["cases.jsonl", "responses_apt.jsonl", "salience_plain.npz"])
def test_a_change_of_any_file_makes_it_anew_whatever_its_time_and_size(folder, monkeypatch, name):
    CaseLibrary.open(folder)
    made = made_again(monkeypatch)
    path = folder / name
    stat, data = path.stat(), path.read_bytes()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    CaseLibrary.open(folder)
    assert made


def test_what_changed_just_now_keeps_no_index(folder, monkeypatch):
    rest(monkeypatch, 0)
    CaseLibrary.open(folder)
    assert not (folder / INDEX).exists()


@pytest.mark.parametrize("spoil", [lambda data: data[:-9], lambda _: b"", lambda _: b"x" * 99])
def test_a_damaged_index_is_made_anew(folder, monkeypatch, spoil):
    expected = facts(CaseLibrary.open(folder))
    (folder / INDEX).write_bytes(spoil((folder / INDEX).read_bytes()))
    made = made_again(monkeypatch)
    assert facts(CaseLibrary.open(folder)) == expected
    assert made


def test_flipped_bits_in_columns_are_noticed(tmp_path):
    path = tmp_path / "file"
    write_columns(path, {"a": 1}, {"numbers": np.arange(50)})
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)
    with path.open("rb") as file:
        assert read_columns(file.fileno(), dict) is None


def test_cases_that_change_under_an_open_library_are_not_shown_as_others(folder):
    library = CaseLibrary.open(folder)
    write_lines(folder / "cases.jsonl", [{**CASES[0], "id": "own"}, CASES[1]])
    with pytest.raises(ProblemError, match="has changed since it was opened"):
        library.cases[0]


def test_scores_and_ratings_are_kept_and_new_ratings_are_seen(folder, monkeypatch):
    library = CaseLibrary.open(folder)
    scores = dict(library.instruction_scores())
    library.keep_scores()
    assert (folder / KNOWN).exists()
    again = CaseLibrary.open(folder)
    assert again.known.scored.all()
    assert dict(again.instruction_scores()) == scores
    assert again.rating("one", "plain") == 3.0
    write_lines(folder / "ratings.jsonl", [{"id": "two", "model": "plain", "rating": 2.0}])
    other = CaseLibrary.open(folder)
    assert (other.rating("one", "plain"), other.rating("two", "plain")) == (None, 2.0)
    assert other.known.scored.all()


def test_a_folder_that_cannot_be_written_is_read_each_time_and_says_so(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cases_index, "write_columns", refuse)
    library = CaseLibrary.open(folder)
    assert len(library.cases) == 2
    assert "made at each opening" in library.note


def test_lines_in_another_order_and_twice_are_the_same_library(folder):
    expected = facts(CaseLibrary.open(folder))
    path = folder / "responses_apt.jsonl"
    lines = path.read_text().splitlines()
    old = json.dumps({"id": "one", "response_tokens": []})
    path.write_text("\n".join([*lines[::-1], json.dumps({"id": "no", "response_tokens": []})]))
    assert facts(CaseLibrary.open(folder)) == expected
    # The last of two counts, as in a dictionary.
    path.write_text("\n".join([old, *lines]))
    assert facts(CaseLibrary.open(folder)) == expected


def test_what_is_listed_so_far_can_be_used(tmp_path, monkeypatch):
    monkeypatch.setattr(cases_index, "KEPT_FROM", 0)
    monkeypatch.setattr(indexing, "_A_STEP", 1)
    folder = write_small_library(tmp_path / "library")
    library = CaseLibrary.open(folder, later=True)
    assert (len(library.cases), library.whole) == (0, False)
    with pytest.raises(ProblemError, match="still being read"):
        library.rate("one", "apt", 1.0)
    reading = library.read(every_s=0)
    assert next(reading) == 1
    assert library.map("one", "apt").scores.shape == (8, 3)
    assert library.rating("one", "plain") == 3.0
    assert len(list(reading)) >= 1
    assert library.whole
    assert len(library.finish().cases) == 2


def test_a_broken_line_is_said_each_time_and_nobody_takes_a_part_for_the_whole(folder):
    with (folder / "cases.jsonl").open("a") as file:
        file.write("{\n")
    library = CaseLibrary.open(folder, later=True)
    for _ in range(2):
        with pytest.raises(ProblemError, match=r"cases\.jsonl is broken in line 3"):
            library.finish()
    assert not library.whole
    assert not (folder / INDEX).exists()


def test_words_are_found_as_text_is_read(folder):
    library = CaseLibrary.open(folder)
    for word, expected in [("draw", [1]), ("é🧙", [1]), ("e", [0]), ("signs", [1]), ("zz", [])]:
        having, done = library.index.having(word, time.perf_counter() + 60)
        assert done
        assert np.flatnonzero(having).tolist() == expected
    assert not library.index.having("letter", 0.0)[1]
