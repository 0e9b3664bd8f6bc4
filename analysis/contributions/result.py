"""Results: what adds to one token's logit at one position (METHODS 17)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Tokens

EMBEDDING, ATTENTION_BIAS = "embedding", "attention bias"
FEED_FORWARD, FEED_FORWARD_BIAS = "feed-forward", "feed-forward bias"
ENDS = "norm and head bias"
"""Names of parts; a head is called ``head 3``."""


class Parts(msgspec.Struct, frozen=True):
    """What every part of a model adds; all together it is what was taken apart. In logits.

    Attributes:
        embedding: What enters the first layer: the last token's embedding, and its position's
            where a model learns one.
        heads: float32 [L, H]; NaN where a layer has fewer than H heads.
        attention_bias: float32 [L], of attention's output projections.
        feed_forward: float32 [L], by all neurons; of a mixture of experts, by the whole of it.
        feed_forward_bias: float32 [L], of down projections.
        ends: Biases of norms outside the blocks' branches, and of the head.
    """

    embedding: float
    heads: NDArray[np.float32]
    attention_bias: NDArray[np.float32]
    feed_forward: NDArray[np.float32]
    feed_forward_bias: NDArray[np.float32]
    ends: float

    def rows(self) -> Iterator[tuple[int | None, str, float]]:
        """Layer (None outside of them), name and contribution of every part, from the bottom up."""
        yield None, EMBEDDING, self.embedding
        for layer, heads in enumerate(self.heads):
            for head, value in enumerate(heads):
                if not np.isnan(value):
                    yield layer, f"head {head}", float(value)
            yield layer, ATTENTION_BIAS, float(self.attention_bias[layer])
            yield layer, FEED_FORWARD, float(self.feed_forward[layer])
            yield layer, FEED_FORWARD_BIAS, float(self.feed_forward_bias[layer])
        yield None, ENDS, self.ends

    @property
    def total(self) -> float:
        """Their sum, in float64."""
        return sum(value for _, _, value in self.rows())


class Contributions(msgspec.Struct, frozen=True, tag="contributions"):
    """Direct contributions to one logit, or to the difference of two.

    T tokens were read: the prompt's and those of the response before the position.

    Attributes:
        model: The model's name.
        prompt: The user's text.
        prompt_tokens: Its N tokens, as the model saw them.
        response_tokens: The T − N tokens before the position.
        token: Whose logit it is.
        token_text: Its exact text.
        rival: The token whose logit is subtracted; None for none.
        rival_text: Its exact text; empty for none.
        logit: What `direct` adds up to: the logit, or the difference; before a soft cap.
        capped_logit: The same behind the model's soft cap; None for a model without one.
        log_p: log p(token), in nats, as the model has it.
        entropy: Of the distribution that log p is of, in nats.
        direct: What every part adds to `logit`.
        centred: What it adds to the logit less the mean logit under p: log p + entropy. With a
            rival the same as `direct`; of a capped model of logits before the cap.
        left_over: `logit` minus the sum of `direct`: rounding.
        words: float32 [L, H, T], what a head adds by attending to each token; NaN for a layer
            whose attention is not a weighted mean of values.
        neurons: int32 [L, K], by falling |contribution|; -1 where a layer has no more.
        activations: float32 [L, K], what enters the down projection.
        neuron_contributions: float32 [L, K].
        components: int32 [L, K], the principal component nearest to what the neuron writes; -1 for
            none.
        cosines: float32 [L, K], of that component and the neuron's direction, signed.
        notes: What the user should know, in words.
        seconds: Computing time, including loading.
        device: Where it ran.
        dtype: Precision of the weights.
    """

    model: str
    prompt: str
    prompt_tokens: Tokens
    response_tokens: Tokens
    token: int
    token_text: str
    rival: int | None
    rival_text: str
    logit: float
    capped_logit: float | None
    log_p: float
    entropy: float
    direct: Parts
    centred: Parts
    left_over: float
    words: NDArray[np.float32]
    neurons: NDArray[np.int32]
    activations: NDArray[np.float32]
    neuron_contributions: NDArray[np.float32]
    components: NDArray[np.int32]
    cosines: NDArray[np.float32]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    device: str = ""
    dtype: str = ""

    @property
    def position(self) -> int:
        """The position explained: a token of the response, from 0."""
        return len(self.response_tokens)

    @property
    def source_texts(self) -> tuple[str, ...]:
        """The T tokens read, as text."""
        return (*self.prompt_tokens.texts, *self.response_tokens.texts)
