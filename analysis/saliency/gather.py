"""Asks a session for both models' answers to the prompts of a study; some may fail.

Any number of processes may share the work through one cache, without claims or locks: each goes
through the prompts in a random order of its own, and the session looks into the cache before it
computes anything. That is sound because an answer depends on its request alone and is stored in one
piece: whoever stores it, and however often, the cache ends with the same. It costs little: of r
cases left two processes choose the same with a chance of 1/r, so that k processes compute about
(k - 1) ln n of n cases twice. A process that dies takes nothing with it but the case it worked on,
and blocks nobody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from analysis.events import Failed, Finished, Progress
from analysis.problems import ProblemError
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.request import AttributionRequest, Method
from analysis.session.drive import Asker, Asking
from analysis.studies.study import PairInput

if TYPE_CHECKING:
    from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt
    from analysis.saliency.result import Attribution

MAX_NEW_TOKENS = 300
"""Of a response, where nothing else is asked for (METHODS 1)."""

# What is wrong with one case. Anything else would be wrong with the next one too.
_OF_ONE_CASE = ("input", "memory", "engine")
# So many cases in a row that kill the engine, or do not fit, are no accident of these cases.
_PATIENCE = 3


@dataclass(frozen=True)
class AskedCases(PairInput):
    """Prompts that both models of a pair are asked.

    Attributes:
        prompts: What they are asked.
        chat_template: The tuned model's prompts are put into its chat template.
        max_new_tokens: Upper bound of a response; None for what the prompts need.
        method: How importance is computed, as the command line spells it.
        cases_folder: In which folder the maps are also written, as its case library ``cases``;
            None for nowhere.
    """

    prompts: PromptSet
    chat_template: bool = False
    max_new_tokens: int | None = None
    method: str = "auto"
    cases_folder: Path | None = None

    @property
    def longest(self) -> int:
        """Upper bound of a response: as asked for, as the prompts need, or `MAX_NEW_TOKENS`."""
        return self.max_new_tokens or self.prompts.max_new_tokens or MAX_NEW_TOKENS

    def requests(self, prompt: StudyPrompt) -> tuple[AttributionRequest, AttributionRequest]:
        """What the base and the tuned model are asked."""
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
"""What a study of cases is given: stored maps, or prompts and the models to ask."""


@dataclass
class CaseAsker:
    """Asks both models of a pair all prompts of a set.

    Attributes:
        given: What is asked, and who answers.
        asker: Waits for the answers.
        left_out: Case id → why it has no answer; grows.
    """

    given: AskedCases
    asker: Asker
    left_out: dict[str, str] = field(default_factory=dict)
    _failures: int = 0

    def fill_cache(self) -> Asking[bool]:
        """Has everything computed that the cache lacks, one model after the other.

        Two models that do not fit into memory together are so loaded once each.

        Returns:
            Whether answers are kept. Where they are not, it stops at the first one that is lost:
            to compute the others would be in vain.

        Raises:
            ProblemError: What no other case would be spared.
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
        """Both models' answers, from the cache where it has them; None where one cannot be had.

        Raises:
            ProblemError: What no other case would be spared.
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
        """One answer; None where there is none, which is noted in `left_out`.

        Raises:
            ProblemError: What no other case would be spared.
        """
        request = self.given.requests(prompt)[index]
        ending = yield from self.asker.ending(request, step)
        if isinstance(ending, Failed) and ending.problem.kind == "engine":
            # It may have died of something else; what it died of twice was this case.
            ending = yield from self.asker.ending(request, step)
        if isinstance(ending, Finished):
            self._failures = 0
            return ending
        wrong = ending.problem
        self._failures += wrong.kind != "input"
        if wrong.kind not in _OF_ONE_CASE or self._failures == _PATIENCE:
            raise ProblemError(wrong)
        self.left_out[prompt.id] = f"{request.model.name}: {wrong}"
        return None
