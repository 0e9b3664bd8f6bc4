"""The command palette: available actions, by description."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from textual.command import CommandPalette, Hit, Hits, Provider

from app.frame.action import Action
from app.frame.actions import key_names
from app.terminal.screen import SteadySize

if TYPE_CHECKING:
    from app.config import Settings


class _Offers(Protocol):
    """The parts of the app that the palette uses."""

    settings: Settings

    def offered(self) -> Sequence[Action]:
        """Available actions."""

    def perform(self, action: Action) -> None:
        """Run an action."""


class Palette(SteadySize, CommandPalette):
    """Textual's palette at a steady size."""


class ActionProvider(Provider):
    """Offers every available action of the app and of the current view."""

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._ui.offered():
            score = matcher.match(action.description)
            if score > 0:
                yield Hit(score, matcher.highlight(action.description), self._run(action))

    async def discover(self) -> Hits:
        from textual.command import DiscoveryHit

        for action in self._ui.offered():
            keys = key_names(action, self._ui.settings.keys)
            yield DiscoveryHit(action.description, self._run(action), help=keys or None)

    @property
    def _ui(self) -> _Offers:
        return cast("_Offers", self.app)

    def _run(self, action: Action) -> partial[None]:
        return partial(self._ui.perform, action)
