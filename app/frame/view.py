"""Base class of all views: a container with a scope of actions and a help text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.actions import parse
from textual.containers import Vertical
from textual.widgets import Input, TextArea

from analysis.problems import ProblemError
from app.frame.actions import action_of
from app.frame.export import Tables, save_table
from app.jobs.front import ViewSession
from app.jobs.tasks import Task
from app.terminal.text import prose, visible
from app.widgets.file_bar import FileBar
from app.widgets.table_list import TableList
from app.workspace import PairWorkspace

if TYPE_CHECKING:
    from textual.widget import Widget

    from analysis.events import EngineStatus
    from analysis.table import Table
    from app.frame.action import Action
    from app.frame.shell import Shell
    from app.links import Link


class View(Vertical):
    """A page of the app, reached by a number key.

    Subclasses set `SCOPE`, the scope of their actions; `HELP`, the help panel's text, how to read
    the view and then, behind a line “Formulas”, what its numbers are, if that takes any; and
    `ANSWERS`, the names of actions that respond even when not offered, for example by saying what
    is missing. `ui` is the app, set after construction.
    """

    SCOPE: ClassVar[str]
    HELP: ClassVar[str]
    ANSWERS: ClassVar[frozenset[str]] = frozenset()
    ui: Shell
    _session: ViewSession | None = None

    @property
    def session(self) -> ViewSession | None:
        """What answers this view's requests; None before the first paint, and without models."""
        if self._session is None and self.ui.session is not None:
            front = self.ui.view is self
            self._session = ViewSession(self.ui.session, self.ui.prices, in_front=front)
        return self._session

    def stand(self, *, in_front: bool) -> None:
        """Called when this or another view is shown: its requests go first, or behind."""
        if self._session is not None:
            self._session.stand(in_front=in_front)

    @property
    def pair(self) -> PairWorkspace:
        """The open pair of models; only for views of pair workspaces."""
        assert isinstance(self.ui.workspace, PairWorkspace)
        return self.ui.workspace

    def help(self) -> str:
        """The help panel's text; may add to `HELP`."""
        return self.HELP

    def prose(self, text: str) -> str:
        """Harmless text on one line: newlines become spaces."""
        return prose(" ".join(text.split()), ascii_only=self.ui.settings.ascii)

    def token(self, text: str) -> str:
        """A token's exact text, made harmless."""
        return visible(text, ascii_only=self.ui.settings.ascii)

    def offers(self, action: Action) -> bool:
        """Whether the action is available now.

        If not, key line and palette leave it out, and its keys do nothing unless in `ANSWERS`.
        """
        return True

    def allows(self, action: Action) -> bool:
        """Whether an action of the view, or of its table that has the focus, is available now."""
        if action.scope != "table":
            return self.offers(action)
        table = self.focused_table
        return table is not None and table.check_action(*parse(action.action)[1:])

    def performs(self, action: Action) -> Widget:
        """What runs such an action."""
        return (self.focused_table or self) if action.scope == "table" else self

    @property
    def focused_table(self) -> TableList | None:
        """The table that has the focus."""
        focused = self.ui.base.focused
        return focused if isinstance(focused, TableList) else None

    def worded(self, action: Action) -> Action:
        """An action in the words for what it does now, where that is not always the same."""
        return action

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether Textual may call an action now."""
        known = action_of(self.SCOPE, action, parameters)
        if known is None or known.id.partition(".")[2] in self.ANSWERS:
            return True
        return self.offers(known)

    def write_aside(self, write: Callable[[], Path], *, done: str = "Written") -> None:
        """Write a file on a thread, and say where it is or why it failed.

        `write` returns the path and may raise OSError and ProblemError; `done` is the capitalised
        past participle for the message.
        """

        def work() -> None:
            try:
                words, severity = f"{done} to {write()}", "information"
            except (OSError, ProblemError) as error:
                words, severity = f"Nothing was {done.lower()}: {error}", "error"
            self.app.call_from_thread(self.ui.say, words, severity=severity)

        self.run_worker(work, thread=True, exit_on_error=False, group="write")

    def export_table(self, table: Callable[[], Table], kind: str, *names: str) -> None:
        """Export a table, built on a thread, to a new CSV file named after `kind` and `names`."""
        self.write_aside(lambda: save_table(table(), kind, names, Path.cwd()), done="Exported")

    def export_tables(self, tables: Tables, *names: str) -> None:
        """Export several tables, each as `export_table` does."""
        for kind, table in tables.items():
            self.export_table(table, kind, *names)

    @on(FileBar.Refused)
    def _say_refused(self, message: FileBar.Refused) -> None:
        self.ui.say(str(message.problem), severity="error")

    @property
    def table_in_sight(self) -> TableList | None:
        """The table that is shown, the first one if there are several."""
        return next((each for each in self.query(TableList) if each.region.area), None)

    def filter_table(self, words: str) -> None:
        """Show only the rows with these words in the table that is shown, if there is one."""
        table = self.table_in_sight
        if table is not None:
            table.filter(words)

    @on(TableList.Arranged)
    def _table_arranged(self) -> None:
        self.ui.refresh_lines()

    def enter(self) -> None:
        """Called when the view is shown: set the focus."""

    def twins(self) -> Sequence[str]:
        """The commands that write the numbers shown, for a shell; none where no command does."""
        return ()

    def copy_commands(self) -> None:
        """Copy the headless twins of what is shown, a line each."""
        if commands := self.twins():
            self.ui.copy("".join(f"{command}\n" for command in commands))
        else:
            self.ui.say("No command writes what is shown here.", severity="warning")

    def go_back(self) -> None:
        """Show the view whose link led here, or the first view."""
        self.run_worker(self.ui.go_back(self), exit_on_error=False)

    def open(self, link: Link) -> None:
        """Called with a link to this view: go to its place."""

    @property
    def takes_text(self) -> bool:
        """Whether a plain letter is text now, and no key."""
        return isinstance(self.ui.base.focused, TextArea | Input)

    def about_to_type(self) -> None:
        """Called before a plain letter goes to whatever has the focus."""

    def take_paste(self, text: str) -> None:
        """Called with a paste that no focused widget takes."""

    def connected(self) -> None:
        """Called when the app gets its session, soon after the first paint."""

    def tasks(self) -> list[Task]:
        """What the view has begun, for the list of jobs."""
        return []

    def leave(self) -> None:
        """Called when the app ends: save state, stop what runs."""

    def engine_changed(self, status: EngineStatus) -> None:
        """Called when the engine's state changes."""
