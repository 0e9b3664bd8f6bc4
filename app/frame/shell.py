"""What a view may ask of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from textual.widget import Widget

    from analysis.events import EngineStatus
    from app.config import Settings
    from app.jobs.prices import Prices
    from app.links import Link
    from app.state import State
    from app.terminal.screen import FrugalScreen
    from app.workspace import SessionLike, Workspace


class Shell(Protocol):
    """The app as its views see it; `state` is kept between runs.

    `session` answers requests; None before the first paint, and without models. `prices` knows what
    analyses cost.
    """

    workspace: Workspace
    settings: Settings
    session: SessionLike | None
    prices: Prices
    status: EngineStatus
    state: State

    @property
    def base(self) -> FrugalScreen:
        """The screen of the views, below any panel or palette."""

    @property
    def view(self) -> Widget:
        """The current view."""

    async def open_link(self, link: Link, *, back: bool = False) -> None:
        """Show a place in another view; with `back`, escape returns from there."""

    def tell(self, link: Link) -> None:
        """Pass a link to its view without showing it."""

    def lead_to(self, name: str) -> None:
        """Make `go_back` return from this view to the current one."""

    def came_by_link(self, view: Widget) -> bool:
        """Whether a link in another view led to this one."""

    async def go_back(self, view: Widget) -> None:
        """Return from a view to the one that linked to it, or to the first view."""

    def refresh_lines(self) -> None:
        """Update header and key line."""

    def say(self, text: str, *, severity: str = "information") -> None:
        """Show a short, harmless notification without markup."""

    def copy(self, text: str) -> None:
        """Copy to the terminal's clipboard."""

    def text_follows(self) -> bool:
        """Whether text waits behind an enter, as in a paste that is not marked as one."""

    def take_repeats(self) -> int:
        """How many repeats of the current key are already waiting; removes them."""

    def update_state(self, **changes: object) -> None:
        """Change the saved state."""

    def save_state(self) -> None:
        """Write the saved state to disk."""
