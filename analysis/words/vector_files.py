"""Reads the common formats of word vectors block by block; see `read_vectors`."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count, islice
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.files.text import utf8, wide_encoding, without_mark
from analysis.problems import ProblemError, problem

Block = tuple[Sequence[str | None], NDArray[np.float32]]
"""Words, None for one that is not valid UTF-8, and their vectors, float32 [n, G]."""

WORD_LIST_SUFFIXES = (".txt", ".tsv", ".words", ".vocab")
"""Suffixes of the word list next to an .npy: the same name with one of these."""

_LINES = 2048
_LONGEST_LINE = 1 << 20
_NUMBERS = msgspec.json.Decoder(list[float])
_LARGEST = float(np.finfo(np.float32).max)
_FORMATS = "GloVe or word2vec text (also .gz or .zip), .npy with a word list, .npz or a folder"


def read_vectors(path: Path) -> Iterator[Block]:
    """The words and vectors of a file or folder, in file order and unnormalised.

    - Text: a word and its G numbers per line, separated by white space, with or without word2vec's
      first line of two whole numbers; ``.gz``, or the largest file of a ``.zip``. A word may
      contain spaces, as some of GloVe's do.
    - ``.npy``: [N, G] numbers; the words are in a file next to it, one per line, with the same name
      and one of `WORD_LIST_SUFFIXES`.
    - ``.npz``: arrays ``words`` [N] and ``vectors`` [N, G].
    - A folder written by sentence-transformers that contains a word-embedding model.

    Raises:
        ProblemError: ``storage`` if it cannot be read; ``input`` if it holds no word vectors,
            naming the line.
    """
    try:
        if path.is_dir():
            yield from _sentence_transformers(path)
        elif path.suffix == ".npy":
            yield from _checked(path, _words_beside(path), _array(path))
        elif path.suffix == ".npz":
            yield from _archive(path)
        elif path.suffix in {".bin", ".pt", ".pkl", ".model", ".kv"}:
            raise unusable(path, "Binary and pickled formats are not read.")
        else:
            with _opened(path) as file:
                yield from _text(path, file)
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise unusable(path, f"It is broken: {error}.") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise problem("storage", f"{path} cannot be read.", f"{why}.") from None


def unusable(path: Path, why: str, remedy: str = f"Give {_FORMATS}.") -> ProblemError:
    """A problem that says why there are no word vectors at `path`."""
    return problem("input", f"{path} cannot be used as word vectors.", why, remedy)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """A text file, decompressed as it is read."""
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            yield file
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda entry: entry.file_size, default=None)
            if largest is None:
                raise unusable(path, "The archive is empty.")
            with archive.open(largest) as file:
                yield file
    else:
        with path.open("rb") as file:
            yield file


def _text(path: Path, file: IO[bytes] | gzip.GzipFile) -> Iterator[Block]:
    lines = _lines(path, file)
    size = 0
    while block := list(islice(lines, _LINES)):
        if not size:
            first = block[0][1].split()
            if len(first) == 2 and all(each.isdigit() for each in first):
                block = block[1:] or list(islice(lines, 1))
            if not block:
                break
            number, line = block[0]
            size = len(line.split()) - 1
            if size < 1 or _number(line.split()[-1]) is None:
                raise unusable(path, f"Line {number} is no word and its numbers.")
        yield _parsed(path, block, size)


def _lines(path: Path, file: IO[bytes] | gzip.GzipFile) -> Iterator[tuple[int, bytes]]:
    """(number, line) of each non-blank line."""
    for number in count(1):
        line = file.readline(_LONGEST_LINE)
        if not line:
            return
        if number == 1:
            if encoding := wide_encoding(line):
                raise unusable(
                    path, f"It is {encoding}.", f"Convert it: iconv -f {encoding} -t UTF-8"
                )
            line = without_mark(line)
        if b"\0" in line or len(line) == _LONGEST_LINE:
            raise unusable(path, f"It is not text: see line {number}.")
        if not line.isspace():
            yield number, line.strip()


def _parsed(path: Path, block: list[tuple[int, bytes]], size: int) -> Block:
    """The words and numbers of some lines."""
    if all(line.count(b" ") == size and b"\t" not in line for _, line in block):
        parts = [line.split(b" ", 1) for _, line in block]
        # Parse thousands of lines in one call as a single JSON list, the fastest parser available
        # here. Anything malformed or not spelled as JSON is read line by line below.
        joined = b",".join(each for _, each in parts).replace(b" ", b",")
        with suppress(msgspec.DecodeError), np.errstate(over="ignore"):
            values = np.array(_NUMBERS.decode(b"[" + joined + b"]"), dtype=np.float32)
            if len(values) == len(block) * size and np.isfinite(values).all():
                return [_decoded(word) for word, _ in parts], values.reshape(len(block), size)
    words = []
    rows = np.empty((len(block), size), dtype=np.float32)
    for row, (number, line) in zip(rows, block, strict=True):
        word, *fields = line.rsplit(None, size)
        numbers = [_number(field) for field in fields]
        extra = word.split()[1:]
        if len(fields) < size or (extra and _number(extra[-1]) is not None):
            have = len(line.split()) - 1
            raise unusable(path, f"Line {number} has {have} numbers, the first line {size}.")
        for field, value in zip(fields, numbers, strict=True):
            if value is None or not abs(value) <= _LARGEST:
                shown = field[:20].decode(errors="replace")
                raise unusable(path, f"In line {number}, {shown!r} is not a finite number.")
        row[:] = numbers
        words.append(_decoded(word))
    return words, rows


def _number(field: bytes) -> float | None:
    try:
        return float(field)
    except ValueError:
        return None


def _decoded(word: bytes) -> str | None:
    try:
        return word.decode()
    except UnicodeDecodeError:
        return None


def _words_beside(path: Path) -> list[str]:
    lists = [path.with_suffix(suffix) for suffix in WORD_LIST_SUFFIXES]
    found = next((each for each in lists if each.is_file()), None)
    if found is None:
        names = ", ".join(each.name for each in lists)
        raise unusable(path, "There is no word list next to it.", f"Add one of {names}.")
    try:
        lines = utf8(found.read_bytes()).decode().split("\n")
    except UnicodeDecodeError:
        raise unusable(path, f"{found.name} beside it is not UTF-8.") from None
    return [line.rstrip("\r").partition("\t")[0] for line in lines if line.strip()]


def _array(path: Path) -> NDArray[np.floating]:
    try:
        loaded: NDArray[np.floating] = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise unusable(path, f"It is no array of numbers: {error}.") from None
    return loaded


def _archive(path: Path) -> Iterator[Block]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = {"words", "vectors"} - set(archive.files)
            if missing:
                raise unusable(path, f"It has no array named {' or '.join(sorted(missing))}.")
            words, vectors = archive["words"], archive["vectors"]
    except ValueError as error:
        raise unusable(path, f"It cannot be read without unpickling: {error}.") from None
    if words.dtype.kind != "U":
        raise unusable(path, "Its words are no text.")
    yield from _checked(path, words.ravel().tolist(), vectors)


class _Tokenizer(msgspec.Struct):
    """The part of whitespacetokenizer_config.json that matters."""

    vocab: list[str]


def _sentence_transformers(folder: Path) -> Iterator[Block]:
    config = next(
        (
            inner / name
            for inner in (folder, *sorted(each for each in folder.iterdir() if each.is_dir()))
            if (inner / "wordembedding_config.json").is_file()
            for name in ("whitespacetokenizer_config.json", "phrasetokenizer_config.json")
            if (inner / name).is_file()
        ),
        None,
    )
    if config is None:
        raise unusable(
            folder, "It has no wordembedding_config.json with whitespacetokenizer_config.json."
        )
    weights = config.with_name("model.safetensors")
    if not weights.is_file():
        raise unusable(
            folder,
            "Its weights are pickled, and pickles are not read."
            if config.with_name("pytorch_model.bin").is_file()
            else f"{weights} is missing.",
            "Save it again with a newer sentence-transformers, which writes model.safetensors.",
        )
    # Imported here: only this format needs it.
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        words = msgspec.json.decode(config.read_bytes(), type=_Tokenizer).vocab
        matrices = [each for each in load_file(weights).values() if each.ndim == 2]
    except (msgspec.DecodeError, SafetensorError, KeyError, TypeError) as error:
        raise unusable(folder, f"It is broken: {error}.") from None
    if len(matrices) != 1:
        raise unusable(folder, f"{weights.name} has {len(matrices)} matrices instead of one.")
    yield from _checked(folder, words, matrices[0])


def _checked(path: Path, words: Sequence[str], vectors: NDArray[np.floating]) -> Iterator[Block]:
    """Blocks of an array, after checking its shape and numbers."""
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise unusable(path, f"{vectors.dtype} {vectors.shape} is no [words, numbers] array.")
    if len(words) != len(vectors):
        raise unusable(path, f"There are {len(words)} words and {len(vectors)} vectors.")
    for start in range(0, len(words), _LINES):
        rows = np.asarray(vectors[start : start + _LINES], dtype=np.float32)
        broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(broken):
            row = start + int(broken[0])
            raise unusable(path, f"Vector {row + 1} ({words[row][:40]!r}) is not finite.")
        yield words[start : start + _LINES], rows
