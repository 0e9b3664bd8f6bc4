"""Results: what the choice becomes when one model's state is put into the other (METHODS 16)."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Tokens
from analysis.patching.request import Part


class Said(msgspec.Struct, frozen=True):
    """What is predicted at the position, in a number of runs.

    Attributes:
        difference: float32 [...], logit of tuned's token minus logit of base's.
        log_p: float32 [..., 2], log p of base's token and of tuned's, in nats.
        top: int32 [...], the most probable token.
    """

    difference: NDArray[np.float32]
    log_p: NDArray[np.float32]
    top: NDArray[np.int32]


class Patching(msgspec.Struct, frozen=True, tag="patching"):
    """The choice between two tokens, layer by layer; first axes of 2 are base and tuned.

    A *receiver* is the model that runs, and the *donor* the other one, from which the state at the
    last position comes. Of the stream there are P = L + 1 points: what enters the first layer, and
    what leaves each; of attention and feed-forward networks P = L, one a layer.

    Attributes:
        base: The base model's name.
        tuned: The tuned model's name.
        prompt: The user's text.
        prompt_tokens: What each model was given; a chat template makes them differ.
        response_tokens: The tokens of the response before the choice, the same for both.
        part: What was replaced.
        tokens: The two tokens, base's and tuned's.
        texts: The text of every token in `tokens` and `top`, by its number in digits.
        alone: [2], both models as they are.
        patched: [2, P] by receiver; NaN and -1 where a layer has no such part.
        layers: L.
        identity: [2], by receiver, the largest difference between a run into which its own states
            were put and the run left alone, as a share of the largest state or logit.
        cached: [2], likewise of a run of the last position alone and one of the whole text; NaN
            where the whole text was run.
        notes: What the user should know, in words.
        seconds: Computing time, including loading.
        device: Where the tuned model ran.
        dtype: Precision of its weights.
    """

    base: str
    tuned: str
    prompt: str
    prompt_tokens: tuple[Tokens, Tokens]
    response_tokens: Tokens
    part: Part
    tokens: tuple[int, int]
    texts: dict[str, str]
    alone: Said
    patched: Said
    layers: int
    identity: NDArray[np.float32]
    cached: NDArray[np.float32]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    device: str = ""
    dtype: str = ""

    @property
    def names(self) -> tuple[str, str]:
        """The models' names."""
        return self.base, self.tuned

    @property
    def points(self) -> int:
        """P."""
        return int(self.patched.difference.shape[1])

    @property
    def gap(self) -> float:
        """The logit difference of tuned minus that of base, each as it is."""
        return float(self.alone.difference[1]) - float(self.alone.difference[0])

    @property
    def carried(self) -> NDArray[np.float64]:
        """float64 [2, P]: how far a point takes its receiver towards the donor's own difference.

        0 is the receiver as it is, 1 the donor; below 0 and above 1 are possible. NaN where the
        models' differences are equal.
        """
        own = self.alone.difference.astype(np.float64)
        towards = own[::-1] - own
        if not towards.any():
            return np.full(self.patched.difference.shape, np.nan)
        return np.asarray((self.patched.difference - own[:, None]) / towards[:, None])

    def text(self, token: int) -> str:
        """The text of one of the tokens that are spoken of."""
        return self.texts[str(token)]
