"""Completions from an endpoint through OpenAI's client, with errors translated into problems."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from analysis.concepts.annotation.completer import Completion, Message, TryAgainError, Withheld
from analysis.concepts.annotation.endpoint import HOW_TO_ADD_ONE, Endpoint
from analysis.concepts.annotation.refusals import (
    Refusal,
    no_choice,
    no_completion,
    refusal,
    wants_newer_limit,
)
from analysis.concepts.annotation.server_words import PLACES, code, decoded
from analysis.problems import Problem, ProblemError

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.chat import ChatCompletion

REQUEST_SECONDS = 120.0
_LONGEST_QUOTE = 300
# Headers in which the client would describe this machine to the server.
_UNTOLD = ("Arch", "Async", "Lang", "OS", "Package-Version", "Runtime", "Runtime-Version")

# Codes that servers use when their filter keeps a question from the model.
_FILTERED = ("content_filter", "content_policy_violation", "data_inspection_failed")


class OpenAICompleter:
    """Asks an endpoint. Sends only the conversation and the sampling parameters.

    No seed is sent: not every server accepts the field, and answers are stored anyway. `seconds` is
    the timeout of a request.
    """

    def __init__(self, endpoint: Endpoint, *, seconds: float = REQUEST_SECONDS) -> None:
        self._endpoint = endpoint
        self._seconds = seconds
        self._client: AsyncOpenAI | None = None
        # OpenAI's newer models reject the old name of the limit; older servers know only that one.
        self._limit = "max_tokens"

    @property
    def model(self) -> str:
        return self._endpoint.model

    async def complete(
        self,
        messages: tuple[Message, ...],
        *,
        temperature: float,
        top_p: float,
        seed: int,
        max_tokens: int,
    ) -> Completion:
        sampling = {"temperature": temperature} | ({"top_p": top_p} if temperature > 0 else {})
        body = {
            "model": self._endpoint.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in messages],
            **sampling,
        }
        while True:
            limit = self._limit
            try:
                return await self._post({**body, limit: max_tokens})
            except _RefusedError as error:
                if code(error.said) in _FILTERED:
                    # This counts as an answer, because it would be the same every time.
                    return Completion("", withheld="filter")
                if limit != "max_tokens" or not wants_newer_limit(error.said):
                    refused = refusal(self._endpoint, error.status, error.said)
                    raise _raised(refused, error.after) from None
                self._limit = "max_completion_tokens"

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _post(self, body: dict[str, Any]) -> Completion:
        """One request.

        Raises:
            _RefusedError: The server sent something other than an answer.
            TryAgainError: See `completer.Completer.complete`.
        """
        import openai

        # Errors are raised without their cause, whose traceback would show the request and its key.
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._connected().chat.completions.create(**body)
        except (TimeoutError, openai.APITimeoutError):
            raise TryAgainError(self._no_answer()) from None
        except openai.APIConnectionError as error:
            raise TryAgainError(self._unreachable(error)) from None
        except openai.APIStatusError as error:
            raise _refused(error) from None
        except (openai.OpenAIError, ValueError):
            raise _raised(no_completion(self._endpoint, None)) from None
        return self._completion(answer)

    def _connected(self) -> AsyncOpenAI:
        if self._client is None:
            import openai

            untold = {f"X-Stainless-{name}": openai.Omit() for name in _UNTOLD}
            self._client = openai.AsyncOpenAI(
                api_key=self._endpoint.api_key or "none",
                base_url=self._endpoint.base_url,
                timeout=self._seconds,
                max_retries=0,  # see `asking`
                default_headers={**untold, "User-Agent": "insttui"},  # type: ignore[dict-item]
            )
        return self._client

    def _completion(self, answer: ChatCompletion) -> Completion:
        """The first choice, validated here because the client does not check server responses."""
        said = decoded(answer) if isinstance(answer, str) else _unnamed(answer)
        choices = getattr(answer, "choices", None)
        if isinstance(said, Mapping) and (
            said.get("error") or (not choices and any(place in said for place in PLACES))
        ):
            raise _RefusedError(_status_of(said), said)
        if choices == []:
            raise _raised(no_choice(self._endpoint))
        try:
            choice = answer.choices[0]
            said = _unnamed(choice)
            # mypy only knows OpenAI's own reasons.
            ended: str = choice.finish_reason
            if said.get("error") or ended == "error":
                raise _RefusedError(_status_of(said), said)
            text, refused = choice.message.content, choice.message.refusal
        except (AttributeError, IndexError, TypeError):
            raise _raised(no_completion(self._endpoint, answer)) from None
        withheld: Withheld | None = "filter" if ended == "content_filter" else None
        if refused and not text:
            text, withheld = refused, withheld or "refusal"
        if not isinstance(text, str | None):
            raise _raised(no_completion(self._endpoint, answer))
        usage = getattr(answer, "usage", None)
        return Completion(
            text=text or "",
            cut=ended == "length",
            input_tokens=_count(usage, "prompt_tokens"),
            output_tokens=_count(usage, "completion_tokens"),
            withheld=withheld,
        )

    def _unreachable(self, error: Exception) -> Problem:
        cause = error.__cause__
        why = self._endpoint.without_key(str(cause or error)).strip()[:_LONGEST_QUOTE]
        return Problem(
            kind="network",
            what=f"{self._endpoint.place} cannot be reached.",
            why=f"{why.removesuffix('.')}." if why else "",
            remedy=f"Check that it runs and that the address is right. {HOW_TO_ADD_ONE}",
        )

    def _no_answer(self) -> Problem:
        return Problem(
            kind="network",
            what=f"{self._endpoint.place} did not answer within {self._seconds:g} seconds.",
            remedy="Go on later; existing answers are kept.",
        )


class _RefusedError(Exception):
    """A server sent something other than an answer; status and `said` as in `refusals.refusal`.

    `after` is the number of seconds it wants us to wait; None if not stated.
    """

    def __init__(self, status: int, said: object, after: float | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.said = said
        self.after = after


def _refused(error: APIStatusError) -> _RefusedError:
    """A refusal by status. The client's own message omits most of what servers say."""
    try:
        said = decoded(error.response.text)
    except ValueError:
        said = error.body
    return _RefusedError(error.status_code, said, _retry_after(error))


def _raised(refused: Refusal, after: float | None = None) -> TryAgainError | ProblemError:
    if refused.again:
        return TryAgainError(refused.problem, after=after, busy=refused.busy)
    return ProblemError(refused.problem)


def _unnamed(part: object) -> Mapping[str, object]:
    """Fields in part of a server's response that OpenAI's schema does not have."""
    found = getattr(part, "model_extra", None)
    return found if isinstance(found, Mapping) else {}


def _status_of(said: object) -> int:
    """The error status contained in a response with status 200; 0 for none."""
    found = code(said)
    status = int(found) if found.isdecimal() and len(found) == 3 else 0
    return status if 400 <= status <= 599 else 0


def _count(usage: object, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and value >= 0 else None


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
