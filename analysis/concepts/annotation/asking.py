"""Asking with patience: each question once, a few at a time, again later where that may help."""

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
    """How hard a completer is pressed.

    Attributes:
        concurrency: Most questions under way at once.
        per_minute: Most questions begun in a minute; None for no limit.
        attempts: How often a question is asked before it is given up.
        first_wait: Seconds before the second attempt; doubled each time, up to a minute, unless
            the server says when.
        longest_wait: Seconds; a server that wants to be left alone for longer ends the work.
    """

    concurrency: int = 8
    per_minute: float | None = None
    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 300.0


class StoppedError(Exception):
    """Nothing more is asked."""


class Asker:
    """Asks a completer and keeps its answers. Lives on one event loop.

    Attributes:
        requests: Requests made, attempts that failed included.
        input_tokens: What the answered ones were counted as by the server.
        output_tokens: What their answers were counted as.
        unmetered: Answered ones that the server has not counted.
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
        """Seconds for which the server wants not to be asked."""
        return max(0.0, self._not_before - asyncio.get_running_loop().time())

    @property
    def stopped(self) -> bool:
        """Nothing more is asked."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Ask nothing more; what is under way may still arrive, whoever waits gives up."""
        self._stopped.set()

    async def ask(self, question: Question) -> None:
        """See to it that the answer is kept, asking only if no other task does.

        Raises:
            ProblemError: There will be no answer, or it cannot be kept.
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
                ours.exception()  # not to be reported where nobody else waits
            raise
        else:
            ours.set_result(None)
        finally:
            del self._under_way[key]

    async def _persist(self, question: Question) -> Completion:
        """The answer, at the first attempt that brings one."""
        failures = 0
        while True:
            await self._turn()
            answered = self._answered
            try:
                return await self._request(question)
            except TryAgainError as error:
                # A server that is only busy does answer others; it is not given up then.
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
        """Wait until it is allowed to ask: by the server, and by the limit per minute."""
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
                f"{error.problem.what} It wants to be left alone for"
                f" {error.after / 60:.0f} minutes.",
                error.problem.why,
                "Go on after that; answers that are here are kept.",
            )
        # What it says holds for all questions.
        loop = asyncio.get_running_loop()
        self._not_before = max(self._not_before, loop.time() + error.after)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return
        raise StoppedError
