"""Where copied text goes: tmux or else the terminal, and always a file.

A terminal is told with OSC 52, and never answers whether it obeyed. tmux keeps that sequence to
itself unless it is set up otherwise, but takes text by a command of its own, and passes it on to
the terminal around it (``load-buffer -w``, from tmux 3.2).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.frame.export import save_text

if TYPE_CHECKING:
    from textual.app import App

_TMUX_S = 3.0


def copy_aside(app: App[None], text: str, file: Path, say: Callable[[str], None]) -> None:
    """Copy a text, on a thread because tmux may let one wait, and say where it is.

    Args:
        app: Its terminal is told where there is no tmux.
        text: Any text; lone surrogates, which no clipboard takes, are escaped.
        file: Where it can be read whatever the terminal does; replaced.
        say: Called on the app's thread with a sentence.
    """
    harmless = text.encode("utf-8", "backslashreplace").decode()

    def work() -> None:
        where = _to_tmux(harmless) if os.environ.get("TMUX") else ""
        if not where:
            app.call_from_thread(app.copy_to_clipboard, harmless)
            where = "the terminal's clipboard, if it allows it (OSC 52)"
        try:
            save_text(harmless, file)
        except OSError as error:
            said = f"Copied to {where}. No file: {error}"
        else:
            said = f"Copied to {where}; also in {file}"
        app.call_from_thread(say, said)

    app.run_worker(work, thread=True, exit_on_error=False, group="copy")


def _to_tmux(text: str) -> str:
    """Load the text into a buffer of tmux; says what holds it now, nothing if tmux does not."""
    for options, holds in (
        (["-w"], "tmux (paste with prefix ]) and the terminal's clipboard, if it allows it"),
        ([], "tmux (paste with prefix ])"),
    ):
        try:
            subprocess.run(
                ["tmux", "load-buffer", *options, "-"],
                input=text.encode(),
                capture_output=True,
                timeout=_TMUX_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return holds
    return ""
