"""A list of the places where a word was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from rich.text import Text

from app.terminal.text import visible
from app.widgets.item_list import Draw, ItemList

Place = TypeVar("Place")


class FoundList(ItemList, Generic[Place]):
    """One line per place, drawn by a function.

    Attributes:
        places: The last search results.
    """

    def __init__(self, draw: Draw, *, ascii_only: bool, id: str) -> None:  # noqa: A002
        """Args: makes a place's line; whether to show text in ASCII; the widget's id."""
        super().__init__(draw, id=id)
        self._ascii = ascii_only
        self.places: Sequence[Place] = ()

    def list_places(self, word: str, places: Sequence[Place], where: str) -> None:
        """List the places of a word, under a heading with their number and location."""
        self.places = places
        self.border_title = Text(f"“{visible(word, ascii_only=self._ascii)}” in {where}")
        self.show(len(places), cursor=0)

    @property
    def place(self) -> Place | None:
        """The place under the cursor."""
        return self.places[self.cursor] if self.places else None
