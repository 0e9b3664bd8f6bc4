"""Asks questions with a rate limit and retries: each question once, a few at a time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from analysis.concepts.annotation.answer_file import Answers
from analysis.concepts.annotation.completer import Completer, Completion, TryAgainError
from analysis.concepts.annotation.questions import TOP_P, Question
from analysis.problems import ProblemError, problem


@dataclass(frozen=True)
class Pace:
    """Rate limits and retries for a completer.

    `attempts` is how often a question is tried before giving up: `first_wait` seconds before the
    second attempt, doubled each time, up to a minute, unless the server says when. A server that
    asks for more than `longest_wait` seconds ends the work.
    """

    concurrency: int = 8
    per_minute: float | None = None
    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 300.0


class StoppedError(Exception):
    """Asking has been stopped."""


class Asker:
    """Asks a completer and stores its answers. Bound to one event loop.

    `requests` includes failed attempts; tokens are those of answered questions and their answers as
    the server counted them, `unmetered` the answers it did not count.
    """

    def __init__(self, completer: Completer, answers: Answers, pace: Pace) -> None:
        self._completer = completer
        self._answers = answers
        self._pace = pace
        self._stopped = asyncio.Event()
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._not_before = 0.0
        self._next_begin = 0.0
        self._answered = 0
        self.requests = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.unmetered = 0

    @property
    def waiting_s(self) -> float:
        """Seconds the server still wants to wait before the next question."""
        return max(0.0, self._not_before - asyncio.get_running_loop().time())

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """Ask nothing more; requests under way may still finish, waiting tasks end."""
        self._stopped.set()

    async def ask(self, question: Question) -> None:
        """Make sure that the answer is stored, asking only if no other task does.

        Raises:
            ProblemError: There will be no answer, or it cannot be stored.
            StoppedError: `stop` was called before it was asked.
        """
        key = question.key(self._completer.model)
        if self._answers.get(key) is not None:
            return
        if key in self._under_way:
            await asyncio.shield(self._under_way[key])
            return
        ours = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            self._answers.put(key, await self._persist(question))
        except BaseException as error:
            if not ours.cancelled():
                ours.set_exception(error if isinstance(error, Exception) else StoppedError())
                ours.exception()  # marks it as retrieved, even if nobody else waits for it
            raise
        else:
            ours.set_result(None)
        finally:
            del self._under_way[key]

    async def _persist(self, question: Question) -> Completion:
        """The answer, from the first successful attempt."""
        failures = 0
        while True:
            await self._turn()
            answered = self._answered
            try:
                return await self._request(question)
            except TryAgainError as error:
                # A server that is merely busy still answers others; do not give up then.
                failures = 1 if error.busy and self._answered > answered else failures + 1
                if failures >= self._pace.attempts:
                    raise ProblemError(error.problem) from None
                await self._wait(error, failures)

    async def _request(self, question: Question) -> Completion:
        self.requests += 1
        completion = await self._completer.complete(
            question.messages,
            temperature=question.temperature,
            top_p=TOP_P,
            seed=question.repeat,
            max_tokens=question.max_tokens,
        )
        self._answered += 1
        self.input_tokens += completion.input_tokens or 0
        self.output_tokens += completion.output_tokens or 0
        self.unmetered += completion.input_tokens is None or completion.output_tokens is None
        return completion

    async def _turn(self) -> None:
        """Wait until the server and the per-minute limit allow another question."""
        now = asyncio.get_running_loop().time
        while (wait := max(self._not_before, self._next_begin) - now()) > 0:
            await self._sleep(wait)
        if self.stopped:
            raise StoppedError
        if self._pace.per_minute is not None:
            self._next_begin = now() + 60 / self._pace.per_minute

    async def _wait(self, error: TryAgainError, failures: int) -> None:
        if error.after is None:
            wait = min(60.0, self._pace.first_wait * 2.0 ** (failures - 1))
            await self._sleep(wait * random.uniform(0.75, 1.0))
            return
        if error.after > self._pace.longest_wait:
            raise problem(
                "network",
                f"{error.problem.what} It asks to wait {error.after / 60:.0f} minutes.",
                error.problem.why,
                "Go on after that; existing answers are kept.",
            )
        # The server's wait applies to all questions.
        loop = asyncio.get_running_loop()
        self._not_before = max(self._not_before, loop.time() + error.after)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return
        raise StoppedError
