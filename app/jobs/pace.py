"""How fast steps are done, and how long the rest takes at that pace."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

# What was answered from the cache in no time is soon forgotten: the last steps count, however slow,
# or those of the last seconds, however many.
_STEPS, _SECONDS = 30, 5.0
_LEAST_S = 1.0


class Pace:
    """Follows a count that rises.

    Args:
        clock: Seconds that go on; replaced in tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def reached(self, done: int) -> None:
        """So many steps are done now."""
        if self._seen and done == self._seen[-1][1]:
            return
        now = self._clock()
        self._seen.append((now, done))
        while len(self._seen) > _STEPS and now - self._seen[1][0] >= _SECONDS:
            self._seen.popleft()

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
