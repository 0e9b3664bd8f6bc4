"""Styles of a widget's components, for text on the widget's own background."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


def text_style(widget: Widget, name: str) -> Style:
    """What a component adds to the widget's style.

    A muted colour is relative to the background, which Textual's partial style leaves out: it would
    be plain white or black. Its whole style knows.
    """
    own = widget.get_component_rich_style(name, partial=True)
    if own.color is None:
        return own
    return own + Style(color=widget.get_component_rich_style(name).color)
