"""The completer interface: what annotation needs of an endpoint's client or a local model."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from analysis.concepts.annotation.annotation import Gap


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Withheld = Literal["filter", "refusal"]
"""Who withheld an answer: the server's filter, or the model through a separate refusal."""


class Completion(msgspec.Struct, frozen=True, omit_defaults=True):
    """The raw answer to a conversation, empty if the model said nothing.

    `cut` by the token limit; `withheld` says who withheld all or the rest of it. Tokens of
    conversation and answer are the server's count, None if not reported.
    """

    text: str
    cut: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    withheld: Withheld | None = None

    @property
    def gap(self) -> Gap | None:
        """Why it is not the model's complete answer; None if it is."""
        if self.withheld:
            return self.withheld
        if self.cut:
            return "cut"
        return None if self.text.strip() else "empty"


class Completer(Protocol):
    """Continues conversations."""

    @property
    def model(self) -> str:
        """Identifies the language model in the keys of its answers."""

    async def complete(
        self,
        messages: tuple[Message, ...],
        *,
        temperature: float,
        top_p: float,
        seed: int,
        max_tokens: int,
    ) -> Completion:
        """The next turn. Called concurrently, always on one event loop.

        Args:
            messages: The conversation so far, the user's turn last.
            temperature: 0 always takes the most likely token.
            top_p: Share of probability to sample from; no effect at temperature 0.
            seed: Differs between repeats, for models that can be seeded.
            max_tokens: Maximum length of the answer.

        Raises:
            TryAgainError: It may work later.
            ProblemError: It will not.
        """

    async def aclose(self) -> None:
        """Close connections; called once at the end, on the same event loop."""
