"""What the study of divergence works with: prompts, two models, and whose responses they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from analysis.divergence.request import DivergenceRequest
from analysis.problems import problem
from analysis.saliency.gather import MAX_NEW_TOKENS, golden
from analysis.studies.outlook import Outlook
from analysis.studies.study import PairInput

if TYPE_CHECKING:
    from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt

Whose = Literal["tuned", "base", "reference"]
"""Whose response both models read: a model's greedy one, or the prompt set's reference."""

WHOSE: tuple[Whose, ...] = get_args(Whose)


@dataclass(frozen=True)
class DivergenceInput(PairInput):
    """Prompts for both models of a pair, and whose responses both read.

    Attributes:
        prompts: The prompts.
        chat_template: Put the tuned model's prompts into its chat template.
        max_new_tokens: Upper bound of a generated response; None for what the prompts need.
        response: Whose responses; several are compared side by side.
    """

    prompts: PromptSet
    chat_template: bool = False
    max_new_tokens: int | None = None
    response: tuple[Whose, ...] = ("tuned",)

    def __post_init__(self) -> None:
        """Refuse what cannot be asked, and what would change nothing."""
        if "reference" in self.response and not any(p.reference for p in self.prompts.prompts):
            raise problem(
                "input",
                f"There are no reference responses in {self.prompts.name}.",
                "No prompt of it has a reference.",
                "Name the file's column with --columns reference=NAME, or choose another "
                "--response.",
            )
        if self.max_new_tokens is not None and self.response == ("reference",):
            raise problem(
                "input",
                "--max-new-tokens would change nothing here.",
                "References are read as they are, and no response is generated.",
                "Leave it out, or read --response tuned or base too.",
            )

    @property
    def longest(self) -> int:
        """Upper bound of a response: as requested, as the prompts need, or the usual one."""
        return self.max_new_tokens or self.prompts.max_new_tokens or MAX_NEW_TOKENS

    def request(self, prompt: StudyPrompt, whose: Whose) -> DivergenceRequest | None:
        """What is asked about a prompt; None if it has no such response."""
        if whose != "reference":
            return DivergenceRequest(
                self.base,
                self.tuned,
                prompt.prompt,
                chat_template=self.chat_template,
                writer=whose,
                max_new_tokens=self.longest,
            )
        if not prompt.reference:
            return None
        written = golden(prompt.prompt, prompt.reference, chat_template=self.chat_template)
        return DivergenceRequest(
            self.base,
            self.tuned,
            prompt.prompt,
            chat_template=self.chat_template,
            response=written.text,
        )

    def requests(self, prompt: StudyPrompt) -> list[DivergenceRequest]:
        """All that is asked about a prompt; empty if a response is missing."""
        found = [self.request(prompt, whose) for whose in self.response]
        return [each for each in found if each is not None] if None not in found else []

    def words(self, whose: str) -> str:
        """Whose responses, in words."""
        if whose == "reference":
            return "reference responses"
        return f"{self.tuned.name if whose == 'tuned' else self.base.name}’s responses"


def outlook(given: DivergenceInput) -> Outlook:
    """How far the study is: all that it asks is known before."""
    asked = [each for prompt in given.prompts.prompts for each in given.requests(prompt)]
    return Outlook.of(given.session, asked)
