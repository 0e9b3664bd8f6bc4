"""Asks a session what the weights of a pair of models hold, layer by layer."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from analysis.events import Failed, Progress
from analysis.models.request import Architecture, ArchitectureRequest, check_alike
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice, Request
from analysis.session.drive import ending_of
from analysis.studies.parameters import in_words, model_parameters, stored_precision
from analysis.studies.study import StudyInput
from analysis.table import Cell
from analysis.words.choice import Words, WordVectors

if TYPE_CHECKING:
    from analysis.session.session import Session


@dataclass
class WeightReader:
    """Asks about the weights of a pair.

    Attributes:
        session: Who answers.
        base, tuned: The pair.
        notes: What was said on the way, such as that the disk is full; grows.
        devices: Where answers about layers were computed; grows.
    """

    session: Session
    base: ModelChoice
    tuned: ModelChoice
    notes: dict[str, None] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, given: StudyInput) -> WeightReader:
        """A reader for what a study was given.

        Raises:
            ProblemError: ``input``: something is missing.
        """
        if given.session is None or given.base is None or given.tuned is None:
            raise problem("input", "This study needs two models: it reads their weights.")
        return cls(given.session, given.base, given.tuned)

    def architecture(self) -> Generator[Progress, None, Architecture]:
        """What both models are built of.

        Raises:
            ProblemError: One of them cannot be read, or they are not built alike.
        """
        found = []
        for done, model in enumerate((self.base, self.tuned)):
            step = Progress("opening models", done, 2, model.name)
            answer = yield from self.ask(ArchitectureRequest(model), step)
            assert isinstance(answer, Architecture)
            found.append(answer)
        check_alike(*found)
        return found[0]

    def ask(self, request: Request[Any], step: Progress) -> Generator[Progress, None, Any]:
        """An answer, from the cache where it has it. Closed, it gives the request up.

        Raises:
            ProblemError: There is none.
        """
        ending = yield from ending_of(
            self.session,
            request,
            step,
            lambda event: msgspec.structs.replace(step, detail=f"{step.detail}, {event.stage}"),
            self.notes,
        )
        if isinstance(ending, Failed):
            raise ProblemError(ending.problem)
        if device := getattr(ending.result, "device", ""):
            self.devices.add(device)
        return ending.result

    def notices(self, *notes: str) -> None:
        """Keeps what the reader of the report should know, once each."""
        self.notes.update(dict.fromkeys(notes))


def words_of(given: StudyInput) -> Words:
    """The words that a study speaks of. Raises ProblemError, ``input``, where there are none."""
    if given.words is None:
        raise problem("input", "This study needs a list of words.")
    return given.words


def vectors_of(given: StudyInput) -> WordVectors:
    """What says which words are alike. Raises ProblemError, ``input``, where nothing does."""
    if given.vectors is None:
        raise problem("input", "This study needs word vectors.")
    return given.vectors


def weight_parameters(
    reader: WeightReader, words: Words, vectors: WordVectors | None = None
) -> dict[str, Cell]:
    """The models, whose weights are read as they are stored, and what the answers speak of."""
    found = model_parameters(reader.base, reader.tuned)
    found["base weights stored in"] = stored_precision(reader.base)
    found["tuned weights stored in"] = stored_precision(reader.tuned)
    found["computed in"] = "float32, in float64 where rounding could decide"
    found["device"] = in_words(reader.devices)
    found["words"] = Path(words.path).name or words.source
    found["words digest"] = words.digest or None
    found["most words"] = words.limit or None
    if vectors is not None:
        found["word vectors"] = (
            f"input embeddings of {vectors.model.name}"
            if vectors.model
            else Path(vectors.path).name or vectors.source
        )
        found["word vectors digest"] = vectors.digest or None
    return {name: value for name, value in found.items() if value is not None}
