"""The process that trains: what it says, and how it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
import torch

from analysis.clustering.training import __main__ as process
from analysis.clustering.training import training
from analysis.clustering.training.settings import PRESETS, Failed, Message, Progress
from tests.support.scripted_clusters import TINY


@pytest.fixture
def said(monkeypatch, capsys):
    """What the process says where `small` is as small as can be."""
    monkeypatch.setitem(PRESETS, "small", (TINY.data, TINY.training))
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on, warn_only: None)

    def saying(folder: Path) -> list[Message]:
        monkeypatch.setattr(sys, "argv", ["train", str(folder), "--preset", "small"])
        process.main()
        lines = capsys.readouterr().out.splitlines()
        return [msgspec.json.decode(line, type=Message) for line in lines]

    return saying


def test_the_last_step_is_told(said, tmp_path):
    messages = said(tmp_path)
    assert all(isinstance(each, Progress) for each in messages)
    last = messages[-1]
    assert isinstance(last, Progress)
    assert last.step == last.steps
    assert last.epoch == TINY.training.epochs


@pytest.mark.parametrize(("place", "kind"), [("", "input"), ("file/run", "storage")])
def test_a_folder_of_other_things_and_one_that_cannot_be_made_are_told(said, tmp_path, place, kind):
    (tmp_path / "file").write_text("mine")
    (message,) = said(tmp_path / place)
    assert isinstance(message, Failed)
    assert message.problem.kind == kind


def test_too_little_memory_is_told(said, tmp_path, monkeypatch):
    def fail(*given: object, **options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB\nmore")

    monkeypatch.setattr(training, "train_run", fail)
    (message,) = said(tmp_path)
    assert isinstance(message, Failed)
    assert message.problem.kind == "memory"
    assert message.problem.why == "CUDA out of memory. Tried to allocate 9 GiB"
