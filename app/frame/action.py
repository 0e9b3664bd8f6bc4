"""Something the user can do: its keys and its words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """Something the user can do.

    Attributes:
        id: ``scope.name``; also the name in the user's [keys] table.
        keys: Default keys, comma separated, in Textual's names.
        label: One or two words for the key line; empty to leave it out.
        description: One line for the help panel and the palette.
        command: The Textual action on the widget of the scope; the id's name if empty.
        priority: Works even while a widget with its own keys, such as an entry, has focus.
    """

    id: str
    keys: str
    label: str
    description: str
    command: str = ""
    priority: bool = False

    @property
    def scope(self) -> str:
        """The app or the view it belongs to."""
        return self.id.partition(".")[0]

    @property
    def action(self) -> str:
        """The Textual action to run."""
        return self.command or self.id.partition(".")[2]
