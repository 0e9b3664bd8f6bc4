"""A one-line button."""

from __future__ import annotations

from textual.widgets import Button


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
