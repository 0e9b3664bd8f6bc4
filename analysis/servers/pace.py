"""How fast a server is asked, and how often again what it failed to answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from analysis.problems import Problem, ProblemError, problem

T = TypeVar("T")


class TryAgainError(Exception):
    """The question may be answered if it is asked again later.

    `problem` is for the user if it never is; the server wants to be asked after `after` seconds,
    None if not stated; `busy` if it works but gets too many requests.
    """

    def __init__(self, problem: Problem, *, after: float | None = None, busy: bool = False) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.after = after
        self.busy = busy


class StoppedError(Exception):
    """Asking has been stopped."""


@dataclass(frozen=True)
class Pace:
    """Rate limits and retries for a server.

    `attempts` is how often a question is tried before giving up: `first_wait` seconds before the
    second attempt, doubled each time, up to a minute, unless the server says when. A server that
    asks for more than `longest_wait` seconds ends the work.
    """

    concurrency: int = 8
    per_minute: float | None = None
    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 300.0


class Turns:
    """When a server may be asked next, shared by all who ask it. Bound to one event loop.

    `requests` counts attempts, failed ones too.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._stopped = asyncio.Event()
        self._not_before = 0.0
        self._next_begin = 0.0
        self._answered = 0
        self.requests = 0

    @property
    def waiting_s(self) -> float:
        """Seconds the server still wants to wait before the next question."""
        return max(0.0, self._not_before - asyncio.get_running_loop().time())

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """Begin no further attempt; those under way may still finish, waiting tasks end."""
        self._stopped.set()

    async def persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What the first successful attempt returns.

        Raises:
            ProblemError: There will be no answer.
            StoppedError: `stop` was called before one began.
        """
        failures = 0
        while True:
            await self._turn()
            answered = self._answered
            self.requests += 1
            try:
                found = await attempt()
            except TryAgainError as error:
                # A server that is merely busy still answers others; do not give up then.
                failures = 1 if error.busy and self._answered > answered else failures + 1
                if failures >= self._pace.attempts:
                    raise ProblemError(error.problem) from None
                await self._wait(error, failures)
            else:
                self._answered += 1
                return found

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
