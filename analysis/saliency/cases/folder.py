"""Where a study stores its maps: one case library for both models, or one for each.

A case library has one list of prompt tokens per case. If both models cut every prompt into the same
tokens, the maps share one library, ``cases``; otherwise each model gets its own, ``cases-base`` and
``cases-tuned``. This is known only after the last case. Two libraries are therefore written next to
their final place, joined at the end if they agree, and only then replace earlier ones.
"""

from __future__ import annotations

import filecmp
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from analysis.problems import ProblemError, problem
from analysis.saliency.cases.entries import write_models_file
from analysis.saliency.cases.library import STUDY_CASES
from analysis.saliency.cases.writer import CaseWriter, NewCase
from analysis.studies.making import making_folder

_FILE = re.compile(
    r"\.insttui-.+|(?:cases|ratings)\.jsonl|models\.json|responses_.+\.jsonl|salience_.+\.npz"
)
_SIDES = ("base", "tuned")
_PLACES = (STUDY_CASES, *(f"{STUDY_CASES}-{side}" for side in _SIDES))
_ATTEMPTS = 20


class CaseFolder:
    """A context that collects a study's cases; the folder changes only at `finish`."""

    def __init__(self, folder: Path | None, models: Sequence[str], responses: str = "own") -> None:
        """Begin writing in the study's folder, nothing with None; models are base and tuned.

        Raises ProblemError, ``storage``, if nothing can be written there, or something other than a
        case library is in the way.
        """
        self._folder = folder
        self._names, self._responses = file_names(*models), responses
        self._open = ExitStack()
        self._writers: list[CaseWriter] = []
        if folder is None:
            return
        with self._open:
            try:
                check_case_places(folder)
                self._made = self._open.enter_context(making_folder(folder))
            except OSError as error:
                raise _unwritable(folder, error) from None
            for side, name in zip(_SIDES, self._names, strict=True):
                writer = CaseWriter(self._made / side, [name], responses)
                self._writers.append(self._open.enter_context(writer))
            self._open = self._open.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Remove unfinished libraries."""
        self._open.close()

    def write(self, cases: Sequence[NewCase]) -> None:
        """Add a case as base and tuned model see it; raises ProblemError, ``storage``."""
        for writer, case in zip(self._writers, cases, strict=False):
            writer.write(case)

    def finish(self) -> tuple[str, ...]:
        """Move the libraries to their final place.

        Returns:
            Notes about them for the user.

        Raises:
            ProblemError: ``storage`` if that fails.
        """
        if self._folder is None:
            return ()
        for writer in self._writers:
            writer.close()
        base, tuned = (self._made / side for side in _SIDES)
        try:
            if not filecmp.cmp(base / "cases.jsonl", tuned / "cases.jsonl", shallow=False):
                self._place({_PLACES[1]: base, _PLACES[2]: tuned})
                return (
                    "The models cut prompts into different tokens, so their maps are in two case "
                    f"libraries, {_PLACES[1]} and {_PLACES[2]}.",
                )
            _join(base, tuned, self._names, self._responses)
            self._place({STUDY_CASES: base})
        except OSError as error:
            raise _unwritable(self._folder, error) from None
        return ()

    def _place(self, made: dict[str, Path]) -> None:
        """Move new libraries to their places, and earlier ones out of the way."""
        assert self._folder is not None
        old = self._made / "old"
        old.mkdir()
        for number in range(_ATTEMPTS):
            try:
                for place in _PLACES:
                    if (self._folder / place).exists():
                        (self._folder / place).rename(old / f"{number}-{place}")
                for place, library in made.items():
                    if library.exists():
                        library.rename(self._folder / place)
                return
            except OSError:
                # Another process on the same study got there first.
                if number == _ATTEMPTS - 1:
                    raise


def check_case_places(folder: Path) -> None:
    """Return if a study's libraries could be put into `folder`; call before a study begins.

    Raises ProblemError, ``storage``, if anything else is in their place, or OSError.
    """
    for place in _PLACES:
        _check_replaceable(folder / place)


def file_names(base: str, tuned: str) -> tuple[str, str]:
    """Two models' names as they can appear in file names: the last part of a path or hub id."""
    short = [
        re.sub(r"[^\w.+-]+", "-", name.rstrip("/\\").replace("\\", "/").rpartition("/")[2]).strip(
            "-."
        )
        or side
        for name, side in zip((base, tuned), _SIDES, strict=True)
    ]
    if short[0].casefold() == short[1].casefold():
        return f"{short[0]}-{_SIDES[0]}", f"{short[1]}-{_SIDES[1]}"
    return short[0], short[1]


def _join(base: Path, tuned: Path, names: tuple[str, str], responses: str) -> None:
    """Join two libraries of the same cases in the base model's folder."""
    with (base / "ratings.jsonl").open("ab") as ratings:
        ratings.write((tuned / "ratings.jsonl").read_bytes())
    for file in (f"responses_{names[1]}.jsonl", f"salience_{names[1]}.npz"):
        (tuned / file).rename(base / file)
    write_models_file(base, names, responses)


def _check_replaceable(place: Path) -> None:
    """Refuse to replace anything that no study has written."""
    if not place.exists():
        return
    if not place.is_dir() or not all(_FILE.fullmatch(each.name) for each in place.iterdir()):
        raise problem(
            "storage",
            f"{place} is in the way.",
            "It is not a case library.",
            "Name another folder.",
        )


def _unwritable(folder: Path, error: OSError) -> ProblemError:
    return problem(
        "storage",
        f"The cases cannot be written to {folder}.",
        f"{error.strerror}.",
        "Name another folder with --out.",
    )
