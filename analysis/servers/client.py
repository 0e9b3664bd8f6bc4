"""A connection to an endpoint through OpenAI's client, which alone knows HTTP."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from analysis.problems import Problem
from analysis.servers.endpoint import Endpoint
from analysis.servers.pace import TryAgainError
from analysis.servers.server_words import code, decoded

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

T = TypeVar("T")

_LONGEST_QUOTE = 300
# Headers in which the client would describe this machine to the server.
_UNTOLD = ("Arch", "Async", "Lang", "OS", "Package-Version", "Runtime", "Runtime-Version")


class RefusedError(Exception):
    """A server sent something other than an answer; status and `said` as in `refusals.common`.

    `after` is the number of seconds it wants us to wait; None if not stated.
    """

    def __init__(self, status: int, said: object, after: float | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.said = said
        self.after = after


class UnreadableError(Exception):
    """What a server sent cannot be read."""


class Client:
    """Sends requests to an endpoint; made for one event loop.

    Args:
        endpoint: Whom to ask.
        seconds: The timeout of a request.
        remedy: What to do about an address that nobody answers at.
    """

    def __init__(self, endpoint: Endpoint, seconds: float, remedy: str) -> None:
        self.endpoint = endpoint
        self._seconds = seconds
        self._remedy = remedy
        self._connection: AsyncOpenAI | None = None

    async def reply(self, ask: Callable[[AsyncOpenAI], Awaitable[T]]) -> T:
        """What OpenAI's client makes of one request.

        Raises:
            RefusedError: The server sent an error.
            TryAgainError: It cannot be reached, or did not answer in time.
            UnreadableError: The client cannot read what it sent.
        """
        import openai

        # Errors are raised without their cause, whose traceback would show the request and its key.
        try:
            async with asyncio.timeout(self._seconds):
                return await ask(self._connected())
        except (TimeoutError, openai.APITimeoutError):
            raise TryAgainError(self._no_answer()) from None
        except openai.APIConnectionError as error:
            raise TryAgainError(self._unreachable(error)) from None
        except openai.APIStatusError as error:
            raise _refused(error) from None
        except (openai.OpenAIError, ValueError):
            raise UnreadableError from None

    async def aclose(self) -> None:
        """Close the connections; the next request opens others."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def _connected(self) -> AsyncOpenAI:
        if self._connection is None:
            import openai

            untold = {f"X-Stainless-{name}": openai.Omit() for name in _UNTOLD}
            self._connection = openai.AsyncOpenAI(
                api_key=self.endpoint.api_key or "none",
                base_url=self.endpoint.base_url,
                timeout=self._seconds,
                max_retries=0,  # see `pace`
                default_headers={**untold, "User-Agent": "insttui"},  # type: ignore[dict-item]
            )
        return self._connection

    def _unreachable(self, error: Exception) -> Problem:
        cause = error.__cause__
        why = self.endpoint.without_key(str(cause or error)).strip()[:_LONGEST_QUOTE]
        return Problem(
            kind="network",
            what=f"{self.endpoint.place} cannot be reached.",
            why=f"{why.removesuffix('.')}." if why else "",
            remedy=f"Check that it runs and that the address is right. {self._remedy}".strip(),
        )

    def _no_answer(self) -> Problem:
        return Problem(
            kind="network",
            what=f"{self.endpoint.place} did not answer within {self._seconds:g} seconds.",
            remedy="Go on later; existing answers are kept.",
        )


def inner_status(said: object) -> int:
    """The error status contained in a response with status 200; 0 for none."""
    found = code(said)
    status = int(found) if found.isdecimal() and len(found) == 3 else 0
    return status if 400 <= status <= 599 else 0


def _refused(error: APIStatusError) -> RefusedError:
    """A refusal by status. The client's own message omits most of what servers say."""
    try:
        said = decoded(error.response.text)
    except ValueError:
        said = error.body
    return RefusedError(error.status_code, said, _retry_after(error))


def _retry_after(error: APIStatusError) -> float | None:
    """The wait requested by the server in seconds: a number, a date, or milliseconds."""
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            seconds = float(headers["retry-after-ms"]) / 1000
        else:
            seconds = _seconds(headers.get("retry-after", ""))
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return parsedate_to_datetime(value).timestamp() - time.time()
