"""Reads a folder of stored saliency maps without a model: an index, and maps loaded on demand.

The folder holds ``cases.jsonl``, ``responses_MODEL.jsonl`` and ``salience_MODEL.npz`` for one or
two models, and optionally ``ratings.jsonl``. ``models.json``, if present, says which model is the
base: ``{"models": ["BASE", "TUNED"]}``. Nothing is ever unpickled.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.files.json_lines import broken, entry_at
from analysis.models.tokens import Span, Tokens
from analysis.problems import problem
from analysis.saliency.cases.entries import (
    CaseEntry,
    FullCaseEntry,
    ResponseEntry,
    entries,
    missing,
    model_names,
    models_file,
    ratings,
    write_ratings,
)
from analysis.saliency.cases.instructions import instruction_mask
from analysis.saliency.cases.tokens import tokens_from_pieces
from analysis.saliency.density import (
    DENSITY_FLOOR,
    importance_density,
    instruction_score,
    raise_floor,
)
from analysis.saliency.map import SaliencyMap

STUDY_CASES = "cases"
"""Subfolder of a study's folder that holds its case library."""


@dataclass(frozen=True)
class Case:
    """A case as shown in the list of cases; `id` is unique in the library.

    `ratings` say how well each model's response follows the prompt, 1 to 4; None if unrated.
    `guessed`: nobody marked its instructions.
    """

    id: str
    dataset: str
    prompt: str
    response_lengths: tuple[int, ...]
    ratings: tuple[float | None, ...]
    guessed: bool = False

    @property
    def rating(self) -> float | None:
        """The rating of the last model that has one."""
        return next((each for each in reversed(self.ratings) if each is not None), None)


@dataclass(frozen=True, eq=False)
class CaseText:
    """The parts of a case that do not depend on the model.

    `instruction` is bool [N], the published mask; `context` is the part of the prompt that is
    material, `reference` the dataset's answer.
    """

    prompt_tokens: Tokens
    instruction: NDArray[np.bool_]
    instruction_spans: tuple[Span, ...]
    context: str
    reference: str


