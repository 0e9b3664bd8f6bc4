"""How fast steps are done, and how long the rest takes at that pace."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_REMEMBERED = 30
"""Steps. What was answered from the cache in no time is soon forgotten."""
_LEAST_S = 1.0


class Pace:
    """Follows a count that rises.

    Args:
        clock: Seconds that go on; replaced in tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)

    def reached(self, done: int) -> None:
        """So many steps are done now."""
        if not self._seen or done != self._seen[-1][1]:
            self._seen.append((self._clock(), done))

    @property
    def per_second(self) -> float | None:
        """Steps a second, over the last ones; None while that cannot be told."""
        if not self._seen:
            return None
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        if last_s - first_s < _LEAST_S or last <= first:
            return None
        return (last - first) / (last_s - first_s)

    def seconds_left(self, total: int | None) -> float | None:
        """How long the steps up to `total` take at this pace; None while that cannot be told."""
        rate = self.per_second
        if rate is None or total is None:
            return None
        return max(0, total - self._seen[-1][1]) / rate
