"""Short messages above the views: how long they stay, and when a key puts them away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from app.terminal.text import prose

if TYPE_CHECKING:
    from textual.app import App
    from textual.notifications import SeverityLevel

# Seconds that a message is shown: at least, since it covers other text, and if nothing is typed.
_READ_S = {"information": 1.5, "warning": 4.0, "error": 4.0}
_SHOWN_S = {"information": 5.0, "warning": 8.0, "error": 10.0}


class Messages:
    """The messages of an app."""

    def __init__(self, app: App[None]) -> None:
        self._app = app
        # Messages stay at least until this time; 0 for no message.
        self._until = 0.0

    def say(self, text: str, severity: str) -> None:
        """Show a short message, made harmless, without markup."""
        self._until = max(self._until, time.monotonic() + _READ_S[severity])
        level = cast("SeverityLevel", severity)
        self._app.notify(prose(text), severity=level, markup=False, timeout=_SHOWN_S[severity])

    def key_pressed(self) -> None:
        """Put messages away that could be read by now."""
        if self._until and time.monotonic() > self._until:
            self._until = 0.0
            self._app.clear_notifications()
