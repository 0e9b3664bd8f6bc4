"""Asks a session for both models' answers to the prompts of a study; some may fail.

Any number of processes may share the work through one cache, without locks: each goes through the
prompts in its own random order, and the session checks the cache before computing anything. This is
sound because an answer depends only on its request and is stored atomically, so it does not matter
who stores it or how often. Little is computed twice: with r cases left, two processes pick the same
one with probability 1/r, so k processes repeat about (k - 1) ln n of n cases. A process that dies
loses only its current case, and blocks nobody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from analysis.events import Failed, Finished, Progress
from analysis.problems import ProblemError
from analysis.request import Request
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.request import AttributionRequest, Method
from analysis.session.drive import Asker, Asking
from analysis.studies.study import PairInput

if TYPE_CHECKING:
    from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt
    from analysis.saliency.result import Attribution

MAX_NEW_TOKENS = 300
"""Default limit of a response's length (METHODS 1)."""

# Problems of one case. Any other would affect the next case too.
_OF_ONE_CASE = ("input", "memory", "engine")
# This many cases in a row that kill the engine, or do not fit, are no coincidence.
_PATIENCE = 3


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
    """

    prompts: PromptSet
    chat_template: bool = False
    max_new_tokens: int | None = None
    method: str = "auto"
    cases_folder: Path | None = None

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


CasesInput: TypeAlias = CaseLibrary | AskedCases
"""The input of a study of cases: stored maps, or prompts and models."""


@dataclass
class CaseAsker:
    """Asks both models of a pair all prompts of a set; `left_out` says why a case has no answer."""

    given: AskedCases
    asker: Asker
    left_out: dict[str, str] = field(default_factory=dict)
    _failures: int = 0

    def fill_cache(self) -> Asking[bool]:
        """Compute every answer the cache lacks, one model after the other.

        Two models that do not fit into memory together are thus loaded only once each.

        Returns:
            Whether answers are kept. If not, it stops at the first one lost, because computing the
            others would be pointless.

        Raises:
            ProblemError: A problem that would affect every other case too.
        """
        order = random.Random()
        prompts = list(self.given.prompts.prompts)
        for index, model in enumerate(self.given.pair):
            order.shuffle(prompts)
            for done, prompt in enumerate(prompts, start=index * len(prompts)):
                step = Progress(f"asking {model.name}", done, 2 * len(prompts), prompt.id)
                yield step
                if prompt.id in self.left_out:
                    continue
                ending = yield from self._answer(index, prompt, step)
                if ending is None or ending.from_cache:
                    continue
                if self.given.session.cached(self.given.requests(prompt)[index]) is None:
                    return False
        return True

    def answers(
        self, prompt: StudyPrompt, step: Progress
    ) -> Asking[tuple[Attribution, Attribution] | None]:
        """Both models' answers, from the cache if stored; None if one is unavailable.

        Raises:
            ProblemError: A problem that would affect every other case too.
        """
        found: list[Attribution] = []
        for index in range(2):
            if prompt.id in self.left_out:
                return None
            ending = yield from self._answer(index, prompt, step)
            if ending is None:
                return None
            found.append(ending.result)
        return found[0], found[1]

    def _answer(self, index: int, prompt: StudyPrompt, step: Progress) -> Asking[Finished | None]:
        return (yield from self.ask(self.given.requests(prompt)[index], prompt, step))

    def ask(
        self, request: Request[Any], prompt: StudyPrompt, step: Progress
    ) -> Asking[Finished | None]:
        """One answer about a prompt; None if there is none, with the reason in `left_out`.

        Raises:
            ProblemError: A problem that would affect every other case too.
        """
        ending = yield from self.asker.ending(request, step)
        if isinstance(ending, Failed) and ending.problem.kind == "engine":
            # It may have died of something else once; if it dies twice, it is because of this case.
            ending = yield from self.asker.ending(request, step)
        if isinstance(ending, Finished):
            self._failures = 0
            return ending
        wrong = ending.problem
        self._failures += wrong.kind != "input"
        if wrong.kind not in _OF_ONE_CASE or self._failures == _PATIENCE:
            raise ProblemError(wrong)
        self.left_out[prompt.id] = f"{request.models()[0].name}: {wrong}"
        return None
