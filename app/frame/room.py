"""What a terminal that is too small shows instead of the views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.widgets import Static

from app.frame.lines import MINIMUM

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.screen import Screen
    from textual.widget import Widget

_UNUSABLE = (60, 16)


class Room:
    """Whether the views have room; a screen's `#too-small` says so where they have not."""

    def __init__(self) -> None:
        # What had the focus before the terminal became too small.
        self._had_focus: Widget | None = None

    def measure(self, screen: Screen[Any], size: Size) -> None:
        """Show a message instead of the views if they would not fit; call it for every size."""
        unusable = size.width < _UNUSABLE[0] or size.height < _UNUSABLE[1]
        if unusable and not screen.has_class("-too-small"):
            self._had_focus = screen.focused
        screen.set_class(unusable, "-too-small")
        least = f"{MINIMUM[0]}×{MINIMUM[1]}"
        screen.query_one("#too-small", Static).update(
            f"insttui needs a terminal of {least}; this one is {size.width}×{size.height}."
        )

    def restore_focus(self, screen: Screen[Any]) -> None:
        """Give the focus back once there is room again: hidden widgets lose it."""
        if not screen.has_class("-too-small") and self._had_focus is not None:
            had_focus, self._had_focus = self._had_focus, None
            if screen.focused is None and had_focus.is_attached:
                screen.set_focus(had_focus, scroll_visible=False)
