"""Results: what base and tuned say at every place of one response (METHODS 15)."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Tokens

Writer = Literal["base", "tuned", "given"]


class Divergence(msgspec.Struct, frozen=True, tag="divergence"):
    """One response under both models; first axes of 2 are base and tuned.

    A place is a token of the response, given the prompt and the tokens before it; where the
    response ended by itself, its end is the last place. P of them, M or M + 1.

    Attributes:
        base: The base model's name.
        tuned: The tuned model's name.
        prompt: The user's text.
        prompt_tokens: What each model was given, base and tuned; a chat template makes them differ.
        response: The response as text.
        response_tokens: Its M tokens, the same for both.
        writer: Whose it is.
        ended: Whether it is whole, not cut at a limit nor given.
        log_p: float32 [2, P], log p of the token at a place, in nats; at the end, of ending.
        kl: float32 [P], KL(tuned ‖ base) of what comes next, in nats.
        choices: int32 [2, P, K], the tokens that a model prefers, best first.
        choice_log_p: float32 [2, 2, P, K], log p of these: by whose choices they are, by who gives
            the probability.
        texts: The text of every token in `choices`, by its number in digits.
        ends: The tokens that end a response for each model.
        notes: What the user should know, in words.
        seconds: Computing time, including loading.
        device: Where the tuned model ran.
        dtype: Precision of its weights.
    """

    base: str
    tuned: str
    prompt: str
    prompt_tokens: tuple[Tokens, Tokens]
    response: str
    response_tokens: Tokens
    writer: Writer
    ended: bool
    log_p: NDArray[np.float32]
    kl: NDArray[np.float32]
    choices: NDArray[np.int32]
    choice_log_p: NDArray[np.float32]
    texts: dict[str, str]
    ends: tuple[tuple[int, ...], tuple[int, ...]]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    device: str = ""
    dtype: str = ""

    @property
    def places(self) -> int:
        """P."""
        return len(self.kl)

    @property
    def names(self) -> tuple[str, str]:
        """The models' names."""
        return self.base, self.tuned

    @property
    def gain(self) -> NDArray[np.float32]:
        """float32 [P]: log p by tuned minus log p by base, in nats."""
        return np.asarray(self.log_p[1] - self.log_p[0], dtype=np.float32)

    @property
    def parted(self) -> NDArray[np.bool_]:
        """bool [P]: the models' first choices differ; two ways to end are one choice."""
        first = self.choices[:, :, 0]
        both_end = np.isin(first[0], self.ends[0]) & np.isin(first[1], self.ends[1])
        return np.asarray((first[0] != first[1]) & ~both_end, dtype=np.bool_)

    @property
    def first(self) -> int | None:
        """The first divergence: the first place where `parted`; None if there is none."""
        places = np.flatnonzero(self.parted)
        return int(places[0]) if len(places) else None

    @property
    def largest(self) -> int:
        """The place with the largest KL."""
        return int(np.argmax(self.kl))

    def token(self, place: int) -> str | None:
        """The exact text of the token at a place; None at the response's end."""
        texts = self.response_tokens.texts
        return texts[place] if place < len(texts) else None

    def choice(self, side: int, place: int, rank: int = 0) -> tuple[int, str, float]:
        """What a model (0 base, 1 tuned) prefers at a place: id, text and probability by itself."""
        token = int(self.choices[side, place, rank])
        return (
            token,
            self.texts[str(token)],
            float(np.exp(self.choice_log_p[side, side, place, rank])),
        )
