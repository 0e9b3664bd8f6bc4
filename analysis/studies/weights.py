"""Asks a session what the weights of a pair of models hold, layer by layer."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from analysis.alike import check_alike
from analysis.events import Failed
from analysis.problems import ProblemError, problem
from analysis.requests import ArchitectureRequest, ModelChoice, Request, Words, WordVectors
from analysis.results import Architecture, Result
from analysis.studies.parameters import model_parameters
from analysis.studies.study import StudyInput, StudyProgress
from analysis.studies.waiting import ending_of
from analysis.table import Cell

if TYPE_CHECKING:
    from analysis.session import Session


@dataclass
class WeightReader:
    """Asks about the weights of a pair.

    Attributes:
        session: Who answers.
        base, tuned: The pair.
        words, vectors: What the answers speak of.
        notes: What was said on the way, such as that the disk is full; grows.
    """

    session: Session
    base: ModelChoice
    tuned: ModelChoice
    words: Words
    vectors: WordVectors
    notes: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, given: StudyInput) -> WeightReader:
        """A reader for what a study was given.

        Raises:
            ProblemError: ``input``: something is missing.
        """
        if given.session is None or given.base is None or given.tuned is None:
            raise problem("input", "This study needs two models: it reads their weights.")
        if given.words is None or given.vectors is None:
            raise problem("input", "This study needs a list of words and their vectors.")
        return cls(given.session, given.base, given.tuned, given.words, given.vectors)

    def architecture(self) -> Generator[StudyProgress, None, Architecture]:
        """What both models are built of.

        Raises:
            ProblemError: One of them cannot be read, or they are not built alike.
        """
        found = []
        for done, model in enumerate((self.base, self.tuned)):
            step = StudyProgress("opening models", done, 2, model.name)
            answer = yield from self.ask(ArchitectureRequest(model), step)
            assert isinstance(answer, Architecture)
            found.append(answer)
        check_alike(*found)
        return found[0]

    def ask(self, request: Request, step: StudyProgress) -> Generator[StudyProgress, None, Result]:
        """An answer, from the cache where it has it. Closed, it gives the request up.

        Raises:
            ProblemError: There is none.
        """
        ending = yield from ending_of(
            self.session,
            request,
            step,
            lambda event: replace(step, detail=f"{step.detail}, {event.stage}"),
            self.notes,
        )
        if isinstance(ending, Failed):
            raise ProblemError(ending.problem)
        return ending.result

    def notices(self, *notes: str) -> None:
        """Keeps what the reader of the report should know, once each."""
        self.notes.update(dict.fromkeys(notes))

    def parameters(self) -> dict[str, Cell]:
        """The models and what the answers speak of."""
        words, vectors = self.words, self.vectors
        found = model_parameters(self.base, self.tuned)
        found["words"] = words.source
        found["words digest"] = words.digest or None
        found["most words"] = words.limit or None
        found["word vectors"] = (
            f"input embeddings of {vectors.model.name}" if vectors.model else vectors.source
        )
        found["word vectors digest"] = vectors.digest or None
        return {name: value for name, value in found.items() if value is not None}
