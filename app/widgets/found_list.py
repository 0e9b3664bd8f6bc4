"""The table of the places where a word was found last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from rich.text import Text

from app.terminal.text import visible
from app.widgets.table_list import TableList
from app.widgets.table_rows import AS_IT_COMES, Column, Row, Rows

Place = TypeVar("Place")


class FoundList(TableList, Generic[Place]):
    """A row a place; `word` and `places` are what was found last.

    Subclasses set `COLUMNS`, and make a place's cells.
    """

    COLUMNS: Sequence[Column]

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        """Args: whether text is shown in ASCII; the widget's id."""
        super().__init__(ascii_only=ascii_only, filters=False, id=id)
        self.word = ""
        self.places: Sequence[Place] = ()

    def row_of(self, place: Place) -> Row:
        """The cells of a place, one a column."""
        raise NotImplementedError

    def list_places(self, word: str, places: Sequence[Place], where: str) -> None:
        """List the places of a word, and say above how many there are and where."""
        self.word, self.places = word, places
        self.border_title = Text(f"“{visible(word, ascii_only=self._ascii)}” in {where}")
        rows = Rows.made(len(places), lambda index: self.row_of(places[index]))
        self.show_rows(self.COLUMNS, rows, AS_IT_COMES)

    @property
    def place(self) -> Place | None:
        number = self.row_number
        return None if number is None else self.places[number]
