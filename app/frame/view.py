"""What every view is: a container with a scope of actions and a help text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical

from analysis.problems import ProblemError
from app.frame.actions import action_of
from app.frame.export import save_table
from app.terminal.text import prose, visible
from app.workspace import PairWorkspace

if TYPE_CHECKING:
    from analysis.events import EngineStatus
    from analysis.table import Table
    from app.frame.action import Action
    from app.frame.shell import Shell
    from app.links import Link


class View(Vertical):
    """A page of the app, reached by a number key.

    Subclasses set `SCOPE`, the scope of their actions; `HELP`, the help panel's prose; and
    `ANSWERS`, the names of actions that answer where they are not offered, by saying what is
    missing, say.

    Attributes:
        ui: The app; set once the view is made.
    """

    SCOPE: ClassVar[str]
    HELP: ClassVar[str]
    ANSWERS: ClassVar[frozenset[str]] = frozenset()
    ui: Shell

    @property
    def pair(self) -> PairWorkspace:
        """The pair of models that is open; for views that exist for nothing else."""
        assert isinstance(self.ui.workspace, PairWorkspace)
        return self.ui.workspace

    def help(self) -> str:
        """The help panel's prose, with what there is to say of what is shown."""
        return self.HELP

    def prose(self, text: str) -> str:
        """Harmless one-line text: newlines become spaces."""
        return prose(" ".join(text.split()), ascii_only=self.ui.settings.ascii)

    def token(self, text: str) -> str:
        """A token as it is, harmless."""
        return visible(text, ascii_only=self.ui.settings.ascii)

    def offers(self, action: Action) -> bool:
        """Whether the action means something now.

        The key line and the palette leave out others, and keys do nothing but in `ANSWERS`.
        """
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether Textual may call an action now."""
        known = action_of(self.SCOPE, action, parameters)
        if known is None or known.id.partition(".")[2] in self.ANSWERS:
            return True
        return self.offers(known)

    def write_aside(self, write: Callable[[], Path], *, done: str = "Written") -> None:
        """Write a file on a thread, and say where it is or why it is not.

        Args:
            write: Writes it and returns its path; may raise OSError and ProblemError.
            done: What was done to it then, capitalised.
        """

        def work() -> None:
            try:
                words, severity = f"{done} to {write()}", "information"
            except (OSError, ProblemError) as error:
                words, severity = f"Nothing was {done.lower()}: {error}", "error"
            self.app.call_from_thread(self.ui.say, words, severity=severity)

        self.run_worker(work, thread=True, exit_on_error=False, group="write")

    def export_table(self, table: Callable[[], Table], kind: str, *names: str) -> None:
        """Write a table to a new CSV file in the current folder, on a thread.

        Args:
            table: Makes the table, on the thread too.
            kind: What it is, the first part of the file's name.
            names: What it is about, the other parts.
        """
        self.write_aside(lambda: save_table(table(), kind, names, Path.cwd()), done="Exported")

    def enter(self) -> None:
        """Called when the view is shown: put the focus where work starts."""

    def go_back(self) -> None:
        """Show the view whose link led here, or the first view."""
        self.run_worker(self.ui.go_back(self), exit_on_error=False)

    def open(self, link: Link) -> None:
        """Called with a link that names this view: go to its place."""

    def take_paste(self, text: str) -> None:
        """Called with what is pasted where nothing that has the focus takes it."""

    def connected(self) -> None:
        """Called when the app has its session, which is soon after it was painted."""

    def leave(self) -> None:
        """Called when the app ends: hand over what should be remembered, stop what runs."""

    def engine_changed(self, status: EngineStatus) -> None:
        """Called when the engine's state changed."""
