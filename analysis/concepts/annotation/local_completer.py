"""A local instruction-tuned model as a completer, through the engine: no endpoint, no cost."""

from __future__ import annotations

import asyncio

from analysis.chat.request import ChatRequest
from analysis.concepts.annotation.completer import Completion, Message
from analysis.models.places import place_of
from analysis.request import ModelChoice
from analysis.session.session import Session


class LocalCompleter:
    """Continues conversations with a local model, one at a time."""

    def __init__(self, session: Session, choice: ModelChoice) -> None:
        """Args: the session that asks the engine; a model with a chat template."""
        self._session = session
        self._choice = choice
        place = place_of(choice)
        # Different weights under the same name give different answers.
        mark = choice.location if place is None else place.mark
        self._model = f"local {mark} {choice.dtype}"

    @property
    def model(self) -> str:
        """Identifies the model by its weights and their precision."""
        return self._model

    async def complete(
        self,
        messages: tuple[Message, ...],
        *,
        temperature: float,
        top_p: float,
        seed: int,
        max_tokens: int,
    ) -> Completion:
        request = ChatRequest(
            self._choice,
            tuple((message.role, message.content) for message in messages),
            temperature,
            top_p,
            seed,
            max_tokens,
        )
        job = self._session.submit(request)
        try:
            reply = await asyncio.to_thread(job.wait)
        except asyncio.CancelledError:
            job.cancel()
            raise
        return Completion(reply.text, reply.cut, reply.input_tokens, reply.output_tokens)

    async def aclose(self) -> None:
        """Does nothing: whoever opened the session closes it."""
