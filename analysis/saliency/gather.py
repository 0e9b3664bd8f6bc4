"""What studies of cases work with: stored maps, or prompts and models and what to ask these."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from msgspec.structs import replace

from analysis.problems import problem
from analysis.request import ModelChoice
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.rating_files import Ratings, by_reference
from analysis.saliency.density import PAPER, Scoring
from analysis.saliency.request import AttributionRequest, Method
from analysis.studies.study import PairInput

if TYPE_CHECKING:
    from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt
    from analysis.saliency.result import Attribution
    from analysis.saliency.served.server import ResponseServer

MAX_NEW_TOKENS = 300
"""Default limit of a response's length (METHODS 1)."""

Responses = Literal["own", "base", "tuned", "reference"]
"""Whose response both models are explained on: each its own, the base model's in both, the tuned
model's in both, or the prompt set's reference in both."""

RESPONSES: tuple[Responses, ...] = get_args(Responses)


@dataclass(frozen=True)
class AskedCases(PairInput):
    """Prompts for both models of a pair.

    Attributes:
        prompts: The prompts.
        chat_template: Put the tuned model's prompts into its chat template.
        max_new_tokens: Upper bound of a response; None for what the prompts need.
        method: How importance is computed, as spelled on the command line.
        cases_folder: Folder in which the maps are also written, as its case library ``cases``; None
            for none.
        response: Whose responses are explained. The first make the tables of the paper and are
            written; all are compared side by side.
        equal_length: Cut both models' own responses to the shorter one's number of tokens.
        scoring: The numbers that scores and densities are made with.
        ratings: How well own responses follow the prompts, before what the prompts say.
        servers: Who writes each model's responses; None for the model itself, here.
    """

    prompts: PromptSet
    chat_template: bool = False
    max_new_tokens: int | None = None
    method: str = "auto"
    cases_folder: Path | None = None
    response: tuple[Responses, ...] = ("own", "base", "tuned")
    equal_length: bool = False
    scoring: Scoring = PAPER
    ratings: Ratings = field(default_factory=dict)
    servers: tuple[ResponseServer | None, ResponseServer | None] = (None, None)

    def __post_init__(self) -> None:
        """Refuse what could not be compared, and what would change nothing."""
        if self.equal_length and self.response[0] != "own":
            raise problem(
                "input",
                "Equal length would change nothing here.",
                "Both models are explained on the same response, which is as long in both.",
                "Leave out --equal-length, or explain --response own.",
            )
        if "reference" in self.response and not any(p.reference for p in self.prompts.prompts):
            raise problem(
                "input",
                f"There are no reference responses in {self.prompts.name}.",
                "No prompt of it has a reference.",
                "Name the file's column with --columns reference=NAME, or choose another "
                "--response.",
            )
        for server, side in zip(self.servers, ("base", "tuned"), strict=True):
            if server is not None and not {"own", side} & set(self.response):
                raise problem(
                    "input",
                    f"--{side}-server would change nothing here.",
                    f"No response of the {side} model is explained.",
                    f"Leave it out, or explain --response own or {side} too.",
                )

    @property
    def longest(self) -> int:
        """Upper bound of a response: as requested, as the prompts need, or `MAX_NEW_TOKENS`."""
        return self.max_new_tokens or self.prompts.max_new_tokens or MAX_NEW_TOKENS

    def requests(self, prompt: StudyPrompt) -> tuple[AttributionRequest, AttributionRequest]:
        base, tuned = (
            AttributionRequest(
                model,
                prompt.prompt,
                chat_template=template,
                max_new_tokens=self.longest,
                method=cast("Method", self.method.replace("-", "_")),
            )
            for model, template in ((self.base, False), (self.tuned, self.chat_template))
        )
        return base, tuned

    def ratings_of(
        self, prompt: StudyPrompt, responses: tuple[str, str]
    ) -> tuple[float | None, float | None]:
        """Ratings of both models' own responses, given as texts."""
        said = (None, prompt.rating)
        found = []
        for model, response, known in zip(self.pair, responses, said, strict=True):
            rating = self.ratings.get((prompt.id, model.name), known)
            if rating is None and self.prompts.rated_by_reference and prompt.references:
                rating = by_reference(response, prompt.references)
            found.append(rating)
        return found[0], found[1]

    def explaining(self, prompt: StudyPrompt, side: int, written: Written) -> AttributionRequest:
        """One model (0 base, 1 tuned) explained on a response that it was given."""
        return given_response(self.requests(prompt)[side], written)


@dataclass(frozen=True)
class StoredCases:
    """Stored maps, and how they are read; the fields are those of `AskedCases`."""

    library: CaseLibrary
    equal_length: bool = False
    scoring: Scoring = PAPER
    ratings: Ratings = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could not be compared."""
        if self.equal_length and (len(self.library.models) < 2 or self.library.responses != "own"):
            raise problem(
                "input",
                "Equal length needs two models' own responses.",
                f"{self.library.folder} has one model's or one response in both.",
                "Leave out --equal-length.",
            )


CasesInput: TypeAlias = CaseLibrary | StoredCases | AskedCases
"""The input of a study of cases: stored maps, or prompts and models."""


@dataclass(frozen=True)
class Written:
    """A response somebody wrote: text, and the ids it was written in.

    `ids` and `by` are None for a text that no model wrote.
    """

    text: str
    ids: tuple[int, ...] | None = None
    by: ModelChoice | None = None

    @classmethod
    def of(cls, answer: Attribution, model: ModelChoice) -> Written:
        """A model's own response."""
        return cls(answer.response, answer.response_tokens.ids, model)


def given_response(request: AttributionRequest, written: Written) -> AttributionRequest:
    """The same model and prompt, explained on a given response."""
    if written.by is None or written.ids is None:
        return replace(request, response=written.text)
    if written.by == request.model:
        return replace(request, response_ids=written.ids)
    return replace(request, response=written.text, response_ids=written.ids, written_by=written.by)


def golden(prompt: str, reference: str, *, chat_template: bool) -> Written:
    """A reference as a response, behind a space where it continues a text without one.

    After a chat template it begins as it is.
    """
    behind = chat_template or prompt[-1:].isspace() or reference[:1].isspace()
    return Written(reference if behind else f" {reference}")
