"""A session on a shared cache that goes away, fills up or is damaged: told, and work goes on."""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analysis.events import Event, Finished, Notice
from analysis.request import ModelChoice
from analysis.saliency.request import AttributionRequest
from analysis.session.process import EngineProcess
from analysis.session.session import Session
from cache.folder import Folder
from cache.stores import open_at

SCRIPT = Path(__file__).parents[3] / "support" / "scripted_engine.py"
# Generous: a slow machine may have other work.
PATIENCE_S = 240.0

Open = Callable[[], Session]


@pytest.fixture
def model(tmp_path: Path) -> ModelChoice:
    """A folder with just enough in it to have a fingerprint."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return ModelChoice(name="toy", location=str(folder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def begin(folder: Path) -> Iterator[Open]:
    """Opens sessions on the shared folder, each with an engine of its own."""
    opened: list[Session] = []

    def begin() -> Session:
        engine = (sys.executable, str(SCRIPT))
        store = open_at(f"file://{folder}")
        opened.append(Session(store, start_engine=lambda: EngineProcess(engine)))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


def ask(session: Session, model: ModelChoice, prompt: str) -> tuple[Finished, list[str]]:
    """The answer to a prompt, and what was told meanwhile."""
    events: list[Event] = []
    session.submit(AttributionRequest(model, prompt), events.append).wait(PATIENCE_S)
    ending = events[-1]
    assert isinstance(ending, Finished)
    return ending, [str(each.problem) for each in events if isinstance(each, Notice)]


def test_what_one_session_computed_another_has(begin: Open, model: ModelChoice) -> None:
    first, second = begin(), begin()
    assert not ask(first, model, "hello")[0].from_cache
    assert second.holds(AttributionRequest(model, "hello"))
    assert ask(second, model, "hello")[0].from_cache


def test_a_folder_that_disappears_is_told_and_the_same_work_goes_on_later(
    begin: Open, model: ModelChoice, folder: Path
) -> None:
    session = begin()
    ask(session, model, "one")
    shutil.rmtree(folder)
    for prompt in ("one", "two"):
        ending, told = ask(session, model, prompt)
        assert not ending.from_cache
        unread, unsaved = told
        assert unread.startswith("Stored results cannot be read now; computing them again. The cac")
        assert unsaved.startswith(
            "The result is shown but could not be saved. The cache is not the"
        )
        assert "the same command then goes on" in unsaved
    # Nothing is made where a disk was mounted, until somebody begins anew.
    assert not folder.exists()
    again = begin()
    assert ask(again, model, "one")[1] == []
    assert ask(session, model, "one")[0].from_cache


def test_a_full_folder_is_told_and_the_answers_come(
    begin: Open, model: ModelChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Folder, name: str, data: bytes) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    session = begin()
    monkeypatch.setattr(Folder, "write", full)
    ending, told = ask(session, model, "hello")
    assert not ending.from_cache
    assert told == [
        "The result is shown but could not be saved. The disk quota is used up. Free some space or "
        "choose another folder with --cache-dir."
    ]
    monkeypatch.undo()
    assert ask(session, model, "hello")[1] == []
    assert ask(session, model, "hello")[0].from_cache


def test_entries_that_are_cut_short_are_computed_again(
    begin: Open, model: ModelChoice, folder: Path
) -> None:
    session = begin()
    ask(session, model, "hello")
    (file,) = (path for path in folder.rglob("*") if path.is_file())
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    ending, told = ask(session, model, "hello")
    assert not ending.from_cache
    assert told == ["The stored result was damaged; computing it again."]
    assert file.read_bytes() == whole
    assert ask(session, model, "hello")[0].from_cache
