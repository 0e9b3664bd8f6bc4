"""A check box and a button that are plainer than Textual's."""

from __future__ import annotations

from textual.widgets import Button, Checkbox


class CheckBox(Checkbox):
    """Reads without colours: its mark is there only when it is on, not only another colour."""

    BUTTON_LEFT = "["
    BUTTON_INNER = " "
    BUTTON_RIGHT = "]"

    def watch_value(self) -> None:
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()


class PushButton(Button, inherit_css=False):
    """`Button` without the styles of all its variants, which are slow to parse."""

    DEFAULT_CSS = """
    PushButton {
        width: auto;
        min-width: 16;
        height: auto;
        line-pad: 1;
        text-align: center;
        content-align: center middle;
        pointer: pointer;
        text-style: bold;
        color: $button-color-foreground;
        background: $primary;
    }
    PushButton:focus { text-style: $button-focus-text-style; background-tint: $foreground 5%; }
    PushButton:hover { background: $primary-darken-2; }
    PushButton.-active { background: $primary; tint: $background 30%; }
    """
