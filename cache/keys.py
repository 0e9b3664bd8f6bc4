"""The key of a result: everything it depends on, hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cache.codec import encode


def key(analysis: str, version: int, fingerprints: Sequence[str], request: object) -> str:
    """64 hexadecimal digits that change with anything the result depends on.

    Args:
        analysis: Name of the analysis.
        version: Its version; a new one where the same request gives another result.
        fingerprints: One a model, in the order the request names them (see `fingerprint`).
        request: Prompt and parameters, anything that `codec.encode` takes. Adding a field to a
            request's structure changes its keys, with or without a default.
    """
    parts = (analysis, version, tuple(fingerprints), request)
    return hashlib.sha256(encode(parts)).hexdigest()
