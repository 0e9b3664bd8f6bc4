"""The JSON files of a case library: what their lines hold, and which of them are broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from analysis import json_lines
from analysis.json_lines import broken, decoded
from analysis.problems import ProblemError, problem

T = TypeVar("T")

_FILES = "A case library has cases.jsonl, and responses_MODEL.jsonl and salience_MODEL.npz a model."


class CaseEntry(msgspec.Struct):
    """The part of a line of cases.jsonl that the index keeps."""

    id: str
    prompt: str
    dataset: str = ""
    instruction_guessed: bool = False


class FullCaseEntry(CaseEntry, kw_only=True):
    """A line of cases.jsonl."""

    prompt_tokens: list[str]
    instruction_spans: list[str] = []
    instruction_mask: str | None = None
    context: str = ""
    reference: str = ""


class ResponseEntry(msgspec.Struct):
    """A line of responses_MODEL.jsonl."""

    id: str
    response_tokens: list[str]


class _RatingEntry(msgspec.Struct):
    """A line of ratings.jsonl."""

    id: str
    model: str
    rating: float


class _ModelsFile(msgspec.Struct):
    """The content of models.json."""

    models: list[str]


def stated_order(path: Path, names: list[str]) -> tuple[str, ...]:
    """The models in the order that a file states, base first; nothing where there is no file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise broken(path, None, f"It cannot be read: {error.strerror}.") from None
    stated = decoded(msgspec.json.Decoder(_ModelsFile), data, path, 1).models
    if sorted(stated) != sorted(names):
        raise broken(
            path,
            None,
            f"It names {' and '.join(stated) or 'no model'}; "
            f"the responses are those of {' and '.join(sorted(names))}.",
        )
    return tuple(stated)


def model_names(folder: Path, prefix: str, suffix: str) -> list[str]:
    """The models a folder has responses of; a ProblemError if it is not a case library."""
    try:
        names = [each.name for each in folder.iterdir()]
    except OSError as error:
        raise problem(
            "storage",
            f"The folder {folder} cannot be opened.",
            f"{error.strerror}.",
            "Name the folder of a case library.",
        ) from None
    models = [
        name.removeprefix(prefix).removesuffix(suffix)
        for name in names
        if name.startswith(prefix) and name.endswith(suffix)
    ]
    if not 1 <= len(models) <= 2:
        raise problem(
            "storage",
            f"{folder} is not a case library.",
            f"It has responses of {len(models)} models ({prefix}MODEL{suffix}).",
            "Name a folder with the results of one or two models.",
        )
    return models


def entries(path: Path, type_: type[T]) -> Iterator[tuple[int, int, T]]:
    """(line number, offset, entry) of every line of a file that is not blank."""
    return json_lines.entries(path, type_, _FILES)


def ratings(path: Path) -> dict[tuple[str, str], float]:
    """(model, case id) → rating; ratings of 0 and less mean that nobody rated it."""
    if not path.exists():
        return {}
    found = (entry for _, _, entry in entries(path, _RatingEntry))
    return {(entry.model, entry.id): entry.rating for entry in found if entry.rating > 0}


def missing(path: Path) -> ProblemError:
    return problem("storage", f"{path} is missing.", _FILES)
