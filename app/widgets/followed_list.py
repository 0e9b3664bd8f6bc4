"""A list with details of the item under the cursor shown elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from app.widgets.item_list import Draw, ItemList


class FollowedList(ItemList):
    """A list that reports when its cursor moves."""

    def __init__(self, draw: Draw, follow: Callable[[], None], *, empty: str, id: str) -> None:  # noqa: A002
        """Args: makes an item's line; what to call; text if there are no items; the widget's id."""
        super().__init__(draw, empty=empty, id=id)
        self._follow = follow

    def move_cursor(self, index: int) -> None:
        """Put the cursor on an item and report it."""
        before = self.cursor
        super().move_cursor(index)
        if self.cursor != before:
            self._follow()
