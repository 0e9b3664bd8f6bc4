"""Asks questions with a rate limit and retries: each question once, a few at a time."""

from __future__ import annotations

import asyncio

from analysis.concepts.annotation.answer_file import Answers
from analysis.concepts.annotation.completer import Completer, Completion
from analysis.concepts.annotation.questions import TOP_P, Question
from analysis.servers.pace import Pace, StoppedError, Turns


class Asker:
    """Asks a completer and stores its answers. Bound to one event loop.

    Tokens are those of answered questions and their answers as the server counted them,
    `unmetered` the answers it did not count; `turns` counts the requests.
    """

    def __init__(self, completer: Completer, answers: Answers, pace: Pace) -> None:
        self._completer = completer
        self._answers = answers
        self.turns = Turns(pace)
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self.input_tokens = 0
        self.output_tokens = 0
        self.unmetered = 0

    async def ask(self, question: Question) -> None:
        """Make sure that the answer is stored, asking only if no other task does.

        Raises:
            ProblemError: There will be no answer, or it cannot be stored.
            StoppedError: It was stopped before it was asked.
        """
        key = question.key(self._completer.model)
        if self._answers.get(key) is not None:
            return
        if key in self._under_way:
            await asyncio.shield(self._under_way[key])
            return
        ours = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            self._answers.put(key, await self.turns.persist(lambda: self._request(question)))
        except BaseException as error:
            if not ours.cancelled():
                ours.set_exception(error if isinstance(error, Exception) else StoppedError())
                ours.exception()  # marks it as retrieved, even if nobody else waits for it
            raise
        else:
            ours.set_result(None)
        finally:
            del self._under_way[key]

    async def _request(self, question: Question) -> Completion:
        completion = await self._completer.complete(
            question.messages,
            temperature=question.temperature,
            top_p=TOP_P,
            seed=question.repeat,
            max_tokens=question.max_tokens,
        )
        self.input_tokens += completion.input_tokens or 0
        self.output_tokens += completion.output_tokens or 0
        self.unmetered += completion.input_tokens is None or completion.output_tokens is None
        return completion
