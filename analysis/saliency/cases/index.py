"""What a library's list needs of its cases: numbers by column, and a line to search for each.

The numbers are in memory, under a hundred bytes a case; the lines stay in their file. An index is
kept beside the cases, and taken only if names, sizes and times of their files are what they were.
"""

from __future__ import annotations

import hashlib
import os
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.files.columns import read_columns, write_columns
from analysis.table import name_key

INDEX = ".insttui-index"
KEPT_FROM = 8 << 20
"""Bytes of text from which an index is kept; smaller libraries are read in a tenth of a second."""

BETWEEN = "\x1f"
"""Stands between the cells of a line: id, dataset, prompt."""

GUESSED = "~"
"""Before the id of a case whose instructions nobody marked, in a list of cases."""

_VERSION = 1
_AT_ONCE = 2 << 20
_WORDS_KEPT = 32
# A file that changed so shortly before it was read may change again and keep its time.
_RESTED_NS = 2_000_000_000

Stamp = tuple[tuple[str, int, int, int], ...]


class _About(msgspec.Struct):
    version: int
    stamp: Stamp
    models: tuple[str, ...]
    datasets: tuple[str, ...]


@dataclass(eq=False)
class _Search:
    """Which cases have a word, what is left to be looked at, and whether that is nothing."""

    having: NDArray[np.bool_]
    hits: Iterator[list[int]]
    done: bool = False


@dataclass(frozen=True, eq=False)
class Index:
    """The cases of a folder by number, in file order.

    Attributes:
        models: Whose numbers the rows of columns of two dimensions are.
        datasets: In order of first appearance.
        columns: `line` is where each line to search begins and the last one ends; `case` and
            `response` are offsets of lines in their files, `length` response tokens, `member_…`
            the places of maps, `dataset` numbers in `datasets`, `guessed` flags; `key` are hashes
            of the ids, `order` sorts them; `rank_…` sorts by id and by prompt, NaN for none.
        text: The file of the lines.
        whole: Whether all cases are in it.
    """

    models: tuple[str, ...]
    datasets: tuple[str, ...]
    columns: dict[str, NDArray[Any]]
    text: BinaryIO
    whole: bool
    _found: dict[str, _Search] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["case"])

    def numbers(self, case_id: str) -> list[int]:
        """The numbers of the cases that may have this id; more than one is a rare accident."""
        order, key = self.columns["order"], id_key(case_id)
        keys = self.columns["key"]
        start = int(np.searchsorted(keys, key, sorter=order))
        found = []
        for place in range(start, len(order)):
            if keys[order[place]] != key:
                break
            found.append(int(order[place]))
        return found

    def rank(self, column: str) -> NDArray[np.float64]:
        """What ``id``, ``dataset`` or ``prompt`` is sorted by: float64 [cases], NaN for none."""
        if column == "dataset":
            ranks = _ranks(list(map(name_key, self.datasets)))
            return ranks.take(self.columns["dataset"])
        name = f"rank_{column}"
        if name not in self.columns:
            self.columns[name] = _ranks(self._names(0 if column == "id" else 2))
        return self.columns[name]

    def _names(self, cell: int) -> list[str]:
        names = [
            line.split(BETWEEN.encode(), 2)[cell].decode("utf-8", "surrogatepass")
            for _, data, _ in self._pieces()
            for line in data.split(b"\n")[:-1]
        ]
        if cell == 0:
            guessed = self.columns["guessed"]
            names = [name[int(guessed[number]) :] for number, name in enumerate(names)]
        return [name_key(name) for name in names]

    def having(self, word: str, until: float) -> tuple[NDArray[np.bool_], bool]:
        """Whether id, dataset and prompt have a casefolded word: bool [cases], as far as is known.

        The lines are read again for each word, some at a time, and let go at once. While a word is
        typed, only those that had its beginning are looked at.

        Args:
            word: The word.
            until: When to stop, in seconds of `time.perf_counter`; the next call goes on.

        Returns:
            Which cases have it, and whether all were looked at.
        """
        if word not in self._found:
            if len(self._found) == _WORDS_KEPT:
                del self._found[next(iter(self._found))]
            before = self._found.get(word[:-1])
            few = before and before.done and 2 * int(before.having.sum()) < len(self)
            having = np.zeros(len(self), np.bool_)
            sought = word.encode("utf-8", "surrogatepass")
            hits = self._hits(sought, before.having if few and before else None)
            self._found[word] = _Search(having, hits)
        search = self._found[word]
        while not search.done and time.perf_counter() < until:
            found = next(search.hits, None)
            search.done = found is None
            search.having[found or []] = True
        return search.having, search.done

    def _hits(self, word: bytes, among: NDArray[np.bool_] | None) -> Iterator[list[int]]:
        """The numbers of the cases that have a word, some at a time."""
        for first, data, starts in self._pieces():
            if among is not None:
                rows = np.flatnonzero(among[first : first + len(starts) - 1]).tolist()
                ends = starts[1:]
                yield [first + row for row in rows if data.find(word, starts[row], ends[row]) >= 0]
                continue
            hits: list[int] = []
            row, place = 0, data.find(word)
            while place >= 0:
                if place >= starts[row + 1]:
                    row = bisect_right(starts, place, row) - 1
                hits.append(first + row)
                row += 1
                place = data.find(word, starts[row])
            yield hits

    def _pieces(self) -> Iterator[tuple[int, bytes, list[int]]]:
        """Number of the first line, some lines, and where in them each begins and the last ends."""
        lines, descriptor, first = self.columns["line"], self.text.fileno(), 0
        while first < len(self):
            start = int(lines[first])
            end = max(first + 1, int(np.searchsorted(lines, start + _AT_ONCE, side="right")) - 1)
            data = os.pread(descriptor, int(lines[end]) - start, start)
            if len(data) < int(lines[end]) - start:
                raise OSError("the index is cut short")
            yield first, data, (lines[first : end + 1] - start).tolist()
            first = end

    @cached_property
    def guessed(self) -> NDArray[np.bool_]:
        """Whether a case's instructions were guessed."""
        return self.columns["guessed"].astype(np.bool_)

    def keep(self, folder: Path, stamp: Stamp) -> bool:
        """Write the index beside the cases; False where that cannot be."""
        about = _About(_VERSION, stamp, self.models, self.datasets)
        with suppress(OSError):
            write_columns(folder / INDEX, about, self.columns, self.text)
            return True
        return False


