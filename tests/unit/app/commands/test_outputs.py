"""What a command writes is tried before anything is computed, and lost or spoilt by nothing."""

from __future__ import annotations

import contextlib
import subprocess

import pytest

from analysis.problems import problem
from analysis.session.session import Session
from analysis.table import Table
from app.cli import main
from app.commands import annotation, session
from app.commands.output import write_rows
from app.commands.parser import COMMANDS, every_parser, parser
from tests.support.scripted_session import attribution

FILES = {
    "attribute": ("attribute", "--model", "demo-tuned", "--prompt", "x", "--csv"),
    "heads": ("heads", "--csv"),
    "concepts": ("concepts", "--csv"),
    "descriptions": ("concepts", "--annotate", "--annotator", "m", "--yes", "--csv"),
    "components": ("components", "--csv"),
    "ablation": ("components", "--ablate", "--csv"),
    "clusters": ("clusters", "--csv"),
    "models": ("models", "--csv"),
    "study": ("study", "density", "--csv"),
}
FOLDERS = {
    "study": ("study", "density", "--out"),
    "study of weights": ("study", "heads", "--out"),
    "clusters train": ("clusters", "train", "--preset", "small", "--out"),
    "demo train": ("demo", "train", "--output"),
}


@pytest.fixture(autouse=True)
def _nothing_computes(monkeypatch):
    """Neither an engine nor a training process may be started."""

    def started(*_, **__):
        raise AssertionError("something was computed")

    monkeypatch.setattr(Session, "__init__", started)
    monkeypatch.setattr(subprocess.Popen, "__init__", started)


@pytest.fixture
def taken(tmp_path):
    """A folder with a file in it."""
    (tmp_path / "file").write_text("dear")
    return tmp_path


def test_every_command_that_writes_rows_writes_them_as_json_and_parquet_too():
    found = {
        words: {name for action in each._actions for name in action.option_strings}
        for words, each in every_parser(parser())
    }
    writing = {words for words, options in found.items() if "--csv" in options}
    assert {words.split()[0] for words in writing} > {"attribute", "models", "study"}
    assert not {words for words in writing if not {"--json", "--parquet"} <= found[words]}
    assert set(COMMANDS) <= set(found)


@pytest.mark.parametrize("place", ["file/rows.csv", "missing/rows.csv", "."])
@pytest.mark.parametrize("command", FILES)
def test_rows_that_could_not_be_written_are_refused_at_once(taken, capsys, command, place):
    assert main([*FILES[command], str(taken / place)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"insttui: {taken / place} cannot be written. ")
    assert said.err.endswith("Name another file with --csv.\n")
    assert [each.name for each in taken.iterdir()] == ["file"]


@pytest.mark.parametrize("place", ["file", "file/out", "x" * 300])
@pytest.mark.parametrize("command", FOLDERS)
def test_a_folder_that_could_not_be_written_is_refused_at_once(taken, capsys, command, place):
    assert main([*FOLDERS[command], str(taken / place)]) == 1
    option = FOLDERS[command][-1]
    assert capsys.readouterr().err.endswith(f"Name another folder with {option}.\n")
    assert (taken / "file").read_text() == "dear"
    assert [each.name for each in taken.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("in_the_way", "said"),
    [("density", "The report cannot be written to"), ("cases", "is in the way")],
)
def test_what_is_in_the_way_of_a_report_or_of_its_cases_is_said_at_once(
    taken, capsys, in_the_way, said
):
    (taken / in_the_way).write_text("dear")
    assert main(["study", "density", "--out", str(taken)]) == 1
    assert said in capsys.readouterr().err
    assert sorted(each.name for each in taken.iterdir()) == sorted(["file", in_the_way])


@pytest.mark.parametrize("before", [{"rows.csv": "dear"}, {}])
def test_work_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch, capsys, before):
    def fail(_session, _request):
        raise problem("engine", "The engine process died.")

    for name, text in before.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(session, "session", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(session, "run_with_progress", fail)
    assert main([*FILES["attribute"], str(tmp_path / "rows.csv")]) == 1
    assert "The engine process died." in capsys.readouterr().err
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == before


def test_rows_that_break_off_leave_the_file_as_it_was(tmp_path):
    class Breaking:
        def __iter__(self):
            yield (1,)
            raise OSError(28, "No space left on device")

    file = tmp_path / "rows.csv"
    file.write_text("dear")
    with pytest.raises(Exception, match="No space left"):
        write_rows(Table(("a",), Breaking()), str(file))
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"rows.csv": "dear"}


def test_where_rows_could_be_written_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "session", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(session, "run_with_progress", lambda _, request: attribution(request))
    file = tmp_path / "rows.csv"
    file.write_text("older and longer than anything that is written now" * 1000)
    assert main([*FILES["attribute"], str(file)]) == 0
    assert file.read_text().startswith("model,prompt_index,")
    assert "older" not in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "said"),
    [
        ((), {}, 2, "There is no endpoint that could describe components."),
        (("--templates", "no.toml"), {"OPENAI_API_KEY": "x"}, 1, "no.toml cannot be read"),
    ],
)
def test_descriptions_that_could_not_be_asked_for_are_refused_at_once(
    monkeypatch, capsys, arguments, environment, status, said
):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main([*FILES["descriptions"], "-", *arguments]) == status
    assert said in capsys.readouterr().err


def test_answers_that_could_not_be_kept_are_not_asked_for(taken, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setattr(annotation, "answers_path", lambda: taken / "file" / "answers")
    assert main([*FILES["descriptions"], "-"]) == 1
    assert "Answers cannot be kept in" in capsys.readouterr().err
