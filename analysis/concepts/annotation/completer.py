"""What annotating needs of a language model: an endpoint's client or a local model."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from analysis.concepts.annotation.annotation import Gap
from analysis.problems import Problem


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Withheld = Literal["filter", "refusal"]
"""Who has kept an answer back: the server's filter, or the model, which says so apart."""


class Completion(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a conversation.

    Attributes:
        text: As it came; empty where the model said nothing.
        cut: It reached the limit of tokens before its end.
        input_tokens: What the conversation was counted as; None where the server does not say.
        output_tokens: What the answer was counted as; None where the server does not say.
        withheld: Who kept it back, wholly or from some word on; None where nobody did.
    """

    text: str
    cut: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    withheld: Withheld | None = None

    @property
    def gap(self) -> Gap | None:
        """Why it is not the model's whole answer; None where it is."""
        if self.withheld:
            return self.withheld
        if self.cut:
            return "cut"
        return None if self.text.strip() else "empty"


class TryAgainError(Exception):
    """The question may be answered if it is asked again later.

    Args:
        problem: What to tell the user should it never be.
        after: Seconds after which the server wants to be asked again; None where it does not say.
        busy: The server is well but asked too often.
    """

    def __init__(self, problem: Problem, *, after: float | None = None, busy: bool = False) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.after = after
        self.busy = busy


class Completer(Protocol):
    """Continues conversations."""

    @property
    def model(self) -> str:
        """What identifies the language model in the keys of its answers."""

    async def complete(
        self,
        messages: tuple[Message, ...],
        *,
        temperature: float,
        top_p: float,
        seed: int,
        max_tokens: int,
    ) -> Completion:
        """The next turn. Called several times at once, all on one event loop.

        Args:
            messages: The conversation so far, the user's turn last.
            temperature: 0 takes the likeliest token every time.
            top_p: Share of probability that is sampled from; of no effect at temperature 0.
            seed: Differs between repeats, for models that can be seeded.
            max_tokens: Most tokens of the answer.

        Raises:
            TryAgainError: It may work later.
            ProblemError: It will not.
        """

    async def aclose(self) -> None:
        """Let go of connections; called once at the end, on the same event loop."""
