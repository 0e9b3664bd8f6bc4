"""Fingerprints of model folders, computed without loading the model."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from cache.codec import encode

# Files read in full: configuration, tokenizer in any format, chat templates, weight indices and
# Python code that ships with the model.
_CONTENTS = {".json", ".jinja", ".model", ".txt", ".tiktoken", ".bpe", ".py"}
_WEIGHTS = {".safetensors", ".bin"}

# Larger weight files would take too long to read for every answer that is looked up.
_SMALL = 1 << 24

# safetensors rejects larger headers.
_LARGEST_HEADER = 100_000_000
_BEGINNING = 4096

_COMMIT = re.compile(r"[0-9a-f]{40}")


def fingerprint(folder: Path) -> str:
    """A string that changes when the model in `folder` does.

    A snapshot in the hub cache is named by its commit and never changes: ``hub:<commit>``. Any
    other folder gives ``files:<sha256>`` over the contents of its configuration, tokenizer and
    template files, of weight files of up to 16 MiB, and the name, size, modification time and
    safetensors header of each larger one, so further training in place changes the fingerprint.
    Small models are thus the same wherever and whenever they were copied or installed.

    Raises:
        FileNotFoundError: There is no such folder.
        OSError: The folder or one of its files cannot be read.
    """
    if not folder.exists():
        raise FileNotFoundError(f"no such folder: {folder}")
    commit = _hub_commit(folder)
    if commit is not None:
        return f"hub:{commit}"
    described = [_describe(path, folder) for path in _files(folder)]
    return f"files:{hashlib.sha256(encode(described)).hexdigest()}"


def _hub_commit(folder: Path) -> str | None:
    """The commit if the path is ``models--<owner>--<name>/snapshots/<commit>``."""
    folder = folder.resolve()
    repository = folder.parent.parent.name
    in_hub_cache = folder.parent.name == "snapshots" and repository.startswith("models--")
    return folder.name if in_hub_cache and _COMMIT.fullmatch(folder.name) else None


def _files(folder: Path) -> list[Path]:
    """The files that make up a model, sorted by name."""
    suffixes = _CONTENTS | _WEIGHTS
    named = [path for path in folder.iterdir() if path.suffix in suffixes]
    named.extend(folder.glob("additional_chat_templates/*.jinja"))
    return sorted(path for path in named if path.is_file())


def _describe(path: Path, folder: Path) -> tuple[str, int, int, bytes]:
    """Name, size, time and digest; size and time are 0 for files that are read in full."""
    name = path.relative_to(folder).as_posix()
    if path.suffix not in _WEIGHTS:
        return name, 0, 0, hashlib.sha256(path.read_bytes()).digest()
    stat = path.stat()
    if stat.st_size <= _SMALL:
        return name, 0, 0, _digest(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return name, stat.st_size, stat.st_mtime_ns, hashlib.sha256(_header(path)).digest()


@lru_cache(64)
def _digest(path: Path, *_: int) -> bytes:
    """The digest of a file's content; its size and times, given too, tell one content from another
    in the same place.
    """
    return hashlib.sha256(path.read_bytes()).digest()


def _header(path: Path) -> bytes:
    """Length and text of a safetensors header; the first bytes if the header is invalid."""
    with path.open("rb") as file:
        beginning = file.read(8)
        length = int.from_bytes(beginning, "little")
        sound = path.suffix == ".safetensors" and length <= _LARGEST_HEADER
        return beginning + file.read(length if sound else _BEGINNING)
