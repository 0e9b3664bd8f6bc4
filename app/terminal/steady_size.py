"""Screens that are laid out at the size that the terminal has, never at one that it had.

Textual 8 lays a screen out at the size that a message brings, and each layout sends the screen a
message with its size. Where two sizes are under way at a time, each is answered by the other: a
terminal that is dragged to a new size may be left at the wrong one, and while a batch holds back
the painting the two chase each other for good, on a whole core, deaf and growing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.screen import Screen

    _Screen = Screen[None]
else:
    # Textual looks for styles along the first base that is a widget, and for no other.
    _Screen = object


class SteadySize(_Screen):
    """For every screen of the app, as its first base class."""

    def _screen_resized(self, size: Size) -> None:
        now = self.app.size
        # At the start Textual says several times how large it is.
        if now != self.outer_size:
            super()._screen_resized(now)