def kept_index(folder: Path, stamp: Stamp) -> Index | None:
    """The index beside the cases, if it is of the files as they are now."""
    try:
        file = (folder / INDEX).open("rb")
    except OSError:
        return None
    found = read_columns(file.fileno(), _About)
    if found is not None:
        about, columns, _ = found
        if about.version == _VERSION and about.stamp == stamp:
            return Index(about.models, about.datasets, columns, file, whole=True)
    file.close()
    return None


def stamp_of(folder: Path, names: Sequence[str]) -> Stamp:
    """Name, size and times (ns) of files, by which a change of any is seen without reading it.

    The second time is that of the last change of the file's entry, which no program sets. A file
    that is missing is left out.
    """
    found = []
    for name in sorted(names):
        with suppress(OSError):
            stat = (folder / name).stat()
            found.append((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    return tuple(found)


def rested(stamp: Stamp, began_ns: int) -> bool:
    """Whether files had not changed for a while before something was read off them."""
    return all(max(changed, entry) + _RESTED_NS < began_ns for _, _, changed, entry in stamp)


def now_ns() -> int:
    """The time of files' stamps."""
    return time.time_ns()


def id_key(case_id: str) -> np.uint64:
    """A hash of an id."""
    data = case_id.encode("utf-8", "surrogatepass")
    return np.uint64(int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little"))


def _ranks(names: list[str]) -> NDArray[np.float64]:
    """Each name's place in the order of all; the same for the same names, NaN for an empty one."""
    ranks = np.full(len(names), np.nan)
    before, rank = "", -1
    for number in sorted(range(len(names)), key=names.__getitem__):
        if name := names[number]:
            rank += name != before
            ranks[number], before = rank, name
    return ranks
