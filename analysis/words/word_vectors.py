"""Converts word vectors of any supported format into a memory map, once (METHODS 2)."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.problems import problem
from analysis.words.vector_files import WORD_LIST_SUFFIXES, read_vectors, unusable

# Files up to this size are identified by content; larger ones by size, time and both ends.
_READ_WHOLE = 16 << 20
_END = 1 << 16

_FORMAT = "word vectors 1"
_WORDS, _VECTORS, _FACTS = "words.txt", "vectors.f32", "facts.json"


class _Facts(msgspec.Struct):
    """Metadata of a conversion: everything except words and numbers."""

    dimensions: int
    notes: list[str]


@dataclass(frozen=True, eq=False)
class VectorMap:
    """Vectors of N distinct words in file order, in a memory map; notes say what was left out.

    `vectors` is float32 [N, G], unit length, read-only.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]
    notes: tuple[str, ...]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def vectors_for(self, words: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The vectors of V words, matched as written, otherwise in lower case.

        float32 [V, G] of unit length, zeros without a vector, and bool [V], True with one.
        """
        places = self._places
        found = np.array(
            [places.get(word, places.get(word.lower(), -1)) for word in words], dtype=np.int64
        )
        known = found >= 0
        result = np.zeros((len(words), self.vectors.shape[1]), dtype=np.float32)
        result[known] = self.vectors[found[known]]
        return result, known


def open_word_vectors(path: Path, folder: Path) -> VectorMap:
    """The word vectors of a file or folder, converted on first use.

    Args:
        path: See `analysis.words.vector_files.read_vectors`.
        folder: Where conversions are kept, each in its own folder. Several processes may convert
            the same file at the same time.

    Raises:
        ProblemError: ``storage`` if something cannot be read or written; ``input`` if there are no
            word vectors, naming the line.
    """
    kept = folder / identity(path)
    if not kept.exists():
        _convert(path, kept)
    try:
        facts = msgspec.json.decode((kept / _FACTS).read_bytes(), type=_Facts)
        words = tuple((kept / _WORDS).read_bytes().decode().split("\n"))
        vectors = np.memmap(
            kept / _VECTORS, dtype="<f4", mode="r", shape=(len(words), facts.dimensions)
        )
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise problem(
            "storage",
            f"The converted word vectors in {kept} are broken.",
            f"{error}.",
            "Delete that folder; it is made anew.",
        ) from None
    return VectorMap(words, vectors, tuple(facts.notes))


def identity(path: Path) -> str:
    """A string that changes when the vectors at `path` do, independent of their location.

    Raises ProblemError, ``storage``, if they cannot be read.
    """
    digest = hashlib.sha256(_FORMAT.encode())
    try:
        for name, part in _parts(path):
            digest.update(f"\0{name}\0".encode())
            _describe(part, digest.update)
    except OSError as error:
        raise problem("storage", f"{path} cannot be read.", f"{error.strerror}.") from None
    return digest.hexdigest()[:32]


def unit_length(vectors: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Rows at unit length, float32 [V, G], and bool [V], False for zero rows, which stay zero."""
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    known: NDArray[np.bool_] = lengths > 0
    return (rows / np.where(known, lengths, 1)[:, None]).astype(np.float32), known


def _parts(path: Path) -> list[tuple[str, Path]]:
    """The files that make up the vectors, each with a name that is unique among them."""
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file())
        return [(each.relative_to(path).as_posix(), each) for each in inside]
    beside = [path.with_suffix(suffix) for suffix in WORD_LIST_SUFFIXES if path.suffix == ".npy"]
    return [(each.suffix, each) for each in (path, *beside) if each == path or each.is_file()]


def _describe(path: Path, update: Callable[[bytes], None]) -> None:
    status = path.stat()
    with path.open("rb") as file:
        if status.st_size <= _READ_WHOLE:
            update(file.read())
            return
        update(f"{status.st_size} {status.st_mtime_ns}".encode())
        update(file.read(_END))
        file.seek(-_END, 2)
        update(file.read())


def _convert(path: Path, kept: Path) -> None:
    """Write the vectors at `path` to the folder `kept`, atomically."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=kept.parent, prefix="making-"))
    except OSError as error:
        raise problem(
            "storage", f"{kept.parent} cannot be written.", f"{error.strerror}."
        ) from None
    try:
        facts, words = _write_vectors(path, making / _VECTORS)
        (making / _WORDS).write_bytes("\n".join(words).encode())
        (making / _FACTS).write_bytes(msgspec.json.encode(facts))
        # Another process may have finished first; its folder has the same content.
        with suppress(FileExistsError):
            making.rename(kept)
    except OSError as error:
        if kept.exists():
            return
        why = f"{error.strerror}."
        raise problem("storage", f"{kept.parent} cannot be written.", why) from None
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _write_vectors(path: Path, target: Path) -> tuple[_Facts, list[str]]:
    """Write unit-length rows of distinct words, and say what was left out."""
    different: dict[str, None] = {}
    repeated = unreadable = without_direction = dimensions = 0
    with target.open("wb") as file:
        for words, rows in read_vectors(path):
            dimensions = rows.shape[1]
            unit, known = unit_length(rows)
            kept = []
            for place, word in enumerate(words):
                if word is None or "\n" in word:
                    unreadable += 1
                elif word in different:
                    repeated += 1
                elif not known[place]:
                    without_direction += 1
                else:
                    different[word] = None
                    kept.append(place)
            file.write(unit[kept].astype("<f4", copy=False).tobytes())
    if not different:
        raise unusable(path, "There is no vector in it.")
    left_out = {
        "words that are there already": repeated,
        "words that are no UTF-8": unreadable,
        "vectors of zeros": without_direction,
    }
    notes = [f"{number:,} {what} are left out." for what, number in left_out.items() if number]
    return _Facts(dimensions, notes), list(different)
