"""Writes saliency maps as a case library, the folder that `library` reads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Span, Tokens
from analysis.problems import ProblemError, problem
from analysis.saliency.cases.entries import write_models_file
from analysis.saliency.cases.tokens import pieces_from_tokens
from analysis.saliency.density import LEVELS, PAPER
from analysis.saliency.map import SaliencyMap


@dataclass(frozen=True, eq=False)
class NewCase:
    """A case to write.

    Attributes:
        id: Its name, unique in the library.
        dataset: The collection of prompts it comes from.
        prompt: The user's text.
        instruction: bool [N], True for the prompt tokens of an instruction.
        instruction_spans: Character spans of the instructions in the prompt.
        maps: One map for each model of the library, all of the same prompt tokens.
        ratings: A rating 1 to 4 of each map's response, or None.
        context: The part of the prompt that is material.
        reference: The dataset's answer.
        guessed: Whether the instructions are a guess because nobody marked them.
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
    guessed: bool = False


class CaseWriter:
    """A context that writes a case library, one case after the other.

    The format has no place for special tokens or signed importance, so only visible rows and
    normalised scores, in ten levels, are written.
    """

    def __init__(self, folder: Path, models: Sequence[str], responses: str = "own") -> None:
        """Open the files.

        Args:
            folder: A folder to create; it must not contain files yet.
            models: The models' names, base before tuned, used in the file names.
            responses: Whose responses the maps explain, as `gather.Responses`.

        Raises:
            ProblemError: ``storage`` if the folder cannot be written or is not empty; ``input``
                for a model name that cannot be part of a file name.
        """
        for model in models:
            if not model or Path(model).name != model or "\0" in model:
                raise problem("input", f"The model name {model!r} cannot be part of a file name.")
        self.folder = folder
        self.models = tuple(models)
        self._files = ExitStack()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise problem("storage", f"The folder {folder} is not empty.", "", "Name another.")
            write_models_file(folder, self.models, responses)
            self._texts = self._open("cases.jsonl")
            self._ratings = self._open("ratings.jsonl")
            self._outputs = [self._open_model(model) for model in models]
        except OSError as error:
            self._files.close()
            raise self._unwritable(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and write the archives' directories; raises ProblemError, ``storage``."""
        try:
            self._files.close()
        except OSError as error:
            raise self._unwritable(error) from None

    def write(self, case: NewCase) -> None:
        """Add a case, its maps in the order of the models.

        Raises:
            ProblemError: ``storage`` if it cannot be written; ``input`` for maps of different
                prompt tokens.
        """
        try:
            _write_text(self._texts, case)
            for model, shown, rating, output in zip(
                self.models, case.maps, case.ratings, self._outputs, strict=True
            ):
                _write_map(*output, case, shown)
                if rating is not None:
                    _write_line(self._ratings, id=case.id, model=model, rating=rating)
        except OSError as error:
            raise self._unwritable(error) from None

    def _open(self, name: str) -> BinaryIO:
        return self._files.enter_context((self.folder / name).open("wb"))

    def _open_model(self, model: str) -> tuple[BinaryIO, ZipFile]:
        archive = ZipFile(self.folder / f"salience_{model}.npz", "w", ZIP_DEFLATED)
        return self._open(f"responses_{model}.jsonl"), self._files.enter_context(archive)

    def _unwritable(self, error: OSError) -> ProblemError:
        return problem(
            "storage", f"The case library {self.folder} cannot be written.", f"{error.strerror}."
        )


def _write_text(file: BinaryIO, case: NewCase) -> None:
    first = case.maps[0]
    _write_line(
        file,
        id=case.id,
        dataset=case.dataset,
        prompt=case.prompt,
        reference=case.reference,
        instruction_spans=[case.prompt[start:end] for start, end in case.instruction_spans],
        instruction_guessed=case.guessed,
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
    about: dict[str, object] = {"response_tokens": pieces_from_tokens(shown.response_tokens)}
    if shown.moves is not None:
        # str: the shortest digits that give the same float32 back.
        about |= {
            "moves": [float(str(each)) for each in shown.moves],
            "moves_exact": shown.moves_exact,
        }
    _write_line(responses, id=case.id, **about)
    array = BytesIO()
    scores = shown.scores if shown.scoring.levels == LEVELS else shown.scored(PAPER).scores
    np.save(array, scores[shown.visible], allow_pickle=False)
    # Without the time of day: the same maps are the same bytes.
    entry = ZipInfo(f"{case.id}.npy")
    entry.compress_type = ZIP_DEFLATED
    archive.writestr(entry, array.getvalue())


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
