"""Lists of one-line items with a cursor: examples, history, sentences; the base of tables.

The Line API draws only visible lines, so a list of thousands costs no more than a list of ten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from app.widgets.lines import Line, text_style

Draw = Callable[[int, int], Line]
"""Index of an item and width in cells → its line of parts: harmless text and a style name.

Names are those of `ItemList`, or of two words, those of `app.widgets.scale.scale_style`."""


class ItemList(ScrollView, can_focus=True):
    """Items drawn by a function; Enter chooses an item, Space toggles it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move_to(0)", "First", show=False),
        Binding("end", "move_to(-1)", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
        Binding("space", "mark", "Mark", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "item-list--cursor",
        "item-list--dim",
        "item-list--accent",
        "item-list--strong",
        "item-list--warn",
        "item-list--bad",
    }
    DEFAULT_CSS = """
    ItemList { overflow-x: hidden; scrollbar-size-vertical: 1; }
    ItemList .item-list--cursor { text-style: reverse; }
    ItemList .item-list--dim { color: $text-muted; }
    ItemList .item-list--strong { text-style: bold; }
    ItemList .item-list--accent { color: $text-accent; }
    ItemList .item-list--warn { color: $text-warning; }
    ItemList .item-list--bad { color: $text-error; }
    """

    class ItemMessage(Message):
        def __init__(self, items: ItemList, index: int) -> None:
            super().__init__()
            self.items = items
            self.index = index

        @property
        def control(self) -> ItemList:
            """The list, for `@on(ItemList.Chosen, "#id")`."""
            return self.items

    class Chosen(ItemMessage):
        """Enter, or a click on the item under the cursor."""

    class Toggled(ItemMessage):
        """Space on an item."""

    def __init__(self, draw: Draw, *, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        """Args: draw: makes an item's line; empty: text shown if there are no items."""
        super().__init__(id=id)
        self._draw = draw
        self._empty = empty
        self.count = 0
        self.cursor = 0
        # Lines above and below the items which do not scroll.
        self._above = self._below = 0
        # Cached, because deriving styles from all ancestors would dominate drawing.
        self._styles: dict[str, Style] = {}

    def show(self, count: int, *, cursor: int | None = None) -> None:
        """Show and redraw `count` items; the cursor stays in place unless one is given."""
        self.count = count
        self.cursor = max(0, min(self.cursor if cursor is None else cursor, count - 1))
        self._lay_out(self.size.width)
        self.refresh()

    def _lay_out(self, width: int) -> None:
        self.virtual_size = Size(width, self._above + self.count + self._below)
        self._reveal()

    def render_line(self, y: int) -> Strip:
        index = y - self._above + round(self.scroll_offset.y)
        width = self.scrollable_content_region.width
        base = self._style("")
        if index >= self.count:
            text = self._empty if index == 0 and not self.count else ""
            return Strip([Segment(text, self._style("dim"))]).adjust_cell_length(width, base)
        strip = Strip(
            [Segment(text, self._style(name)) for text, name in self._draw(index, width)]
        ).adjust_cell_length(width, base)
        if index == self.cursor and self.has_focus:
            return strip.apply_style(text_style(self, "item-list--cursor"))
        return strip

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self.rich_style
            if " " in name:
                from app.widgets.scale import scale_style  # Not before the first paint.

                style += scale_style(self.app, name) or Style.null()
            elif name:
                style += text_style(self, f"item-list--{name}")
            self._styles[name] = style
        return style

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def move_cursor(self, index: int) -> None:
        """Put the cursor on an item; only the two affected lines are repainted."""
        before, self.cursor = self.cursor, max(0, min(index, self.count - 1))
        if self.cursor != before:
            self.refresh_item(before)
            self.refresh_item(self.cursor)
            self._reveal()

    def refresh_item(self, index: int) -> None:
        """Repaint the line of an item."""
        self.refresh_line(self._above + index)

    def _reveal(self) -> None:
        if self.is_mounted and self.count:
            self.scroll_to_region(
                Region(0, self.cursor, 1, self._above + 1 + self._below),
                animate=False,
                force=True,
                immediate=True,
            )

    def on_resize(self, event: Resize) -> None:
        self._lay_out(event.size.width)

    def on_focus(self) -> None:
        self.refresh_item(self.cursor)

    def on_blur(self) -> None:
        self.refresh_item(self.cursor)

    def on_click(self, event: Click) -> None:
        """Move to the clicked item; choose it if it was already under the cursor."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < self._above:
            return
        index = offset.y - self._above + round(self.scroll_offset.y)
        if index >= self.count:
            return
        if index == self.cursor:
            self.action_choose()
        else:
            self.move_cursor(index)

    def action_move(self, by: int) -> None:
        self.move_cursor(self.cursor + by)

    def action_page(self, direction: int) -> None:
        self.move_cursor(
            self.cursor + direction * max(1, self.size.height - self._above - self._below - 1)
        )

    def action_move_to(self, index: int) -> None:
        """Move to the first (0) or the last (-1) item."""
        self.move_cursor(index if index >= 0 else self.count - 1)

    def action_choose(self) -> None:
        if self.count:
            self.post_message(self.Chosen(self, self.cursor))

    def action_mark(self) -> None:
        if self.count:
            self.post_message(self.Toggled(self, self.cursor))


class FollowedList(ItemList):
    """A list that tells where its cursor goes."""

    def __init__(self, draw: Draw, follow: Callable[[], None], *, empty: str, id: str) -> None:  # noqa: A002
        """Args: makes an item's line; what to call; what to say without items; the widget's id."""
        super().__init__(draw, empty=empty, id=id)
        self._follow = follow

    def move_cursor(self, index: int) -> None:
        before = self.cursor
        super().move_cursor(index)
        if self.cursor != before:
            self._follow()
