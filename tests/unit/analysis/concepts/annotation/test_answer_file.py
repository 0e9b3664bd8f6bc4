"""Answers on disk: kept at once, read again whatever happened to the file."""

from __future__ import annotations

import errno
import os
import random
import stat
from pathlib import Path

import pytest

from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.completer import Completion
from analysis.problems import ProblemError
from tests.support import children

ANSWER = Completion("names of months", input_tokens=3, output_tokens=4)


@pytest.fixture
def file(tmp_path: Path) -> AnswerFile:
    """A file with the answers a, b and c."""
    made = AnswerFile(tmp_path / "folder" / "answers")
    with made.writing():
        for key in "abc":
            made.put(key, ANSWER)
    return made


def test_answers_are_read_again_and_only_by_their_owner(file: AnswerFile) -> None:
    again = AnswerFile(file.path)
    assert [again.get(key) for key in "abcd"] == [ANSWER, ANSWER, ANSWER, None]
    assert again.damaged == 0
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert len(AnswerFile(tmp_path / "none")) == 0
    assert not list(tmp_path.iterdir())


def test_an_answer_is_on_the_disk_before_the_next_is_asked(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.completer import Completion
answers = AnswerFile(Path(sys.argv[1]))
with answers.writing():
    answers.put("a", Completion("kept"))
    os.kill(os.getpid(), 9)
"""
    process = children.start(code, tmp_path / "answers")
    process.communicate(timeout=children.PATIENCE_S)
    assert process.returncode == -9
    assert AnswerFile(tmp_path / "answers").get("a") == Completion("kept")


def test_a_line_cut_short_costs_one_answer_and_spoils_none_after_it(file: AnswerFile) -> None:
    file.path.write_bytes(file.path.read_bytes()[:-9])
    again = AnswerFile(file.path)
    assert again.get("c") is None
    with again.writing():
        again.put("c", ANSWER)
        again.put("d", ANSWER)
    third = AnswerFile(file.path)
    assert [third.get(key) for key in "abcd"] == [ANSWER] * 4
    assert third.damaged == 1


def missing(path: Path, keys: str) -> str:
    """Which of some keys have no answer."""
    again = AnswerFile(path)
    return "".join(key for key in keys if again.get(key) is None)


def test_an_altered_line_is_left_out_and_counted(file: AnswerFile) -> None:
    lines = file.path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"months", b"moons.")
    file.path.write_bytes(b"\n".join(lines))
    assert missing(file.path, "abc") == "b"
    assert AnswerFile(file.path).damaged == 1


@pytest.mark.parametrize(
    "content",
    [b"\0" * 5000, b"\xff\n\n{}\n", random.Random(0).randbytes(2000) + b"\n"],
    ids=["zeros", "no answers", "noise"],
)
def test_anything_else_in_its_place_is_no_answer(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "answers"
    path.write_bytes(content)
    again = AnswerFile(path)
    with again.writing():
        again.put("a", ANSWER)
    assert AnswerFile(path).get("a") == ANSWER


def test_what_another_process_wrote_meanwhile_is_known_when_writing_begins(
    file: AnswerFile,
) -> None:
    early = AnswerFile(file.path)
    with file.writing():
        file.put("d", ANSWER)
    assert early.get("d") is None
    with early.writing():
        assert early.get("d") == ANSWER


def test_two_processes_do_not_pay_for_the_same_answers(file: AnswerFile) -> None:
    other = AnswerFile(file.path)
    with (
        file.writing(),
        pytest.raises(ProblemError, match="Another insttui is annotating"),
        other.writing(),
    ):
        pass
    with other.writing():
        pass


def test_a_full_disk_is_said_and_what_was_kept_stays(
    file: AnswerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    room = [20]

    def full(descriptor: int, content: bytes) -> int:
        if room:
            return real(descriptor, content[: room.pop()])
        raise OSError(errno.ENOSPC, "full")

    with file.writing():
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(ProblemError, match="The disk is full") as caught:
            file.put("d", ANSWER)
        monkeypatch.undo()
        file.put("e", ANSWER)
    assert caught.value.problem.kind == "storage"
    assert missing(file.path, "abcde") == "d"
    assert AnswerFile(file.path).damaged == 0


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProblemError) as caught:
        AnswerFile(tmp_path)
    assert caught.value.problem.kind == "storage"


def test_a_place_that_cannot_be_written_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("")
    answers = AnswerFile(tmp_path / "elsewhere")
    answers.path = tmp_path / "occupied" / "answers"
    with pytest.raises(ProblemError, match="cannot be written"), answers.writing():
        pass
