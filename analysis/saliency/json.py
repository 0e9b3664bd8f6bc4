"""An attribution as JSON: everything about a map that its CSV rows do not say, and the map."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Tokens
from analysis.saliency.result import Attribution


def as_json(attribution: Attribution) -> bytes:
    """An object in UTF-8, a line a key; numbers that are not there are null.

    ``importance`` has a list for every prompt token with a number for every response token, special
    tokens included; ``largest_difference`` is how far the map is at most from what a backward pass
    says of it, as a share of the largest sum of its columns.
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
        "note": attribution.note,
        "seconds": round(attribution.seconds, 3),
        "prompt_tokens": _tokens(attribution.prompt_tokens),
        "response_tokens": _tokens(attribution.response_tokens),
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
