"""One model's responses to a study's prompts, as a server writes them.

They are asked for before anything is explained, several at a time. Each is checked by the engine
and kept as it comes, so that a study that was stopped goes on from there, and processes that share
a cache share the responses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec.structs import replace

from analysis.events import Finished, Progress
from analysis.problems import Problem, ProblemError, problem
from analysis.request import ModelChoice, Request
from analysis.saliency.served.correspondence import Correspondence, Reply
from analysis.saliency.served.request import (
    ServedPrompt,
    ServedPromptRequest,
    ServedResponse,
    ServedResponseRequest,
    ServerAnswer,
)
from analysis.saliency.served.server import ResponseServer
from analysis.session.drive import Answerer, Asking

if TYPE_CHECKING:
    from analysis.saliency.cases.prompt_sets import StudyPrompt

Ask: TypeAlias = Callable[[Request[Any], "StudyPrompt", Progress], Asking[Finished | None]]
"""Asks the engine about a prompt, as `CaseAsker.ask`."""

# This many prompts in a row without a usable answer are no coincidence.
_PATIENCE = 3
_POLL_S = 0.2


@dataclass
class ServedResponses:
    """The responses of one model.

    Attributes:
        server: Who writes them.
        model: The same model here.
        chat_template: Put prompts into its chat template.
        longest: Upper bound of a response, in tokens.
        session: Keeps them.
        ask: Asks the engine.
        left_out: Gets the reason why a prompt has no response, by the prompt's id.
    """

    server: ResponseServer
    model: ModelChoice
    chat_template: bool
    longest: int
    session: Answerer
    ask: Ask
    left_out: dict[str, str]
    # What no cache keeps.
    _loose: dict[str, ServedResponse] = field(default_factory=dict)
    _failures: int = 0

    def request(self, prompt: StudyPrompt) -> ServedResponseRequest:
        """The request under which a prompt's response is kept."""
        return ServedResponseRequest(
            self.model,
            prompt.prompt,
            chat_template=self.chat_template,
            max_new_tokens=self.longest,
            place=self.server.endpoint.place,
            server_model=self.server.endpoint.model,
        )

    def of(self, prompt: StudyPrompt, step: Progress) -> Asking[ServedResponse | None]:
        """A prompt's response; the server is asked if it is not kept. None if there is none."""
        found = self._kept(prompt)
        if found is None and prompt.id not in self.left_out:
            yield from self.fetch([prompt], step)
            found = self._kept(prompt)
        return found

    def fetch(self, prompts: Iterable[StudyPrompt], step: Progress | None = None) -> Asking[None]:
        """Have the server write what is not kept.

        Args:
            prompts: In the order in which they are sent.
            step: Progress to report; by default how many are there.

        Raises:
            ProblemError: A problem that would affect every other prompt too.
        """
        every = list(prompts)
        waiting = iter(every)
        sent: dict[str, StudyPrompt] = {}
        done = 0

        def now(detail: str) -> Progress:
            return step or Progress(f"asking {self.server.words}", done, len(every), detail)

        with Correspondence(self.server) as desk:
            while True:
                while desk.under_way < self.server.pace.concurrency:
                    prompt = next(waiting, None)
                    if prompt is None:
                        break
                    yield now(prompt.id)
                    if prompt.id in self.left_out or self._is_kept(prompt):
                        done += 1
                        continue
                    cut = yield from self._cut(prompt, now(prompt.id))
                    if cut is None:
                        done += 1
                        continue
                    sent[prompt.id] = prompt
                    limit = self.longest if cut.room is None else min(self.longest, cut.room)
                    desk.send(prompt.id, cut, limit)
                if not desk.under_way:
                    return
                yield now(next(iter(sent)))
                reply = desk.reply(_POLL_S)
                if reply is not None:
                    yield from self._take(reply, sent.pop(reply.name), now(reply.name))
                    done += 1

    def _kept(self, prompt: StudyPrompt) -> ServedResponse | None:
        return self._loose.get(prompt.id) or self.session.cached(self.request(prompt))

    def _is_kept(self, prompt: StudyPrompt) -> bool:
        return prompt.id in self._loose or self.session.holds(self.request(prompt))

    def _cut(self, prompt: StudyPrompt, step: Progress) -> Asking[ServedPrompt | None]:
        request = ServedPromptRequest(self.model, prompt.prompt, chat_template=self.chat_template)
        ending = yield from self.ask(request, prompt, step)
        return None if ending is None else ending.result

    def _take(self, reply: Reply, prompt: StudyPrompt, step: Progress) -> Asking[None]:
        """Keep an answer that passes the checks, or say why there is none."""
        if reply.answer is not None:
            yield from self._check(reply.answer, prompt, step)
            return
        assert reply.problem is not None
        if reply.problem.kind not in ("input", "network"):
            raise ProblemError(reply.problem)
        self.left_out[prompt.id] = f"{self.model.name}: {reply.problem}"
        # A prompt that is refused for itself, such as one too long, says nothing of others.
        if reply.problem.kind == "network":
            self._failed(prompt, reply.problem)

    def _check(self, answer: ServerAnswer, prompt: StudyPrompt, step: Progress) -> Asking[None]:
        request = self.request(prompt)
        ending = yield from self.ask(replace(request, answer=answer), prompt, step)
        if ending is None:
            self._failed(prompt)
            return
        self._failures = 0
        if not self.session.holds(request):
            self._loose[prompt.id] = ending.result

    def _failed(self, prompt: StudyPrompt, last: Problem | None = None) -> None:
        """Count a failure of the server's; raises ProblemError when there are too many in a row."""
        self._failures += 1
        if self._failures == _PATIENCE:
            raise (
                ProblemError(last)
                if last
                else problem(
                    "network",
                    f"{_PATIENCE} answers of {self.server.words} in a row are of no use.",
                    f"The last one: {self.left_out[prompt.id]}",
                    "Correct answers are kept: the same command goes on from there.",
                )
            )
