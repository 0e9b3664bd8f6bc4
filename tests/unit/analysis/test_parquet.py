"""A table in Parquet has the rows of its CSV, in columns of the type that they have."""

from __future__ import annotations

import builtins
import csv
import math

import numpy as np
import pyarrow.parquet
import pytest

from analysis import parquet
from analysis.parquet import save_parquet
from analysis.problems import ProblemError
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.study_density import study
from analysis.studies.report import write_report
from analysis.table import Table, save_csv
from app.cli import main
from tests.support.case_folders import write_small_library
from tests.support.studies import driven

TABLES = {
    "every kind": Table(
        ("name", "count", "share", "flag", "none"),
        [
            ("a", 1, 0.1, True, None),
            ("", None, math.nan, None, None),
            (None, -3, None, False, None),
        ],
    ),
    "numbers of two kinds": Table(("mixed",), [(1,), (0.5,), (None,), (math.inf,)]),
    "numbers and texts": Table(("mixed",), [(1,), ("one",), (0.5,), (None,)]),
    "flags and numbers": Table(("mixed",), [(True,), (2,)]),
    "long numbers": Table(("long", "longer"), [(2**62, 2**70), (1, 1)]),
    "long numbers and shares": Table(("mixed",), [(2**60 + 1,), (0.5,)]),
    "of numpy": Table(("n", "x"), [(np.int64(3), np.float64(0.1)), (np.int32(4), np.nan)]),
    "texts": Table(("text",), [("é\n\r,\"'",), ("\ud800",), ("nan",)]),
    "no rows": Table(("a", "b"), []),
}


def said(cell: object, kind: str) -> str:
    """What the CSV says of a value."""
    return "" if cell is None else str(cell) if kind != "double" else repr(float(str(cell)))


def check(table, folder):
    save_csv(table, folder / "rows.csv")
    save_parquet(table, folder / "rows.parquet")
    stored = pyarrow.parquet.read_table(folder / "rows.parquet")
    with (folder / "rows.csv").open(newline="") as file:
        names, *rows = csv.reader(file)
    assert stored.column_names == names
    kinds = [str(field.type) for field in stored.schema]
    columns = [column.to_pylist() for column in stored.columns]
    found = [
        [said(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
        for row in zip(*columns, strict=True)
    ]
    written = [
        [said(cell or None, kind) for cell, kind in zip(row, kinds, strict=True)] for row in rows
    ]
    assert found == written
    return kinds, columns


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_those_of_the_csv(tmp_path, name, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", 2)
    check(TABLES[name], tmp_path)


def test_types_are_those_of_the_cells_and_missing_is_not_nan(tmp_path):
    kinds, columns = check(TABLES["every kind"], tmp_path)
    assert kinds == ["string", "int64", "double", "bool", "null"]
    assert columns[0] == ["a", "", None]
    assert math.isnan(columns[2][1])
    assert columns[2][2] is None
    assert check(TABLES["long numbers"], tmp_path)[0] == ["int64", "string"]
    # A double would change the whole number.
    assert check(TABLES["long numbers and shares"], tmp_path)[0] == ["string"]


def test_rows_are_written_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", 10)
    save_parquet(Table(("n",), [(n,) for n in range(25)]), tmp_path / "rows.parquet")
    assert pyarrow.parquet.ParquetFile(tmp_path / "rows.parquet").num_row_groups == 3


def test_a_report_has_each_table_in_parquet_if_asked(tmp_path):
    found, _ = driven(study(CaseLibrary.open(write_small_library(tmp_path / "library"))))
    place = write_report(found, tmp_path / "out", parquet=True).parent
    tables = {path.stem for path in place.glob("*.csv")}
    assert tables == {path.stem for path in place.glob("*.parquet")}
    for each in (*found.tables, *found.data):
        check(each.table, tmp_path)
    assert not list(write_report(found, tmp_path / "out").parent.glob("*.parquet"))


def test_commands_write_parquet(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_small_library(tmp_path / "library")
    asked = ["study", "density", "--results", "library"]
    assert main([*asked, "--parquet", "rows.parquet", "--csv", "rows.csv"]) == 0
    stored = pyarrow.parquet.read_table("rows.parquet")
    assert ",".join(stored.column_names) == (tmp_path / "rows.csv").read_text().split("\n")[0]
    assert main([*asked, "--out", "out", "--parquet"]) == 0
    assert list((tmp_path / "out/density").glob("*.parquet"))
    assert main(["models", "--parquet", "models.parquet"]) == 0
    assert pyarrow.parquet.read_table("models.parquet").num_rows > 0
    capsys.readouterr()
    assert main([*asked, "--parquet"]) == 2
    assert "--out" in capsys.readouterr().err


def test_what_is_not_installed_is_said_before_anything_is_computed(tmp_path, monkeypatch, capsys):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError("No module named 'pyarrow'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ProblemError, match="pip install"):
        parquet.require_parquet()
    assert main(["models", "--parquet", str(tmp_path / "rows.parquet")]) == 2
    assert "insttui[parquet]" in capsys.readouterr().err
