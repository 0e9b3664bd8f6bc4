"""The command palette: available actions, by key, name or description."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from app.frame.action import Action
from app.frame.actions import described, key_names
from app.frame.matching import Candidate, matches
from app.terminal.screen import SteadySize

if TYPE_CHECKING:
    from app.config import Settings
    from app.frame.registry import ViewSpec

_KEYS = 9


class _Offers(Protocol):
    """The parts of the app that the palette uses."""

    settings: Settings
    views: tuple[ViewSpec, ...]

    def offered(self) -> Sequence[Action]:
        """Available actions."""

    def perform(self, action: Action) -> None:
        """Run an action."""


class Palette(SteadySize, CommandPalette):
    """Textual's palette at a steady size, a line a command."""

    DEFAULT_CSS = """
    Palette CommandList > .option-list--option { text-style: none; padding: 0 1; }
    """


class ActionProvider(Provider):
    """Offers every available action of the app and of the current view."""

    async def search(self, query: str) -> Hits:
        actions = self._ui.offered()
        candidates = [self._candidate(action) for action in actions]
        for number, score, offsets in matches(query, candidates):
            shown, run = self._line(candidates[number], offsets), self._run(actions[number])
            yield Hit(score, shown, run, text=candidates[number].words)

    async def discover(self) -> Hits:
        for action in self._ui.offered():
            candidate = self._candidate(action)
            yield DiscoveryHit(self._line(candidate), self._run(action), text=candidate.words)

    def _candidate(self, action: Action) -> Candidate:
        keys = key_names(action, self._ui.settings.keys)
        titles = [view.title for view in self._ui.views]
        return Candidate(keys, action.label, action.id, described(action, titles))

    def _line(self, candidate: Candidate, offsets: Sequence[int] = ()) -> Content:
        """The keys, what they do, with the letters that were found, and the name for settings."""
        words = Content(candidate.words)
        for offset in offsets:
            words = words.stylize(self.match_style or "underline", offset, offset + 1)
        keys = (f"{candidate.keys:<{_KEYS}} ", "$text-accent")
        return Content.assemble(keys, words, (f"  {candidate.id}", "$text-muted"))

    @property
    def _ui(self) -> _Offers:
        return cast("_Offers", self.app)

    def _run(self, action: Action) -> partial[None]:
        return partial(self._ui.perform, action)
