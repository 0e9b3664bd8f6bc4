"""Completions from an endpoint through OpenAI's client, with errors translated into problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.concepts.annotation.completer import Completion, Message, Withheld
from analysis.concepts.annotation.refusals import (
    no_choice,
    no_completion,
    refusal,
    wants_newer_limit,
)
from analysis.servers.client import Client, RefusedError, UnreadableError, inner_status
from analysis.servers.endpoint import HOW_TO_ADD_ONE, Endpoint
from analysis.servers.server_words import PLACES, code, decoded

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

REQUEST_SECONDS = 120.0
# Codes that servers use when their filter keeps a question from the model.
_FILTERED = ("content_filter", "content_policy_violation", "data_inspection_failed")


class OpenAICompleter:
    """Asks an endpoint. Sends only the conversation and the sampling parameters.

    No seed is sent: not every server accepts the field, and answers are stored anyway. `seconds` is
    the timeout of a request.
    """

    def __init__(self, endpoint: Endpoint, *, seconds: float = REQUEST_SECONDS) -> None:
        self._endpoint = endpoint
        self._client = Client(endpoint, seconds, HOW_TO_ADD_ONE)
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
            except RefusedError as error:
                if code(error.said) in _FILTERED:
                    # This counts as an answer, because it would be the same every time.
                    return Completion("", withheld="filter")
                if limit != "max_tokens" or not wants_newer_limit(error.said):
                    refused = refusal(self._endpoint, error.status, error.said)
                    raise refused.raised(error.after) from None
                self._limit = "max_completion_tokens"

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _post(self, body: dict[str, Any]) -> Completion:
        """One request.

        Raises:
            RefusedError: The server sent something other than an answer.
            TryAgainError: See `completer.Completer.complete`.
        """
        try:
            answer = await self._client.reply(lambda it: it.chat.completions.create(**body))
        except UnreadableError:
            raise no_completion(self._endpoint, None).raised() from None
        return self._completion(answer)

    def _completion(self, answer: ChatCompletion) -> Completion:
        """The first choice, validated here because the client does not check server responses."""
        said = decoded(answer) if isinstance(answer, str) else _unnamed(answer)
        choices = getattr(answer, "choices", None)
        if isinstance(said, Mapping) and (
            said.get("error") or (not choices and any(place in said for place in PLACES))
        ):
            raise RefusedError(inner_status(said), said)
        if choices == []:
            raise no_choice(self._endpoint).raised()
        try:
            choice = answer.choices[0]
            said = _unnamed(choice)
            # mypy only knows OpenAI's own reasons.
            ended: str = choice.finish_reason
            if said.get("error") or ended == "error":
                raise RefusedError(inner_status(said), said)
            text, refused = choice.message.content, choice.message.refusal
        except (AttributeError, IndexError, TypeError):
            raise no_completion(self._endpoint, answer).raised() from None
        withheld: Withheld | None = "filter" if ended == "content_filter" else None
        if refused and not text:
            text, withheld = refused, withheld or "refusal"
        if not isinstance(text, str | None):
            raise no_completion(self._endpoint, answer).raised()
        usage = getattr(answer, "usage", None)
        return Completion(
            text=text or "",
            cut=ended == "length",
            input_tokens=_count(usage, "prompt_tokens"),
            output_tokens=_count(usage, "completion_tokens"),
            withheld=withheld,
        )


def _unnamed(part: object) -> Mapping[str, object]:
    """Fields in part of a server's response that OpenAI's schema does not have."""
    found = getattr(part, "model_extra", None)
    return found if isinstance(found, Mapping) else {}


def _count(usage: object, name: str) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and value >= 0 else None
