"""Completions from an endpoint through OpenAI's own client, its errors turned into our words."""

from __future__ import annotations

import asyncio
import math
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from analysis.annotation.completer import Completion, Message, TryAgainError
from analysis.annotation.endpoint import HOW_TO_ADD_ONE, Endpoint
from analysis.problems import Problem, ProblemError

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.chat import ChatCompletion

REQUEST_SECONDS = 120.0
_LONGEST_QUOTE = 300
# What the client would tell the server about this machine.
_UNTOLD = ("Arch", "Async", "Lang", "OS", "Package-Version", "Runtime", "Runtime-Version")


class OpenAICompleter:
    """Asks an endpoint. Sends the conversation and how to sample, and nothing else.

    No seed is sent: not every server knows the field, and answers are kept anyway.

    Args:
        endpoint: Where, which model, and the key.
        seconds: How long a request may take.
    """

    def __init__(self, endpoint: Endpoint, *, seconds: float = REQUEST_SECONDS) -> None:
        self._endpoint = endpoint
        self._seconds = seconds
        self._client: AsyncOpenAI | None = None
        # Newer models of OpenAI refuse the old name of the limit, older servers know no other.
        self._limit = "max_tokens"

    @property
    def model(self) -> str:
        """The model's name at the endpoint."""
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
        """See `completer.Completer.complete`."""
        import openai

        sampling = {"temperature": temperature} | ({"top_p": top_p} if temperature > 0 else {})
        body = {
            "model": self._endpoint.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in messages],
            **sampling,
        }
        limit = self._limit
        try:
            return await self._post({**body, limit: max_tokens})
        except openai.BadRequestError as error:
            if limit == "max_tokens" and "max_completion_tokens" in self._quote(error):
                self._limit = "max_completion_tokens"
            elif error.code == "content_filter":
                return Completion("")  # an answer of a kind, and the same one every time
            else:
                raise ProblemError(self._status_problem(error)) from None
        return await self.complete(
            messages, temperature=temperature, top_p=top_p, seed=seed, max_tokens=max_tokens
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _post(self, body: dict[str, Any]) -> Completion:
        """One request.

        Raises:
            openai.BadRequestError: Status 400, to be looked into.
            TryAgainError, ProblemError: See `completer.Completer.complete`.
        """
        import openai

        # Errors are raised without their cause: a traceback would show the request and its key.
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._connected().chat.completions.create(**body)
                return self._completion(answer)
        except (TimeoutError, openai.APITimeoutError):
            raise TryAgainError(self._no_answer()) from None
        except openai.APIConnectionError as error:
            raise TryAgainError(self._unreachable(error)) from None
        except openai.BadRequestError:
            raise
        except openai.APIStatusError as error:
            failed = self._status_problem(error)
            exhausted = error.code == "insufficient_quota"
            if (error.status_code in (408, 409, 429) and not exhausted) or error.status_code >= 500:
                busy = error.status_code == 429
                raise TryAgainError(failed, after=_retry_after(error), busy=busy) from None
            raise ProblemError(failed) from None
        except (openai.OpenAIError, ValueError, _MalformedError):
            raise TryAgainError(self._malformed()) from None

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
        """The first choice; the client does not check what a server sends."""
        try:
            choice = answer.choices[0]
            text = choice.message.content
            if text is None:
                text = choice.message.refusal or ""
            cut = choice.finish_reason == "length"
        except (AttributeError, IndexError, TypeError) as error:
            raise _MalformedError from error
        if not isinstance(text, str):
            raise _MalformedError
        usage = getattr(answer, "usage", None)
        return Completion(
            text=self._endpoint.without_key(text),
            cut=cut,
            input_tokens=_count(usage, "prompt_tokens"),
            output_tokens=_count(usage, "completion_tokens"),
        )

    def _status_problem(self, error: APIStatusError) -> Problem:
        place, model = self._endpoint.place, self._endpoint.model
        why = f"It answered with status {error.status_code}: {self._quote(error)}"
        match error.status_code:
            case 401 | 403:
                # Not quoted: such messages repeat parts of the key.
                return Problem(
                    kind="input",
                    what=f"{place} does not accept the key.",
                    why=f"It answered with status {error.status_code}.",
                    remedy="Check OPENAI_API_KEY, and that it belongs to this endpoint.",
                )
            case 404:
                return Problem(
                    kind="input",
                    what=f"{place} has no model {model!r}, or no chat under this address.",
                    why=why,
                    remedy="Check the model's name and OPENAI_BASE_URL, which often ends in /v1.",
                )
            case 429 if error.code == "insufficient_quota":
                return Problem(
                    kind="input",
                    what=f"The account at {place} has nothing left to spend.",
                    why=why,
                    remedy="Add to it and start again; answers that are here are not asked for"
                    " again.",
                )
            case 429:
                return Problem(
                    kind="network",
                    what=f"{place} was asked too often.",
                    why=why,
                    remedy="Ask fewer at a time, or go on later; answers that are here are kept.",
                )
            case status if status >= 500:
                return Problem(
                    kind="network",
                    what=f"{place} failed.",
                    why=why,
                    remedy="Go on later; answers that are here are kept.",
                )
        return Problem(
            kind="input",
            what=f"{place} does not take the question.",
            why=why,
            remedy="Check that the model is one for chat, and lets its temperature be chosen.",
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
            remedy="Go on later; answers that are here are kept.",
        )

    def _malformed(self) -> Problem:
        return Problem(
            kind="network",
            what=f"{self._endpoint.place} answers with something that is no chat completion.",
            remedy="Check OPENAI_BASE_URL, which often ends in /v1.",
        )

    def _quote(self, error: APIStatusError) -> str:
        """What the server says, on one line, without the key."""
        body = error.body
        said = body.get("message") if isinstance(body, dict) else body
        text = " ".join(str(said or error.message).split())
        return self._endpoint.without_key(text)[:_LONGEST_QUOTE]


class _MalformedError(Exception):
    """A server said that all is well and sent something else than a chat completion."""


def _count(usage: object, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and value >= 0 else None


def _retry_after(error: APIStatusError) -> float | None:
    """Seconds that the server asks to wait: a number or a date, or in milliseconds."""
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
