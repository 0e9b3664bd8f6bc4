"""What the engine answers about a response: importance, with its JSON, and curves of deletion."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Tokens
from analysis.saliency.faithfulness import Faithfulness

Kind = Literal["deletion", "insertion"]
"""What happens to the prompt's tokens along a curve."""

KINDS: tuple[Kind, ...] = ("deletion", "insertion")


class Attribution(msgspec.Struct, frozen=True, tag="attribution"):
    """Importance I[n, m] of prompt token n for response token m (METHODS 1).

    Attributes:
        model: The model's name as the user knows it.
        prompt: The user's text.
        prompt_tokens: All tokens the model was given, including template and special tokens.
        response_tokens: The response without its end token; spans lie in the response text.
        importance: float32 [N, M], signed; NaN where not computed yet.
        target: What was differentiated.
        method: The algorithm that ran.
        device: Where it ran.
        dtype: Precision of the weights.
        ended: ``end`` when the model ended the response, ``length`` when the limit did, ``given``
            when the response was the user's, ``running`` while it is being generated.
        seconds: Time of the attribution, without generation and loading.
        response: The response as text; U+FFFD stands for invalid bytes.
        passes_dtype: Precision of the method's passes; empty until they ran.
        note: What the user should know about the computation, such as a method that the model does
            not support; empty for nothing.
        totals: float32 [N], Σ_m I[n, m]; NaN until known. For a gradient they are known before the
            map, from one backward pass.
        difference: Largest difference between weighted sums of the map's columns and those of a
            backward pass, as a share of the largest sum; None if not compared, as for occlusion.
        faithfulness: How far the map agrees with deletion, from a sample of its rows; None for
            occlusion itself, and in results stored before this was estimated.
        probabilities: float32 [M], p(y_m | x, y_<m), where a gradient was computed; empty if
            unknown, as in results stored before they were kept.
    """

    model: str
    prompt: str
    prompt_tokens: Tokens
    response_tokens: Tokens
    importance: NDArray[np.float32]
    target: str
    method: str
    device: str
    dtype: str
    ended: Literal["end", "length", "given", "running"]
    seconds: float
    response: str = ""
    passes_dtype: str = ""
    note: str = ""
    totals: NDArray[np.float32] = msgspec.field(default_factory=lambda: np.zeros(0, np.float32))
    difference: float | None = None
    faithfulness: Faithfulness | None = None
    probabilities: NDArray[np.float32] = msgspec.field(
        default_factory=lambda: np.zeros(0, np.float32)
    )


class Curves(msgspec.Struct, frozen=True, tag="curves"):
    """Log-probabilities of a response along orders of K prompt tokens.

    Attributes:
        model: The model's name as the user knows it.
        counts: int64 [S + 1], tokens deleted or inserted by then, from 0 to K.
        deletion: float64 [O, S + 1], the mean log-probability of a response token, in nats, once
            the first `counts` tokens of an order are deleted.
        insertion: float64 [O, S + 1], the same with only these there, of the K.
        response_tokens: M.
        device: Where it ran.
        dtype: Precision of the weights.
        note: What the user should know about the computation; empty for nothing.
        seconds: Time without loading.
    """

    model: str
    counts: NDArray[np.int64]
    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]
    response_tokens: int
    device: str
    dtype: str
    note: str = ""
    seconds: float = 0.0

    @property
    def shares(self) -> NDArray[np.float64]:
        """float64 [S + 1]: `counts` as shares of K, 0 to 1."""
        return np.asarray(self.counts / self.counts[-1], dtype=np.float64)

    def areas(self, kind: Kind) -> NDArray[np.float64]:
        """float64 [O]: areas under the curves by the trapezoidal rule, in nats a response token."""
        values: NDArray[np.float64] = getattr(self, kind)
        return np.asarray(np.trapezoid(values, self.shares, axis=1), dtype=np.float64)


def as_json(attribution: Attribution) -> bytes:
    """A JSON object in UTF-8 with one line per key; missing numbers are null.

    ``importance`` has a list for every prompt token with a number for every response token,
    including special tokens; ``largest_difference`` is that between the map and a backward
    pass, as a share of the largest sum of its columns; ``agreement_with_deletion`` is estimated
    from as many prompt tokens as ``sampled`` says.
    """
    record = {
        "model": attribution.model,
        "prompt": attribution.prompt,
        "response": attribution.response,
        "ended": attribution.ended,
        "method": attribution.method,
        "target": attribution.target,
        "device": attribution.device,
        "weights_dtype": attribution.dtype,
        "passes_dtype": attribution.passes_dtype,
        "largest_difference": attribution.difference,
        "agreement_with_deletion": attribution.faithfulness,
        "note": attribution.note,
        "seconds": round(attribution.seconds, 3),
        "prompt_tokens": _tokens(attribution.prompt_tokens),
        "response_tokens": _tokens(attribution.response_tokens),
        "probabilities": _numbers(attribution.probabilities),
        "totals": _numbers(attribution.totals),
        "importance": [_numbers(row) for row in attribution.importance],
    }
    lines = (
        b" %b: %b" % (msgspec.json.encode(key), msgspec.json.encode(value))
        for key, value in record.items()
    )
    return b"{\n%b\n}\n" % b",\n".join(lines)


def _tokens(tokens: Tokens) -> list[dict[str, Any]]:
    every = zip(tokens.ids, tokens.texts, tokens.spans, strict=True)
    return [{"id": token, "text": text, "span": span} for token, text, span in every]


def _numbers(values: NDArray[np.float32]) -> list[float | None]:
    # str: the shortest digits that give the same float32 back.
    return [None if np.isnan(value) else float(str(value)) for value in values]
