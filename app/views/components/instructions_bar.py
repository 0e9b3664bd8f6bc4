"""One line in which a user names the instructions that both models read."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.message import Message

from analysis.instruction_sets import (
    InstructionSet,
    demo_instructions,
    instructions_from_file,
    natural_instructions,
)
from analysis.problems import Problem, ProblemError
from app.widgets.search_bar import SearchBar

_SHIPPED = {"demo": demo_instructions, "natural": natural_instructions}


class InstructionsBar(SearchBar):
    """Reads what is named; what cannot be read stays in the bar to be mended."""

    class Named(Message):
        """The user is done: a set of instructions, or None where it was given up."""

        def __init__(self, instructions: InstructionSet | None) -> None:
            super().__init__()
            self.instructions = instructions

    class Refused(Message):
        """What was named cannot be used; the bar is open again."""

        def __init__(self, text: str, problem: Problem) -> None:
            super().__init__()
            self.text = text
            self.problem = problem

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        shipped = " or ".join(_SHIPPED)
        super().__init__(f"instructions: a file of JSON lines, or {shipped}", id=id)
        self._refused = ""

    def ask(self) -> None:
        """Open the bar, with what was refused last."""
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
                self.post_message(self.Named(_read(text, again=again)))
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


def _read(text: str, *, again: bool) -> InstructionSet:
    """The set of a name or a path; named twice in a row, without lines that are no instruction.

    Raises:
        ProblemError: ``input`` or ``storage``; its remedy says so where a second try would leave
            lines out.
    """
    if text in _SHIPPED:
        return _SHIPPED[text]()
    path = Path(text).expanduser()
    try:
        return instructions_from_file(path, skip_malformed=again)
    except ProblemError as error:
        remain = 0 if again else _usable(path)
        if not remain:
            raise
        refused = error.problem
        remedy = f"Enter once more leaves such lines out: {remain:,} instructions remain."
        raise ProblemError(
            Problem(kind="input", what=refused.what, why=refused.why, remedy=remedy)
        ) from None


def _usable(path: Path) -> int:
    """How many instructions there are without the lines that are none."""
    try:
        return len(instructions_from_file(path, skip_malformed=True))
    except ProblemError:
        return 0
