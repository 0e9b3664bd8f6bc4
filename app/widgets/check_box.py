"""A check box that reads without colours: its mark is there only when it is on."""

from __future__ import annotations

from textual.widgets import Checkbox


class CheckBox(Checkbox):
    """`Checkbox` tells on from off by colour alone."""

    BUTTON_LEFT = "["
    BUTTON_INNER = " "
    BUTTON_RIGHT = "]"

    def watch_value(self) -> None:
        """Show the mark with the value."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()
