"""Something the user can do: its keys and its words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """Something the user can do.

    Attributes:
        id: ``scope.name``; what a user's [keys] table calls it.
        keys: Default keys, comma separated, in Textual's names.
        label: One or two words for the key line; empty to leave it out there.
        description: One line for the help panel and the palette.
        command: The Textual action on the widget of the scope; the id's name if empty.
        priority: Works even while a widget with keys of its own, such as an entry, has focus.
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
