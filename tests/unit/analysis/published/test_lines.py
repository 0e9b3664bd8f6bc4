"""A published table that is not as it should be is refused with the number of the line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.problems import ProblemError
from analysis.published.lines import PublishedTable

WHOLE = b"A\tB\n1\tone\n2\ttwo\n"


def table(tmp_path: Path, *pieces: bytes, skip: bool = False) -> PublishedTable:
    paths = []
    for number, piece in enumerate(pieces):
        paths.append(tmp_path / f"piece{number}")
        paths[-1].write_bytes(piece)
    return PublishedTable("words.tsv", tuple(paths), ("A", "B"), skip)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"A\tC\n1\tone\n", "line 1. It names the columns A, C; the published ones are A, B"),
        (b"", "is broken. It is empty"),
        (WHOLE + b"3\n", "line 4. It has 1 cells, not 2"),
        (WHOLE + b"3\tthree\tmore\n", "line 4. It has 3 cells, not 2"),
        (WHOLE + b"3\tthr", "line 4. The file ends in the middle of it"),
        (WHOLE + b"3\t\xe9t\xe9\n4\tfour\n", "line 4. Byte 3 of it, 0xe9, is not UTF-8"),
        (WHOLE.decode().encode("utf-16"), "It is UTF-16, and should be UTF-8"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer of Git LFS"),
    ],
)
def test_what_is_wrong_is_said_with_the_line(data: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=re.escape(why)):
        list(table(tmp_path, data).rows())


def test_bad_lines_may_be_skipped_and_are_counted(tmp_path: Path) -> None:
    found = table(tmp_path, WHOLE + b"3\n4\tfour\n5\tfi", skip=True)
    assert [row["B"] for _, row in found.rows()] == ["one", "two", "four"]
    (note,) = found.notes()
    assert "words.tsv left out: 2" in note
    assert "line 4: It has 1 cells" in note
    assert "line 6: The file ends" in note


@pytest.mark.parametrize("size", range(1, len(WHOLE)))
def test_pieces_may_be_cut_anywhere(size: int, tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + WHOLE.replace(b"\n", b"\r\n") + b"\n" + WHOLE
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    rows = list(table(tmp_path, *pieces).rows())
    assert [(number, row["A"]) for number, row in rows] == [(2, "1"), (3, "2"), (6, "1"), (7, "2")]
