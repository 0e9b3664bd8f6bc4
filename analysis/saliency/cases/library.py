"""Reads a folder of stored saliency maps without a model: an index, the rest loaded on demand.

The folder holds ``cases.jsonl``, ``responses_MODEL.jsonl`` and ``salience_MODEL.npz`` for one or
two models, and optionally ``ratings.jsonl``. ``models.json``, if present, says which model is the
base: ``{"models": ["BASE", "TUNED"]}``. Nothing is ever unpickled. Of large libraries an index and
the scores are kept beside them (`index`, `known`), in files that anybody may delete.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.files.json_lines import broken, entry_at
from analysis.files.writing import reason
from analysis.models.tokens import Span
from analysis.problems import ProblemError, problem
from analysis.saliency.cases import index as cases_index
from analysis.saliency.cases.archive import Member, read_map
from analysis.saliency.cases.case import Case, Cases, CaseText
from analysis.saliency.cases.entries import (
    CaseEntry,
    FullCaseEntry,
    ResponseEntry,
    model_names,
    models_file,
    ratings,
    write_ratings,
)
from analysis.saliency.cases.index import Index, id_key, kept_index, now_ns, rested, stamp_of
from analysis.saliency.cases.indexing import IndexMaking
from analysis.saliency.cases.instructions import instruction_mask
from analysis.saliency.cases.known import Known, kept
from analysis.saliency.cases.tokens import tokens_from_pieces
from analysis.saliency.density import (
    DENSITY_FLOOR,
    importance_density,
    instruction_score,
    raise_floor,
)
from analysis.saliency.map import SaliencyMap

E = TypeVar("E", bound=CaseEntry)

STUDY_CASES = "cases"
"""Subfolder of a study's folder that holds its case library."""


