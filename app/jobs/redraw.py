"""Redrawing at most so often while results grow: leaves time for keys and slow terminals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.message_pump import MessagePump
    from textual.timer import Timer


class Redraw:
    """Calls a view's `draw` some time after news, once for all that come until then."""

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
