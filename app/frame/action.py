"""Something the user can do: its keys and its words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """Something the user can do.

    `id` is ``scope.name``, also the name in the user's [keys] table; `keys` are Textual's names,
    comma separated. `label` is one or two words for the key line, empty to leave it out;
    `description` a line for help and palette. `command` is the Textual action, the id's name if
    empty; `priority` ones work even while a widget with its own keys has the focus.
    """

    id: str
    keys: str
    label: str
    description: str
    command: str = ""
    priority: bool = False

    @property
    def scope(self) -> str:
        """The app, the view or "table", to which it belongs."""
        return self.id.partition(".")[0]

    @property
    def action(self) -> str:
        """The Textual action to run."""
        return self.command or self.id.partition(".")[2]
