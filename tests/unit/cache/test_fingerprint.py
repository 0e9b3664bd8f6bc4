"""Whatever changes a model changes its fingerprint; what does not, does not."""

from __future__ import annotations

import os
import shutil
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


def test_a_hub_snapshot_is_its_commit(tmp_path):
    snapshot = tmp_path / "models--org--name" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    assert fingerprint(snapshot) == f"hub:{COMMIT}"
    (tmp_path / "link").symlink_to(snapshot)
    assert fingerprint(tmp_path / "link") == f"hub:{COMMIT}"


@pytest.mark.parametrize(
    "place",
    [f"models--o--n/snapshots/{COMMIT[:-1]}", f"models--o--n/{COMMIT}", f"x/snapshots/{COMMIT}"],
)
def test_a_folder_that_only_resembles_a_snapshot_is_looked_into(tmp_path, place):
    folder = tmp_path / place
    folder.mkdir(parents=True)
    assert fingerprint(folder).startswith("files:")


def add_a_template(model: Path) -> None:
    folder = model / "additional_chat_templates"
    folder.mkdir()
    (folder / "tool.jinja").write_text("{{ tools }}")


CHANGES = {
    "configuration": lambda m: rewrite(m / "config.json", b"llama", b"gpt-2"),
    "tokenizer": lambda m: rewrite(m / "tokenizer.json", b"1.0", b"1.1"),
    "template": lambda m: rewrite(m / "chat_template.jinja", b"messages", b"passages"),
    "template in its own folder": add_a_template,
    "header": lambda m: rewrite(m / "model.safetensors", b"[2]", b"[3]"),
    "retrained in place": lambda m: later(m / "model.safetensors"),
    "pickled weights": lambda m: later(m / "pytorch_model.bin"),
    "longer weights": lambda m: (m / "model.safetensors").open("ab").write(b"\0"),
    "renamed": lambda m: (m / "tokenizer.json").rename(m / "vocab.json"),
    "removed": lambda m: (m / "generation_config.json").unlink(),
    "added weights": lambda m: (m / "adapter_model.safetensors").touch(),
    "added code": lambda m: (m / "modeling_own.py").touch(),
}
# Broken weights have a fingerprint too, of their own.
BROKEN = {
    "empty": b"",
    "cut in the length": b"\x05",
    "length beyond reason": b"\xff" * 8 + b"{",
    "cut in the header": (1 << 26).to_bytes(8, "little") + b"{}",
    "no weights": b"<html>404</html>",
}
CHANGES |= {
    name: lambda m, broken=broken: (m / "model.safetensors").write_bytes(broken)
    for name, broken in BROKEN.items()
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_to_the_model_changes_the_fingerprint(model, change, monkeypatch):
    # As if its weights were too large to be read.
    monkeypatch.setattr("cache.fingerprint._SMALL", -1)
    before = fingerprint(model)
    CHANGES[change](model)
    assert fingerprint(model) != before


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_small_weights_count_by_their_content_alone(model, weights):
    before = fingerprint(model)
    later(model / weights)
    assert fingerprint(model) == before
    content = (model / weights).read_bytes()
    rewrite(model / weights, content, content[:-1] + b"x")
    assert fingerprint(model) != before


def test_moving_touching_and_describing_a_model_keep_the_fingerprint(model, tmp_path):
    before = fingerprint(model)
    later(model / "config.json")
    (model / "README.md").write_text("# A model")
    assert fingerprint(model) == before
    copy = shutil.copytree(model, tmp_path / "elsewhere")
    assert fingerprint(copy) == before


def test_a_broken_link_counts_once_it_is_whole(model, tmp_path):
    (model / "special_tokens_map.json").symlink_to(tmp_path / "blob")
    before = fingerprint(model)
    (tmp_path / "blob").write_text("{}")
    assert fingerprint(model) != before


def test_a_missing_folder_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fingerprint(tmp_path / "nowhere")
