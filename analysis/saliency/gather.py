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
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import msgspec

from analysis.events import Finished, Progress
from analysis.problems import Problem, ProblemError, problem
from analysis.request import ModelChoice
from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt
from analysis.saliency.request import AttributionRequest, Method
from analysis.saliency.result import Attribution
from analysis.session.drive import ending_of
from analysis.studies.study import StudyInput

if TYPE_CHECKING:
    from analysis.session.session import Session

MAX_NEW_TOKENS = 300
"""Of a response, where nothing else is asked for (METHODS 1)."""

# What is wrong with one case. Anything else would be wrong with the next one too.
_OF_ONE_CASE = ("input", "memory", "engine")
# So many cases in a row that kill the engine, or do not fit, are no accident of these cases.
_PATIENCE = 3


def new_tokens(given: StudyInput) -> int:
    """Upper bound of a response: as asked for, as the prompts need, or `MAX_NEW_TOKENS`."""
    needed = None if given.prompts is None else given.prompts.max_new_tokens
    return int(given.options.get("max_new_tokens") or needed or MAX_NEW_TOKENS)


@dataclass
class Asker:
    """Asks both models of a pair all prompts of a set.

    Attributes:
        session: Who answers.
        models: Base and tuned.
        prompts: What they are asked.
        chat_template: The tuned model's prompts are put into its chat template.
        max_new_tokens: Upper bound of a response.
        method: How importance is computed.
        left_out: Case id → why it has no answer; grows.
        notices: What was said on the way, such as that the disk is full; grows.
    """

    session: Session
    models: tuple[ModelChoice, ModelChoice]
    prompts: PromptSet
    chat_template: bool = False
    max_new_tokens: int = MAX_NEW_TOKENS
    method: Method = "auto"
    left_out: dict[str, str] = field(default_factory=dict)
    notices: dict[str, None] = field(default_factory=dict)
    _failures: int = 0

    @classmethod
    def of(cls, given: StudyInput) -> Asker:
        """An asker for what a study was given.

        Raises:
            ProblemError: ``input``: something is missing.
        """
        if given.session is None or given.base is None or given.tuned is None:
            raise problem("input", "This study needs two models, or a folder of stored maps.")
        if given.prompts is None:
            raise problem("input", "This study needs prompts, or a folder of stored maps.")
        options = given.options
        return cls(
            given.session,
            (given.base, given.tuned),
            given.prompts,
            bool(options.get("chat_template")),
            new_tokens(given),
            cast("Method", str(options.get("method") or "auto").replace("-", "_")),
        )

    def request(self, model: int, prompt: StudyPrompt) -> AttributionRequest:
        """What the base (0) or the tuned (1) model is asked."""
        return AttributionRequest(
            self.models[model],
            prompt.prompt,
            chat_template=self.chat_template and model == 1,
            max_new_tokens=self.max_new_tokens,
            method=self.method,
        )

    def fill_cache(self) -> Generator[Progress, None, bool]:
        """Has everything computed that the cache lacks, one model after the other.

        Two models that do not fit into memory together are so loaded once each.

        Returns:
            Whether answers are kept. Where they are not, it stops at the first one that is lost:
            to compute the others would be in vain.

        Raises:
            ProblemError: What no other case would be spared.
        """
        order = random.Random()
        prompts = list(self.prompts.prompts)
        for index, model in enumerate(self.models):
            order.shuffle(prompts)
            for done, prompt in enumerate(prompts, start=index * len(prompts)):
                step = Progress(f"asking {model.name}", done, 2 * len(prompts), prompt.id)
                yield step
                if prompt.id in self.left_out:
                    continue
                ending = yield from self._answer(index, prompt, step)
                if ending is None or ending.from_cache:
                    continue
                if self.session.cached(self.request(index, prompt)) is None:
                    return False
        return True

    def answers(
        self, prompt: StudyPrompt, step: Progress
    ) -> Generator[Progress, None, tuple[Attribution, Attribution] | None]:
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
            assert isinstance(ending.result, Attribution)
            found.append(ending.result)
        return found[0], found[1]

    def _answer(
        self, index: int, prompt: StudyPrompt, step: Progress
    ) -> Generator[Progress, None, Finished | None]:
        """One answer; None where there is none, which is noted in `left_out`."""
        request = self.request(index, prompt)
        ending = yield from self._ask(request, step)
        if isinstance(ending, Problem) and ending.kind == "engine":
            # It may have died of something else; what it died of twice was this case.
            ending = yield from self._ask(request, step)
        if isinstance(ending, Finished):
            self._failures = 0
            return ending
        self._failures += ending.kind != "input"
        if self._failures == _PATIENCE:
            raise ProblemError(ending)
        self.left_out[prompt.id] = f"{self.models[index].name}: {ending}"
        return None

    def _ask(
        self, request: AttributionRequest, step: Progress
    ) -> Generator[Progress, None, Finished | Problem]:
        """An answer, or what is wrong with this case. Closed, it gives the request up.

        Raises:
            ProblemError: What no other case would be spared.
        """
        ending = yield from ending_of(
            self.session,
            request,
            step,
            lambda event: msgspec.structs.replace(step, detail=f"{step.detail}, {event.stage}"),
            self.notices,
        )
        if isinstance(ending, Finished):
            return ending
        if ending.problem.kind in _OF_ONE_CASE:
            return ending.problem
        raise ProblemError(ending.problem)
