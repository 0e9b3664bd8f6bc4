"""What every view is: a container with a scope of actions and a help text."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical

from app.terminal_text import prose, visible

if TYPE_CHECKING:
    from analysis.status import EngineStatus
    from app.actions import Action
    from app.main import InsttuiApp


class View(Vertical):
    """A page of the app, reached by a number key.

    Subclasses set `SCOPE`, the scope of their actions, and `HELP`, the help panel's prose.
    """

    SCOPE: ClassVar[str]
    HELP: ClassVar[str]

    @property
    def ui(self) -> InsttuiApp:
        """The app, typed."""
        return cast("InsttuiApp", self.app)

    def prose(self, text: str) -> str:
        """Harmless one-line text: newlines become spaces."""
        return prose(" ".join(text.split()), ascii_only=self.ui.settings.ascii)

    def token(self, text: str) -> str:
        """A token as it is, harmless."""
        return visible(text, ascii_only=self.ui.settings.ascii)

    def offers(self, action: Action) -> bool:
        """Whether the action means something now; the key line and the palette leave out others."""
        return True

    def enter(self) -> None:
        """Called when the view is shown: put the focus where work starts."""

    def leave(self) -> None:
        """Called when the app ends: hand over what should be remembered, stop what runs."""

    def engine_changed(self, status: EngineStatus) -> None:
        """Called when the engine's state changed."""
