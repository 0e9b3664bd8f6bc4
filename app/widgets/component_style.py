"""Styles of a widget's component classes, for text on the widget's own background."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


def text_style(widget: Widget, name: str) -> Style:
    """The style that a component class adds to the widget's own.

    A muted colour depends on the background, which Textual's partial style omits: it would come out
    plain white or black. The full style includes it.
    """
    own = widget.get_component_rich_style(name, partial=True)
    if own.color is None:
        return own
    return own + Style(color=widget.get_component_rich_style(name).color)
