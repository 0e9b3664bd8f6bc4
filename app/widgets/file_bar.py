"""A one-line prompt for something to read: the user's own file, or a shipped set by name."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

from textual import on
from textual.message import Message

from analysis.problems import Problem, ProblemError
from app.widgets.search_bar import SearchBar

Content = TypeVar("Content")
Given = TypeVar("Given")


class FileBar(SearchBar, Generic[Content]):
    """Reads the named file; if it cannot be read, its name stays in the bar for correction.

    Naming the same file again reads it without its unusable lines. Subclasses define how to read
    and how to count the content.
    """

    class Named(Message, Generic[Given]):
        """The user is done: the content, or None if cancelled."""

        def __init__(self, content: Given | None) -> None:
            super().__init__()
            self.content = content

    class Refused(Message):
        """The named file cannot be used; the bar is open again."""

        def __init__(self, text: str, problem: Problem) -> None:
            super().__init__()
            self.text = text
            self.problem = problem

    def __init__(self, placeholder: str, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(placeholder, id=id)
        self._refused = ""
        self._file: Path | None = None

    def file_called(self, name: str) -> Path | None:
        """The file that was named last, if this is its name; in full."""
        return self._file if self._file is not None and self._file.name == name else None

    def recall(self, file: Path) -> None:
        """Take a file as named that was named in an earlier run of the program."""
        self._file = file

    def _shipped(self, name: str) -> Content | None:
        """The shipped content of this name; None if there is none."""
        raise NotImplementedError

    def _read(self, path: Path, *, skip: bool) -> Content:
        """The content of a file, with or without its unusable lines; raises ProblemError."""
        raise NotImplementedError

    def _amount(self, content: Content) -> str:
        """The amount of content, such as "3 prompts"."""
        raise NotImplementedError

    def ask(self) -> None:
        """Open the bar, containing the last refused name if any."""
        self.open(self._refused)

    @on(SearchBar.Sought)
    def _entered(self, message: SearchBar.Sought) -> None:
        message.stop()
        text = message.text.strip()
        if not message.finished:
            return
        if not text:
            self.post_message(self.Named(None))
            return
        again = text == self._refused

        def read() -> None:
            try:
                self.post_message(self.Named(self._content(text, again=again)))
            except ProblemError as error:
                self.post_message(self.Refused(text, error.problem))

        self.run_worker(read, thread=True, exclusive=True, exit_on_error=False)

    @on(Refused)
    def _open_again(self, message: Refused) -> None:
        self._refused = message.text
        self.open(message.text)

    @on(Named)
    def _forget(self) -> None:
        self._refused = ""

    def _content(self, text: str, *, again: bool) -> Content:
        """The named content; if a second try would skip lines, the error says so."""
        shipped = self._shipped(text)
        if shipped is not None:
            self._file = None
            return shipped
        path = Path(text).expanduser()
        try:
            content = self._read(path, skip=again)
            self._file = path.absolute()
            return content
        except ProblemError as error:
            remain = "" if again else self._usable(path)
            if not remain:
                raise
            refused = error.problem
            remedy = f"Enter once more leaves such lines out: {remain} remain."
            raise ProblemError(
                Problem(kind="input", what=refused.what, why=refused.why, remedy=remedy)
            ) from None

    def _usable(self, path: Path) -> str:
        """The amount of content without the unusable lines; empty if nothing is left."""
        try:
            return self._amount(self._read(path, skip=True))
        except ProblemError:
            return ""
