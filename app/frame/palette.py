"""The command palette: what can be done now, by its description."""

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
    """What the palette needs of the app."""

    settings: Settings

    def offered(self) -> Sequence[Action]:
        """Actions that mean something now."""

    def perform(self, action: Action) -> None:
        """Run one of them."""


class Palette(SteadySize, CommandPalette):
    """The list that is searched."""


class ActionProvider(Provider):
    """The palette: every action of the app and of the view that is shown."""

    async def search(self, query: str) -> Hits:
        """Actions whose description or id matches."""
        matcher = self.matcher(query)
        for action in self._ui.offered():
            score = matcher.match(action.description)
            if score > 0:
                yield Hit(score, matcher.highlight(action.description), self._run(action))

    async def discover(self) -> Hits:
        """All of them."""
        from textual.command import DiscoveryHit

        for action in self._ui.offered():
            keys = key_names(action, self._ui.settings.keys)
            yield DiscoveryHit(action.description, self._run(action), help=keys or None)

    @property
    def _ui(self) -> _Offers:
        return cast("_Offers", self.app)

    def _run(self, action: Action) -> partial[None]:
        return partial(self._ui.perform, action)
