"""Whatever changes a model changes its fingerprint; what does not, does not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cache.fingerprint import fingerprint

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HEADER = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "generation_config.json").write_text("{}")
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    weights = len(HEADER).to_bytes(8, "little") + HEADER + b"\0" * 8
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "pytorch_model.bin").write_bytes(b"not opened")
    return folder


def rewrite(path: Path, old: bytes, new: bytes) -> None:
    """Change the contents and nothing else: size and times stay."""
    stat = path.stat()
    data = path.read_bytes()
    assert old in data
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def later(path: Path) -> None:
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1000))


def test_a_hub_snapshot_is_its_commit(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--org--name" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    assert fingerprint(snapshot) == f"hub:{COMMIT}"
    (tmp_path / "link").symlink_to(snapshot)
    assert fingerprint(tmp_path / "link") == f"hub:{COMMIT}"


@pytest.mark.parametrize(
    "place",
    [f"models--o--n/snapshots/{COMMIT[:-1]}", f"models--o--n/{COMMIT}", f"x/snapshots/{COMMIT}"],
)
def test_a_folder_that_only_resembles_a_snapshot_is_looked_into(tmp_path: Path, place: str) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True)
    assert fingerprint(folder).startswith("files:")


@pytest.mark.parametrize(
    "change",
    [
        lambda m: rewrite(m / "config.json", b"llama", b"gpt-2"),
        lambda m: rewrite(m / "tokenizer.json", b"1.0", b"1.1"),
        lambda m: rewrite(m / "chat_template.jinja", b"messages", b"passages"),
        lambda m: rewrite(m / "model.safetensors", b"[2]", b"[3]"),
        lambda m: later(m / "model.safetensors"),
        lambda m: later(m / "pytorch_model.bin"),
        lambda m: (m / "model.safetensors").open("ab").write(b"\0"),
        lambda m: (m / "tokenizer.json").rename(m / "vocab.json"),
        lambda m: (m / "generation_config.json").unlink(),
        lambda m: (m / "adapter_model.safetensors").touch(),
        lambda m: (m / "modeling_own.py").touch(),
    ],
    ids=[
        "configuration",
        "tokenizer",
        "template",
        "header",
        "retrained in place",
        "pickled weights",
        "longer weights",
        "renamed",
        "removed",
        "added weights",
        "added code",
    ],
)
def test_a_change_to_the_model_changes_the_fingerprint(
    model: Path, change: Callable[[Path], object]
) -> None:
    before = fingerprint(model)
    change(model)
    assert fingerprint(model) != before


def test_templates_in_their_own_folder_count(model: Path) -> None:
    before = fingerprint(model)
    (model / "additional_chat_templates").mkdir()
    (model / "additional_chat_templates" / "tool.jinja").write_text("{{ tools }}")
    assert fingerprint(model) != before


def test_moving_touching_and_describing_a_model_keep_the_fingerprint(
    model: Path, tmp_path: Path
) -> None:
    before = fingerprint(model)
    later(model / "config.json")
    (model / "README.md").write_text("# A model")
    assert fingerprint(model) == before
    copy = shutil.copytree(model, tmp_path / "elsewhere")
    assert fingerprint(copy) == before


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x05",
        b"\xff" * 8 + b"{",
        (1 << 26).to_bytes(8, "little") + b"{}",
        b"<html>404</html>",
    ],
    ids=["empty", "cut in the length", "length beyond reason", "cut in the header", "no weights"],
)
def test_a_broken_weight_file_has_a_fingerprint(model: Path, broken: bytes) -> None:
    before = fingerprint(model)
    (model / "model.safetensors").write_bytes(broken)
    assert fingerprint(model) != before


def test_a_broken_link_counts_once_it_is_whole(model: Path, tmp_path: Path) -> None:
    (model / "special_tokens_map.json").symlink_to(tmp_path / "blob")
    before = fingerprint(model)
    (tmp_path / "blob").write_text("{}")
    assert fingerprint(model) != before


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fingerprint(tmp_path / "nowhere")