class CaseLibrary:
    """The cases of a folder and, on demand, their maps. Threads may read it concurrently.

    Attributes:
        folder: The opened folder.
        models: One name, or base and tuned in this order, as ``models.json`` says. Without it, a
            model with ratings is the tuned one, because ratings judge how instructions were
            followed; otherwise the order of names decides.
        responses: Whose responses the maps explain: each model's own, or one that both were given.
        index: The columns of the cases that are listed so far.
        known: Their scores and ratings.
        note: What the user should know of the folder, or "".
    """

    def __init__(self, folder: Path, *, later: bool = False) -> None:
        """Take or make the index; the maps stay on disk.

        Args:
            folder: The folder.
            later: Whether `read` is to make the index of a large library that has none.

        Raises:
            ProblemError: ``storage``, naming file and line, for a damaged folder or no case
                library.
        """
        self.folder, self.note = folder, ""
        names = sorted(model_names(folder, "responses_", ".jsonl"))
        texts = ["cases.jsonl", *(f"responses_{each}.jsonl" for each in names)]
        self._sources = [*texts, *(f"salience_{each}.npz" for each in names)]
        self._files: dict[str, BinaryIO] = {}
        self._reading: Iterator[int] | None = None
        self._failed: ProblemError | None = None
        self._stamp = stamp_of(folder, self._sources)
        self._rating_stamp = stamp_of(folder, ["ratings.jsonl"])
        self._large = (
            sum(size for name, size, *_ in self._stamp if name in texts) >= cases_index.KEPT_FROM
        )
        self._lock, self._turn, self._kept_at = threading.Lock(), threading.Lock(), 0.0
        index = kept_index(folder, self._stamp) if self._large else None
        known, fresh = kept(folder, self._stamp, self._rating_stamp) if index else (None, False)
        rated = {} if fresh else ratings(folder / "ratings.jsonl")
        self._rated = rated
        by_model = set(known.rated) if known and fresh else {model for model, _ in rated}
        stated = models_file(folder / "models.json", names)
        self.models: tuple[str, ...] = stated.models or tuple(
            sorted(names, key=lambda name: (name in by_model, name))
        )
        self.responses = stated.responses
        self._making = None if index else IndexMaking(folder, self.models)
        self.index = index or self._making.so_far()  # type: ignore[union-attr]
        # Whoever lets go of a library need not close it.
        self._end = weakref.finalize(self, _close, self.index.text, self._files)
        if known is None or known.models != self.models:
            known, fresh = Known.nothing(self.models, len(self.index)), False
            self._rated = rated = rated or ratings(folder / "ratings.jsonl")
        self.known = known
        self._sides = [self.index.models.index(name) for name in self.models]
        if index is not None and not fresh:
            self.known.rate(self.index, rated, self._has_id)
        if not (later and self._large):
            for _ in self.read():
                pass

    @classmethod
    def open(cls, folder: Path, *, later: bool = False) -> CaseLibrary:
        """The library in a folder, or in the ``cases`` subfolder of a study; see `CaseLibrary`."""
        inside = folder / STUDY_CASES
        is_library = (folder / "cases.jsonl").exists() or not (inside / "cases.jsonl").exists()
        return cls(folder if is_library else inside, later=later)

    def close(self) -> None:
        """Close the files."""
        self._end()

    # The index

    def read(self, every_s: float = 1.0) -> Iterator[int]:
        """Make the index, unless it is there; `index` grows meanwhile.

        Yields the number of cases whenever more of them are listed, at most every so many seconds;
        who waits for another thread that reads gets nothing before the end.

        Raises:
            ProblemError: ``storage``, naming file and line.
        """
        with self._turn:
            making = self._making
            if making is None:
                return
            if self._failed is not None:
                raise self._failed
            # The first ones soon, so that there is something to look at.
            began, shown = now_ns(), time.monotonic() - every_s
            for count in self._steps(making):
                if time.monotonic() - shown > every_s:
                    self._take(making.so_far())
                    yield count
                    shown = time.monotonic()
            if stamp_of(self.folder, self._sources) != self._stamp:
                self._failed = problem(
                    "storage",
                    f"{self.folder} has changed while it was read.",
                    "Something writes to it.",
                    "Open it again once it is complete.",
                )
                raise self._failed
            self._take(making.so_far(whole=True))
            if self._large and rested(self._stamp, began):
                kept = self.index.keep(self.folder, self._stamp)
                if not kept:
                    self.note = (
                        "The index cannot be written beside the cases: it is made at each opening."
                    )
            self._making = None
            self._rated = {}
            yield len(self.index)

    def _steps(self, making: IndexMaking) -> Iterator[int]:
        """Read on; who gave up or failed has read a part already."""
        if self._reading is None:
            self._reading = making.steps()
        try:
            for count in self._reading:  # noqa: UP028 - who gives up does not end it
                yield count
        except ProblemError as error:
            self._failed = error
            raise
        except OSError as error:
            self._failed = problem(
                "storage",
                f"{self.folder} cannot be read.",
                f"{reason(error)}.",
                "An index of about 450 bytes a case needs room where temporary files are.",
            )
            raise self._failed from None

    def _take(self, index: Index) -> None:
        with self._lock:
            self.index = index
            self.known = self.known.extended(len(index))
            self.known.rate(index, self._rated, self._has_id)

    @property
    def whole(self) -> bool:
        """Whether every case is listed."""
        return self.index.whole

    @property
    def cases(self) -> Cases:
        """The cases that are listed so far, in file order."""
        return Cases(self.numbered, np.arange(len(self.index)))

    def finish(self) -> CaseLibrary:
        """The library once every case is listed; raises ProblemError as `read` does."""
        for _ in self.read():
            pass
        return self

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets, in order of first appearance."""
        return self.index.datasets

    @property
    def rating_shown(self) -> NDArray[np.float64]:
        """Ratings of the last model that has one, NaN for none: float64 [cases]."""
        shown = np.full(len(self.index), np.nan)
        for row in self.known.ratings:
            shown = np.where(np.isnan(row), shown, row)
        return shown

    @property
    def is_rated(self) -> bool:
        """Whether any case has a rating."""
        return not np.isnan(self.known.ratings).all()

    def numbered(self, number: int) -> Case:
        """The case with a number in file order; raises ProblemError, ``storage``."""
        entry = self._entry(number, CaseEntry)
        index, known = self.index, self.known
        return Case(
            id=entry.id,
            dataset=entry.dataset,
            prompt=entry.prompt,
            response_lengths=tuple(
                int(index.columns["length"][side, number]) for side in self._sides
            ),
            ratings=tuple(
                None if each != each else float(each) for each in known.ratings[:, number]
            ),
            guessed=entry.instruction_guessed,
        )

    def number(self, case_id: str) -> int:
        """A case's number; raises KeyError for an id that the library does not have."""
        for number in self.index.numbers(case_id):
            if self._has_id(number, case_id):
                return number
        raise KeyError(case_id)

    def _has_id(self, number: int, case_id: str) -> bool:
        # Of two ids one hash in 10^19; a file that is read tells.
        found = self.index.numbers(case_id)
        return found == [number] or self._entry(number, CaseEntry).id == case_id

    def case(self, case_id: str) -> Case:
        """The case with an id. Raises KeyError for an id that is not in `cases`."""
        return self.numbered(self.number(case_id))

    def rating(self, case_id: str, model: str) -> float | None:
        """The rating of one model's response; None if unrated."""
        rating = float(self.known.ratings[self.models.index(model), self.number(case_id)])
        return None if rating != rating else rating

    def rate(self, case_id: str, model: str, rating: float | None) -> None:
        """Rate one model's response, and write the ratings; None takes a rating away.

        Raises:
            KeyError: The library does not have this id or model.
            ProblemError: ``storage`` if the file cannot be written; nothing is changed then.
        """
        if not self.whole:
            raise problem(
                "storage",
                "The folder is still being read.",
                "Ratings are written for all of its cases at once.",
                "Rate the response once every case is listed.",
            )
        side, number = self.models.index(model), self.number(case_id)
        ratings = self.known.ratings.copy()
        ratings[side, number] = np.nan if rating is None else rating
        rated = np.flatnonzero(~np.isnan(ratings).all(axis=0)).tolist()
        write_ratings(
            self.folder,
            self.models,
            self.responses,
            (
                (case_id, name, float(ratings[side, each]))
                for each in rated
                for case_id in (self._entry(each, CaseEntry).id,)
                for side, name in enumerate(self.models)
                if ratings[side, each] == ratings[side, each]
            ),
        )
        self.known.ratings = ratings
        self.known.rated = tuple(sorted({*self.known.rated, model}))
        self._rating_stamp = stamp_of(self.folder, ["ratings.jsonl"])

    # Scores

    def instruction_scores(self) -> Iterator[tuple[str, tuple[float, ...]]]:
        """(case id, score of each of `models`) under the published masks (METHODS 1)."""
        for number in range(len(self.index)):
            case_id = self._entry(number, CaseEntry).id
            if not self.known.scored[number]:
                self.score(number)
            yield case_id, tuple(self.known.scores[:, number].tolist())

    def score(self, number: int) -> None:
        """Compute the scores of a case by its number; raises ProblemError, ``storage``."""
        entry = self._entry(number, FullCaseEntry)
        mask, known = self._instruction(entry), self.known
        for side, model in enumerate(self.models):
            scores = self._scores(number, entry.id, model, len(mask))
            density = importance_density(raise_floor(scores, DENSITY_FLOOR))
            known.scores[side, number] = instruction_score(density, mask)
        known.scored[number] = True

    def keep_scores(self) -> None:
        """Keep scores and ratings beside the cases of a large library, where that can be."""
        if not self._large or not self.whole or not rested(self._stamp, now_ns()):
            return
        if stamp_of(self.folder, self._sources) == self._stamp:
            self.known.keep(self.folder, self._stamp, self._rating_stamp)

    # What is read on demand

    def text(self, case_id: str) -> CaseText:
        """Tokens, instructions, context and reference of a case, read from disk."""
        entry = self._full_entry(case_id)
        tokens = tokens_from_pieces(entry.prompt_tokens, entry.prompt)
        return CaseText(
            prompt_tokens=tokens,
            instruction=self._instruction(entry),
            instruction_spans=_places(entry.prompt, entry.instruction_spans),
            context=entry.context,
            reference=entry.reference,
        )

    def map(self, case_id: str, model: str) -> SaliencyMap:
        """The published map of a case: normalised scores, no importance.

        Raises:
            KeyError: The library does not have this id or model.
            ProblemError: ``storage`` if the files are damaged or inconsistent.
        """
        number = self.number(case_id)
        entry = self._full_entry(case_id)
        path = self._responses_path(model)
        offset = self._place("response", model, number)
        response = entry_at(self._opened(path.name), path, offset, ResponseEntry)
        if response.id != case_id:
            raise self._changed()
        tokens = tokens_from_pieces(entry.prompt_tokens, entry.prompt)
        moves = response.moves
        if moves is not None and len(moves) != len(response.response_tokens):
            raise broken(path, None, f"Case {case_id!r} has {len(moves)} moves, not one a token.")
        return SaliencyMap(
            model=model,
            prompt_tokens=tokens,
            response_tokens=tokens_from_pieces(response.response_tokens),
            moves=None if moves is None else np.array(moves, dtype=np.float32),
            moves_exact=response.moves_exact,
            scores=self._scores(number, case_id, model, len(tokens)),
            importance=None,
            visible=np.ones(len(tokens), dtype=np.bool_),
        )

    def _full_entry(self, case_id: str) -> FullCaseEntry:
        return self._entry(self.number(case_id), FullCaseEntry)

    def _entry(self, number: int, type_: type[E]) -> E:
        path = self.folder / "cases.jsonl"
        columns = self.index.columns
        entry = entry_at(self._opened(path.name), path, int(columns["case"][number]), type_)
        if id_key(entry.id) != columns["key"][number]:
            raise self._changed()
        return entry

    def _place(self, column: str, model: str, number: int) -> int:
        return int(self.index.columns[column][self._sides[self.models.index(model)], number])

    def _opened(self, name: str) -> int:
        """The descriptor of a file that is open from its first use on."""
        with self._lock:
            if name not in self._files:
                try:
                    self._files[name] = (self.folder / name).open("rb")
                except OSError as error:
                    path = self.folder / name
                    raise broken(path, None, f"It cannot be read: {error.strerror}.") from None
            return self._files[name].fileno()

    def _changed(self) -> ProblemError:
        return problem(
            "storage",
            f"{self.folder} has changed since it was opened.",
            "Other cases stand where these stood.",
            "Open it again.",
        )

    def _instruction(self, entry: FullCaseEntry) -> NDArray[np.bool_]:
        if entry.instruction_mask is None:
            tokens = tokens_from_pieces(entry.prompt_tokens, entry.prompt)
            return instruction_mask(tokens, _places(entry.prompt, entry.instruction_spans))
        mask = np.array([each == "1" for each in entry.instruction_mask], dtype=np.bool_)
        if len(mask) != len(entry.prompt_tokens):
            raise problem(
                "storage",
                f"{self.folder / 'cases.jsonl'} is damaged at case {entry.id!r}.",
                f"It has {len(entry.prompt_tokens)} tokens and a mask of {len(mask)}.",
            )
        return mask

    def _responses_path(self, model: str) -> Path:
        return self.folder / f"responses_{model}.jsonl"

    def _scores(self, number: int, case_id: str, model: str, length: int) -> NDArray[np.uint8]:
        """The uint8 [N, M] array of a case."""
        path = self.folder / f"salience_{model}.npz"
        member = Member(*(self._place(name, model, number) for name in Member._fields))
        shape = (length, self._place("length", model, number))
        return read_map(self._opened(path.name), path, case_id, member, shape)


def _close(text: BinaryIO, files: Mapping[str, BinaryIO]) -> None:
    for file in (text, *files.values()):
        file.close()


def _places(prompt: str, pieces: list[str]) -> tuple[Span, ...]:
    """The span of each piece of text in the prompt; pieces that do not occur are left out."""
    starts = ((prompt.find(piece), len(piece)) for piece in pieces if piece)
    return tuple(sorted((start, start + length) for start, length in starts if start >= 0))
