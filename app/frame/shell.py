"""What a view may ask of the app that it is part of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from analysis.events import EngineStatus
    from app.config import Settings
    from app.frame.view import View
    from app.links import Link
    from app.state import State
    from app.terminal.screen import FrugalScreen
    from app.workspace import SessionLike, Workspace


class Shell(Protocol):
    """The app, as its views know it.

    Attributes:
        workspace: What is open.
        settings: The user's.
        session: Answers requests; None until the first screen is painted, and without models.
        status: What the engine does.
        state: What is remembered between runs.
    """

    workspace: Workspace
    settings: Settings
    session: SessionLike | None
    status: EngineStatus
    state: State

    @property
    def base(self) -> FrugalScreen:
        """The screen of the views, whichever panel or palette lies on top of it."""

    @property
    def view(self) -> View:
        """The view that is shown."""

    async def open_link(self, link: Link, *, back: bool = False) -> None:
        """Show a place in another view; with `back`, escape leads back from there."""

    def tell(self, link: Link) -> None:
        """Hand a link to its view without showing that."""

    def lead_to(self, name: str) -> None:
        """Let `go_back` return from a view to the one that is shown and has a link to it."""

    def came_by_link(self, view: View) -> bool:
        """Whether a link of another view led to this one."""

    async def go_back(self, view: View) -> None:
        """From a view to where the link that led to it is; to the first view where none did."""

    def refresh_lines(self) -> None:
        """Bring header and key line up to date."""

    def say(self, text: str, *, severity: str = "information") -> None:
        """Show a short notification; no markup, nothing harmful."""

    def copy(self, text: str) -> None:
        """Copy to the terminal's clipboard."""

    def take_repeats(self) -> int:
        """How often the key that has its effect now was typed again by now."""

    def update_state(self, **changes: object) -> None:
        """Change what is remembered."""

    def save_state(self) -> None:
        """Write what is remembered."""
