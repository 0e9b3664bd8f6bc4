"""Cache keys: a hash of everything a result depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cache.codec import encode


def key(analysis: str, version: int, fingerprints: Sequence[str], request: object) -> str:
    """64 hexadecimal digits that change with anything the result depends on.

    Args:
        analysis: Name of the analysis.
        version: Its version, raised whenever the same request would give another result.
        fingerprints: One per model, in the order the request names them (see `fingerprint`).
        request: Prompt and parameters, anything that `codec.encode` accepts. Adding a field to a
            request's structure changes its keys, with or without a default.
    """
    parts = (analysis, version, tuple(fingerprints), request)
    return hashlib.sha256(encode(parts)).hexdigest()
