"""Small models on disk, built once for all tests of the engine and of models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import checkpoints


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama in one file, with a byte-level tokenizer and a chat template."""
    tokenizer = checkpoints.byte_level_tokenizer()
    folder = tmp_path_factory.mktemp("models") / "llama"
    return checkpoints.save(folder, checkpoints.llama(tokenizer), tokenizer)


@pytest.fixture(scope="session")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in several files."""
    tokenizer = checkpoints.byte_level_tokenizer()
    folder = tmp_path_factory.mktemp("models") / "sharded"
    return checkpoints.save(folder, checkpoints.llama(tokenizer), tokenizer, shards=True)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and no network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


@pytest.fixture
def copy(llama: Path, tmp_path: Path) -> Path:
    """A model to change."""
    return Path(shutil.copytree(llama, tmp_path / "copy"))
