"""Folders for weights go with their model, with the engine, or when the next engine comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analysis.models import scratch


class Model:
    """Something that a folder belongs to."""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scratch, "ROOT", tmp_path / "cache" / "weights")
    return tmp_path / "cache" / "weights"


def test_a_folder_goes_with_its_model_and_all_with_the_engine(root: Path) -> None:
    model = Model()
    own, other = scratch.new_folder(), scratch.new_folder()
    scratch.goes_with(model, own)
    (own / "weights").write_bytes(b"many")
    del model
    assert list(root.iterdir()) == [other]
    elsewhere = root / "1-of-another-process"
    elsewhere.mkdir()
    scratch.remove_all()
    assert list(root.iterdir()) == [elsewhere]
    scratch.remove_all(1)
    assert not any(root.iterdir())


def test_what_a_killed_engine_left_is_removed_and_what_a_live_one_has_is_not(root: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as alive:
        left, kept = root / f"{gone.pid}-a", root / f"{alive.pid}-b"
        for folder in (left, kept, root / "someone's own"):
            folder.mkdir(parents=True)
        made = scratch.new_folder()
        assert sorted(root.iterdir()) == sorted([kept, made, root / "someone's own"])
        alive.communicate(b"\n")


def test_room_is_told_before_there_is_a_folder(root: Path) -> None:
    assert scratch.free_on_disk() > 0
    assert not root.exists()
