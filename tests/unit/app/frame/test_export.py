"""CSV, JSON and file names."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from analysis.files.writing import whole_file
from analysis.table import Table, write_json
from app.frame.export import chained, free_path, save_csv, write_csv

HOSTILE = [
    *("plain", "a,b;c\td", 'say "x"', '"', "line\nbreak", "return\ronly", "both\r\n"),
    *("=1+1", "+x", "@x", " space ", "", "日本語", "\x00", "é", "\ufeff", "\x1b[31m"),
    "‮abc",
    "​",
]


def test_every_text_comes_back_exactly(tmp_path):
    table = Table(("text", "more", "number"), [(text, text * 2, 1.5) for text in HOSTILE])
    path = tmp_path / "out.csv"
    save_csv(table, path)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows == [["text", "more", "number"], *[[t, t * 2, "1.5"] for t in HOSTILE]]


def test_numbers_keep_every_digit_and_nothing_is_an_empty_cell():
    stream = io.StringIO()
    write_csv(Table(("a", "b", "c"), [(0.1 + 0.2, None, True), (3, "\r", -1e-30)]), stream)
    lines = stream.getvalue().split("\n")
    assert lines[1] == "0.30000000000000004,,True"
    assert lines[2] == '3,"\r",-1e-30'


def test_half_a_surrogate_pair_does_not_stop_the_export(tmp_path):
    save_csv(Table(("a",), [("\ud800",)]), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a\n\\ud800\n"


def as_json(table: Table) -> str:
    stream = io.StringIO()
    write_json(table, stream)
    return stream.getvalue()


def test_json_has_the_same_rows_by_name_and_numbers_as_numbers():
    rows = [(each, 0.1 + 0.2, None, True, 3) for each in HOSTILE]
    found = json.loads(as_json(Table(("text", "number", "nothing", "yes", "count"), rows)))
    assert [tuple(each.values()) for each in found] == rows
    assert list(found[0]) == ["text", "number", "nothing", "yes", "count"]
    assert as_json(Table(("a",), [])) == "[]\n"


def test_json_has_no_word_for_what_is_no_number():
    rows = [(each,) for each in (math.nan, math.inf, -math.inf)]
    assert json.loads(as_json(Table(("a",), rows))) == [{"a": None}] * 3


def test_json_loses_no_column_to_another_of_its_name():
    with pytest.raises(ValueError, match="same name"):
        as_json(Table(("a", "a"), [(1, 2)]))


def test_half_a_surrogate_pair_is_valid_json(tmp_path):
    with whole_file(tmp_path / "out.json") as stream:
        write_json(Table(("a",), [("\ud800",)]), stream)
    assert json.loads((tmp_path / "out.json").read_bytes()) == [{"a": "\ud800"}]


def test_chained_tables_can_be_walked_again_and_again():
    table = chained([Table(("a",), [(1,)]), Table(("a",), [(2,), (3,)])])
    assert list(table) == list(table) == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    "stem", ["../../etc/passwd", "a/b\\c", "\x1b[0m", "", "...", "-rf", "x" * 500, "日本", "a\nb"]
)
def test_a_file_name_stays_in_its_folder_and_is_plain(tmp_path, stem):
    path = free_path(tmp_path, stem, ".csv")
    assert path.parent == tmp_path
    assert path.name.isascii()
    assert path.name.isprintable()
    assert not path.name.startswith(("-", "."))
    assert len(path.name) <= 90
    path.write_text("")
    other = free_path(tmp_path, stem, ".csv")
    assert other != path
    assert not other.exists()
