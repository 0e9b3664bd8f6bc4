"""Limits the numeric libraries to one thread for small matrices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

SMALL = 512
"""Up to this width a decomposition is quicker on one thread than on several."""


@contextmanager
def suited_to(width: int) -> Iterator[None]:
    """Within it torch, numpy and scipy use one thread if matrices are at most `SMALL` wide.

    Each of the three has its own thread pool, whose threads keep spinning for a while after a
    product. When small steps alternate between the libraries, the pools compete for cores: the
    components of a layer of width 144 take ten times as long on two cores as on one.
    """
    if width > SMALL:
        yield
        return
    with threadpool_limits(1):
        yield
