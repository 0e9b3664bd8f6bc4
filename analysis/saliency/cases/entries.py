"""The JSON files of a case library: what their lines hold, and which of them are broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from analysis.files import json_lines
from analysis.files.json_lines import broken, decoded
from analysis.files.writing import whole_file
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
    """A line of responses_MODEL.jsonl.

    `moves` is how far the prompt's tokens move each response token's probability, at most, and
    `moves_exact` whether occlusion measured it; None where nobody wrote it.
    """

    id: str
    response_tokens: list[str]
    moves: list[float] | None = None
    moves_exact: bool = False


class _RatingEntry(msgspec.Struct):
    """A line of ratings.jsonl."""

    id: str
    model: str
    rating: float


class ModelsFile(msgspec.Struct, omit_defaults=True):
    """The content of models.json: base before tuned, and whose responses the maps explain."""

    models: tuple[str, ...] = ()
    responses: Literal["own", "base", "tuned", "reference"] = "own"


def write_models_file(folder: Path, models: Sequence[str], responses: str) -> None:
    """Write models.json; raises OSError."""
    content = ModelsFile(tuple(models), responses)  # type: ignore[arg-type]  # checked by readers
    (folder / "models.json").write_bytes(msgspec.json.encode(content))


def models_file(path: Path, names: list[str]) -> ModelsFile:
    """What a file states of the models; nothing where there is no file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ModelsFile()
    except OSError as error:
        raise broken(path, None, f"It cannot be read: {error.strerror}.") from None
    content = decoded(msgspec.json.Decoder(ModelsFile), data, path, 1)
    stated = content.models
    if sorted(stated) != sorted(names):
        raise broken(
            path,
            None,
            f"It names {' and '.join(stated) or 'no model'}; "
            f"the responses are those of {' and '.join(sorted(names))}.",
        )
    return content


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


def write_ratings(
    folder: Path, models: Sequence[str], responses: str, rated: Iterable[tuple[str, str, float]]
) -> None:
    """Write (case id, model, rating) in place of the ratings there were.

    Where no file says which model is the base, that is written too: a rating must not change what
    they are taken for. Raises ProblemError, ``storage``.
    """
    path = folder / "ratings.jsonl"
    lines = [
        msgspec.json.encode(_RatingEntry(case, model, rating)).decode()
        for case, model, rating in rated
    ]
    try:
        if not (folder / "models.json").exists():
            write_models_file(folder, models, responses)
        with whole_file(path) as stream:
            stream.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise problem(
            "storage",
            f"The ratings {path} cannot be written.",
            f"{error.strerror}.",
            "Copy the folder to where you may write, or give ratings in a file with --ratings.",
        ) from None


def missing(path: Path) -> ProblemError:
    return problem("storage", f"{path} is missing.", _FILES)
