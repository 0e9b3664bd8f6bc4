"""Writes saliency maps as a case library, the folder that `case_library` reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.case_tokens import pieces_from_tokens
from analysis.problems import problem
from analysis.results import Span, Tokens
from analysis.saliency_map import SaliencyMap


@dataclass(frozen=True, eq=False)
class NewCase:
    """A case to be written.

    Attributes:
        id: Its name, unique in the library.
        dataset: The collection of prompts it comes from.
        prompt: The user's text.
        instruction: bool [N], True for the prompt tokens of an instruction.
        instruction_spans: Where the instructions stand in the prompt.
        maps: One map for each model of the library, all of the same prompt tokens.
        ratings: A rating 1 to 4 of each map's response, or None.
        context: The part of the prompt that is material.
        reference: The answer that the dataset gives.
    """

    id: str
    dataset: str
    prompt: str
    instruction: NDArray[np.bool_]
    instruction_spans: Sequence[Span]
    maps: Sequence[SaliencyMap]
    ratings: Sequence[float | None]
    context: str = ""
    reference: str = ""


def write_case_library(folder: Path, models: Sequence[str], cases: Iterable[NewCase]) -> None:
    """Writes cases as they come; nothing but the current one is held in memory.

    The format has no place for special tokens and signed importance: visible rows and normalised
    scores are written.

    Args:
        folder: A folder to make; it must not hold files yet.
        models: The models' names, the part of the file names that tells them apart.
        cases: The cases, their maps in the order of `models`.

    Raises:
        ProblemError: ``storage`` where the folder cannot be written or is not empty; ``input`` for
            a model name that cannot be part of a file name, or maps of different prompt tokens.
    """
    for model in models:
        if not model or Path(model).name != model or "\0" in model:
            raise problem("input", f"The model name {model!r} cannot be part of a file name.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise problem("storage", f"The folder {folder} is not empty.", "", "Name another one.")
        with ExitStack() as stack:
            texts = stack.enter_context((folder / "cases.jsonl").open("wb"))
            ratings = stack.enter_context((folder / "ratings.jsonl").open("wb"))
            outputs = [
                (
                    stack.enter_context((folder / f"responses_{model}.jsonl").open("wb")),
                    stack.enter_context(
                        ZipFile(folder / f"salience_{model}.npz", "w", ZIP_DEFLATED)
                    ),
                )
                for model in models
            ]
            for case in cases:
                _write_text(texts, case)
                for model, shown, rating, output in zip(
                    models, case.maps, case.ratings, outputs, strict=True
                ):
                    _write_map(*output, case, shown)
                    if rating is not None:
                        _write_line(ratings, id=case.id, model=model, rating=rating)
    except OSError as error:
        raise problem(
            "storage", f"The case library {folder} cannot be written.", f"{error.strerror}."
        ) from None


def _write_text(file: BinaryIO, case: NewCase) -> None:
    first = case.maps[0]
    _write_line(
        file,
        id=case.id,
        dataset=case.dataset,
        prompt=case.prompt,
        reference=case.reference,
        instruction_spans=[case.prompt[start:end] for start, end in case.instruction_spans],
        context=case.context,
        prompt_tokens=_visible_pieces(first),
        instruction_mask="".join("01"[int(each)] for each in case.instruction[first.visible]),
    )


def _write_map(responses: BinaryIO, archive: ZipFile, case: NewCase, shown: SaliencyMap) -> None:
    if _visible_pieces(shown) != _visible_pieces(case.maps[0]):
        raise problem(
            "input",
            f"The models cut the prompt of case {case.id!r} into different tokens.",
            "A case library has one list of prompt tokens a case.",
            "Write a library for each model.",
        )
    pieces = pieces_from_tokens(shown.response_tokens)
    _write_line(responses, id=case.id, response_tokens=pieces)
    array = BytesIO()
    np.save(array, shown.scores[shown.visible], allow_pickle=False)
    archive.writestr(f"{case.id}.npy", array.getvalue())


def _visible_pieces(shown: SaliencyMap) -> list[str]:
    tokens = shown.prompt_tokens
    keep = np.flatnonzero(shown.visible).tolist()
    return pieces_from_tokens(
        Tokens(
            ids=tuple(tokens.ids[n] for n in keep),
            texts=tuple(tokens.texts[n] for n in keep),
            spans=tuple(tokens.spans[n] for n in keep),
        )
    )


def _write_line(file: BinaryIO, **entry: object) -> None:
    file.write(msgspec.json.encode(entry) + b"\n")
