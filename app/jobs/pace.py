"""How fast: the rate of steps with the time left, and how often growing results are drawn."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.message_pump import MessagePump
    from textual.timer import Timer

# Window of the rate: the last 30 steps or 5 seconds, whichever is longer, so that answers from the
# cache, which take no time, are soon forgotten.
_STEPS, _SECONDS = 30, 5.0
_LEAST_S = 1.0


class Pace:
    """The rate of a rising count; `clock` returns seconds and is replaced in tests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def reached(self, done: int) -> None:
        """Record the number of steps done."""
        if self._seen and done == self._seen[-1][1]:
            return
        now = self._clock()
        self._seen.append((now, done))
        while len(self._seen) > _STEPS and now - self._seen[1][0] >= _SECONDS:
            self._seen.popleft()

    @property
    def per_second(self) -> float | None:
        """Recent steps per second; None while unknown."""
        if not self._seen:
            return None
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        if last_s - first_s < _LEAST_S or last <= first:
            return None
        return (last - first) / (last_s - first_s)

    def seconds_left(self, total: int | None) -> float | None:
        """Seconds left up to `total` steps at this rate; None while unknown."""
        rate = self.per_second
        if rate is None or total is None:
            return None
        return max(0, total - self._seen[-1][1]) / rate


class Redraw:
    """Calls a view's `draw` some time after news, once for all that come until then.

    That leaves time for keys and slow terminals.
    """

    def __init__(self, view: MessagePump, draw: Callable[[], None], *, every_s: float) -> None:
        """Args: the view; what draws it; seconds from the first news to the drawing."""
        self._view, self._draw, self._every_s = view, draw, every_s
        self._timer: Timer | None = None

    def soon(self) -> None:
        """Draw once the time is up."""
        if self._timer is None:
            self._timer = self._view.set_timer(self._every_s, self.now)

    def now(self) -> None:
        """Draw what there is, and nothing later for its sake."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._draw()
