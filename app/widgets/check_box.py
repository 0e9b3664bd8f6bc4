"""A check box that is readable without colours: its mark appears only when it is on."""

from __future__ import annotations

from textual.widgets import Checkbox


class CheckBox(Checkbox):
    """Unlike this class, `Checkbox` shows its state by colour alone."""

    BUTTON_LEFT = "["
    BUTTON_INNER = " "
    BUTTON_RIGHT = "]"

    def watch_value(self) -> None:
        """Show the mark if the value is on."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()
