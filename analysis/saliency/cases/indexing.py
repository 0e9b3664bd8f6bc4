"""Makes the index of a case library, reading every file once; what is read so far can be used.

The lines of a case are read in step: `CaseWriter` writes them in the same order in every file.
Where somebody else's are in another order, what comes too early waits in memory.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.files.json_lines import broken
from analysis.saliency.cases.archive import Member, members
from analysis.saliency.cases.entries import CaseEntry, ResponseEntry, entries
from analysis.saliency.cases.index import BETWEEN, GUESSED, Index, id_key

T = TypeVar("T")

_A_STEP = 500
_KINDS = {"response": "q", "length": "q", "at": "q", "packed": "q", "crc": "q", "method": "q"}


class IndexMaking:
    """An index that grows; `steps` makes it, `so_far` is what can be used of it."""

    def __init__(self, folder: Path, models: tuple[str, ...]) -> None:
        """Open the files; raises ProblemError, ``storage``, for a missing one or no archive."""
        self._folder, self._models = folder, models
        self._lines = array("q", [0])
        self._ids: dict[str, int] = {}
        self._datasets: dict[str, int] = {}
        self._cases, self._keys = array("q"), array("Q")
        self._dataset, self._guessed = array("l"), array("B")
        self._of_models = [
            {name: array(kind) for name, kind in _KINDS.items()} for _ in self._models
        ]
        self._responses = [_InStep(self._lengths(name)) for name in models]
        self._members = [_InStep(members(self._archive(name))) for name in models]
        # Last, since it stays open as long as the index: what is above may fail.
        self._text = tempfile.TemporaryFile()  # noqa: SIM115

    def _archive(self, model: str) -> Path:
        return self._folder / f"salience_{model}.npz"

    def _response_file(self, model: str) -> Path:
        return self._folder / f"responses_{model}.jsonl"

    def _lengths(self, model: str) -> Iterator[tuple[str, tuple[int, int]]]:
        for _, offset, entry in entries(self._response_file(model), ResponseEntry):
            yield entry.id, (offset, len(entry.response_tokens))

    def steps(self) -> Iterator[int]:
        """Read on; the number of cases so far. Raises ProblemError, naming file and line."""
        path = self._folder / "cases.jsonl"
        for number, offset, entry in entries(path, CaseEntry):
            if entry.id in self._ids:
                raise broken(path, number, f"The id {entry.id!r} occurs twice.")
            self._add(offset, entry)
            if len(self._cases) % _A_STEP == 0:
                yield len(self._cases)
        for side in range(len(self._models)):
            # Of lines that tell of the same case the last one counts.
            for case_id, found in self._responses[side].rest():
                self._set_response(side, case_id, found)
            for case_id, member in self._members[side].rest():
                self._set_member(side, case_id, member)
        yield len(self._cases)

    def _add(self, offset: int, entry: CaseEntry) -> None:
        number = len(self._cases)
        places = []
        for side, model in enumerate(self._models):
            response = self._responses[side].take(entry.id)
            if response is None:
                why = f"There is no response for case {entry.id!r}."
                raise broken(self._response_file(model), None, why)
            member = self._members[side].take(entry.id)
            if member is None:
                why = f"There is no map for case {entry.id!r}."
                raise broken(self._archive(model), None, why)
            places.append((*response, *member))
        for columns, place in zip(self._of_models, places, strict=True):
            for name, value in zip(_KINDS, place, strict=True):
                columns[name].append(value)
        self._ids[entry.id] = number
        self._keys.append(int(id_key(entry.id)))
        self._dataset.append(self._datasets.setdefault(entry.dataset, len(self._datasets)))
        self._guessed.append(entry.instruction_guessed)
        mark = GUESSED if entry.instruction_guessed else ""
        cells = (f"{mark}{entry.id}", entry.dataset, entry.prompt)
        flat = BETWEEN.join(" ".join(cell.split()).replace(BETWEEN, " ") for cell in cells)
        line = flat.casefold().encode("utf-8", "surrogatepass") + b"\n"
        self._text.write(line)
        self._lines.append(self._lines[-1] + len(line))
        # Last: another thread counts by it.
        self._cases.append(offset)

    def _set_response(self, side: int, case_id: str, found: tuple[int, int]) -> None:
        number = self._ids.get(case_id)
        if number is not None:
            columns = self._of_models[side]
            columns["response"][number], columns["length"][number] = found

    def _set_member(self, side: int, case_id: str, member: Member) -> None:
        number = self._ids.get(case_id)
        if number is not None:
            for name, value in member._asdict().items():
                self._of_models[side][name][number] = value

    def so_far(self, *, whole: bool = False) -> Index:
        """The index of the cases read so far, by the thread that reads them."""
        self._text.flush()
        keys = np.array(self._keys, dtype=np.uint64)
        columns: dict[str, NDArray[Any]] = {
            "case": np.array(self._cases, dtype=np.int64),
            "line": np.array(self._lines, dtype=np.int64),
            "key": keys,
            "order": keys.argsort(kind="stable").astype(np.int32),
            "dataset": np.array(self._dataset, dtype=np.int32),
            "guessed": np.array(self._guessed, dtype=np.uint8),
        }
        for name in _KINDS:
            rows = [np.array(each[name], dtype=np.int64) for each in self._of_models]
            columns[name] = np.stack(rows)
        index = Index(self._models, tuple(self._datasets), columns, self._text, whole=whole)
        if whole:
            index.rank("id")
            index.rank("prompt")
        return index


class _InStep(Generic[T]):
    """Named values of a file, taken in the order of another one."""

    def __init__(self, found: Iterator[tuple[str, T]]) -> None:
        self._found = found
        self._early: dict[str, T] = {}

    def take(self, name: str) -> T | None:
        """The value of a name; None if there is none."""
        if name in self._early:
            return self._early.pop(name)
        for other, value in self._found:
            if other == name:
                return value
            self._early[other] = value
        return None

    def rest(self) -> Iterator[tuple[str, T]]:
        """What nobody took."""
        yield from self._early.items()
        yield from self._found
