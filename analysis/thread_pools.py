"""How many threads the numeric libraries use for small matrices: one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

SMALL = 512
"""Up to this width a decomposition is quicker on one thread than on several."""


@contextmanager
def suited_to(width: int) -> Iterator[None]:
    """Within it torch, numpy and scipy use one thread where matrices are at most `SMALL` wide.

    Each of the three has a pool of its own, whose threads go on waiting busily for some time after
    a product. Where small steps alternate between them, they take the cores from one another: the
    components of a layer of width 144 take ten times as long on two cores as on one.
    """
    if width > SMALL:
        yield
        return
    with threadpool_limits(1):
        yield
