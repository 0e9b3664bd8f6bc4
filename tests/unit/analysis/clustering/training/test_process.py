"""The process that trains: what it says, and how it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest
import torch

from analysis.clustering.training import __main__ as process
from analysis.clustering.training import training
from analysis.clustering.training.messages import Failed, Message, Progress
from analysis.clustering.training.settings import PRESETS
from tests.unit.analysis.clustering.training.tiny import TINY


def said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[Message]:
    """What the process says where `small` is as small as can be."""
    monkeypatch.setitem(PRESETS, "small", (TINY.data, TINY.training))
    monkeypatch.setattr(sys, "argv", ["train", str(folder), "--preset", "small"])
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on, warn_only: None)
    process.main()
    lines = capsys.readouterr().out.splitlines()
    return [msgspec.json.decode(line, type=Message) for line in lines]


def test_the_last_step_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = said(tmp_path, monkeypatch, capsys)
    assert all(isinstance(each, Progress) for each in messages)
    last = messages[-1]
    assert isinstance(last, Progress)
    assert last.step == last.steps
    assert last.epoch == TINY.training.epochs


def test_a_problem_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (message,) = said(tmp_path, monkeypatch, capsys)
    assert isinstance(message, Failed)
    assert message.problem.kind == "input"


def test_too_little_memory_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: object, **options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB\nmore")

    monkeypatch.setattr(training, "train_run", fail)
    (message,) = said(tmp_path, monkeypatch, capsys)
    assert isinstance(message, Failed)
    assert message.problem.kind == "memory"
    assert message.problem.why == "CUDA out of memory. Tried to allocate 9 GiB"


def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    (message,) = said(tmp_path / "file" / "run", monkeypatch, capsys)
    assert isinstance(message, Failed)
    assert message.problem.kind == "storage"