class CaseLibrary:
    """The cases of a folder and, on demand, their maps. Threads may read it concurrently.

    Attributes:
        folder: The opened folder.
        models: One name, or base and tuned in this order, as ``models.json`` says. Without it, a
            model with ratings is the tuned one, because ratings judge how instructions were
            followed; otherwise the order of names decides.
        responses: Whose responses the maps explain: each model's own, or one that both were given.
        cases: In file order.
    """

    def __init__(self, folder: Path) -> None:
        """Read the index; the maps stay on disk.

        Raises ProblemError, ``storage``, naming file and line, for a damaged folder or no case
        library.
        """
        self.folder = folder
        responses = model_names(folder, "responses_", ".jsonl")
        self._lines: dict[str, int] = {}
        listed: list[CaseEntry] = []
        for number, offset, entry in entries(folder / "cases.jsonl", CaseEntry):
            if entry.id in self._lines:
                raise broken(folder / "cases.jsonl", number, f"The id {entry.id!r} occurs twice.")
            self._lines[entry.id] = offset
            listed.append(entry)
        rated_as = ratings(folder / "ratings.jsonl")
        rated = {model for model, _ in rated_as}
        stated = models_file(folder / "models.json", responses)
        self.models: tuple[str, ...] = stated.models or tuple(
            sorted(responses, key=lambda name: (name in rated, name))
        )
        self.responses = stated.responses
        self._responses = {model: self._response_index(model) for model in self.models}
        self._archives = {model: self._archive(model) for model in self.models}
        self.cases = tuple(
            Case(
                id=entry.id,
                dataset=entry.dataset,
                prompt=entry.prompt,
                response_lengths=tuple(self._responses[name][entry.id][1] for name in self.models),
                ratings=tuple(rated_as.get((name, entry.id)) for name in self.models),
                guessed=entry.instruction_guessed,
            )
            for entry in listed
        )

    @classmethod
    def open(cls, folder: Path) -> CaseLibrary:
        """The library in a folder, or in the ``cases`` subfolder of a study; see `CaseLibrary`."""
        inside = folder / STUDY_CASES
        is_library = (folder / "cases.jsonl").exists() or not (inside / "cases.jsonl").exists()
        return cls(folder if is_library else inside)

    def close(self) -> None:
        """Close the archives. The index stays readable."""
        for archive in self._archives.values():
            archive.close()

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """The datasets, in order of first appearance."""
        return tuple(dict.fromkeys(case.dataset for case in self.cases))

    @cached_property
    def _by_id(self) -> dict[str, Case]:
        return {case.id: case for case in self.cases}

    def case(self, case_id: str) -> Case:
        """The case with an id. Raises KeyError for an id that is not in `cases`."""
        return self._by_id[case_id]

    def rating(self, case_id: str, model: str) -> float | None:
        """The rating of one model's response; None if unrated."""
        return self.case(case_id).ratings[self.models.index(model)]

    def rate(self, case_id: str, model: str, rating: float | None) -> None:
        """Rate one model's response, and write the ratings; None takes a rating away.

        Raises:
            KeyError: The library does not have this id or model.
            ProblemError: ``storage`` if the file cannot be written; nothing is changed then.
        """
        old, index = self.case(case_id), self.models.index(model)
        new = replace(old, ratings=(*old.ratings[:index], rating, *old.ratings[index + 1 :]))
        cases = tuple(new if case is old else case for case in self.cases)
        write_ratings(
            self.folder,
            self.models,
            self.responses,
            (
                (case.id, name, value)
                for case in cases
                for name, value in zip(self.models, case.ratings, strict=True)
                if value is not None
            ),
        )
        self.cases = cases
        self._by_id[case_id] = new

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
        entry = self._full_entry(case_id)
        path = self._responses_path(model)
        offset, _ = self._responses[model][case_id]
        response = entry_at(path, offset, ResponseEntry)
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
            scores=self._scores(case_id, model, len(tokens)),
            importance=None,
            visible=np.ones(len(tokens), dtype=np.bool_),
        )

    def instruction_scores(self) -> Iterator[tuple[str, tuple[float, ...]]]:
        """(case id, score of each of `models`) under the published masks (METHODS 1)."""
        for case in self.cases:
            mask = self._instruction(self._full_entry(case.id))
            scores = (self._scores(case.id, model, len(mask)) for model in self.models)
            densities = (importance_density(raise_floor(each, DENSITY_FLOOR)) for each in scores)
            yield case.id, tuple(instruction_score(each, mask) for each in densities)

    def _full_entry(self, case_id: str) -> FullCaseEntry:
        return entry_at(self.folder / "cases.jsonl", self._lines[case_id], FullCaseEntry)

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

    def _response_index(self, model: str) -> dict[str, tuple[int, int]]:
        """Id → (offset of its line, number of response tokens)."""
        path = self._responses_path(model)
        index = {
            entry.id: (offset, len(entry.response_tokens))
            for _, offset, entry in entries(path, ResponseEntry)
        }
        for case_id in self._lines:
            if case_id not in index:
                raise broken(path, None, f"There is no response for case {case_id!r}.")
        return index

    def _archive(self, model: str) -> zipfile.ZipFile:
        path = self.folder / f"salience_{model}.npz"
        try:
            archive = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise missing(path) from None
        except (OSError, zipfile.BadZipFile) as error:
            raise broken(path, None, f"It is no archive: {error}.") from None
        present = set(archive.namelist())
        for case_id in self._lines:
            if f"{case_id}.npy" not in present:
                archive.close()
                raise broken(path, None, f"There is no map for case {case_id!r}.")
        return archive

    def _scores(self, case_id: str, model: str, length: int) -> NDArray[np.uint8]:
        """The uint8 [N, M] array of a case; its header is trusted only if the tokens agree."""
        path = self.folder / f"salience_{model}.npz"
        shape = (length, self._responses[model][case_id][1])
        try:
            with self._archives[model].open(f"{case_id}.npy") as file:
                version = np.lib.format.read_magic(file)
                read = (
                    np.lib.format.read_array_header_1_0
                    if version == (1, 0)
                    else np.lib.format.read_array_header_2_0
                )
                stored, fortran, dtype = read(file)
                if dtype != np.uint8 or stored != shape:
                    raise broken(
                        path,
                        None,
                        f"The map of case {case_id!r} should be uint8 {shape}, "
                        f"but it is {dtype} {stored}.",
                    )
                # Ask for one byte more so that the archive verifies its checksum at the end.
                data = file.read(shape[0] * shape[1] + 1)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise broken(path, None, f"Case {case_id!r} cannot be read: {error}.") from None
        if len(data) != shape[0] * shape[1]:
            raise broken(path, None, f"The map of case {case_id!r} is cut short or too long.")
        return np.frombuffer(data, dtype=np.uint8).reshape(shape, order="F" if fortran else "C")


def _places(prompt: str, pieces: list[str]) -> tuple[Span, ...]:
    """The span of each piece of text in the prompt; pieces that do not occur are left out."""
    starts = ((prompt.find(piece), len(piece)) for piece in pieces if piece)
    return tuple(sorted((start, start + length) for start, length in starts if start >= 0))
