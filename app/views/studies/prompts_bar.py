"""One line in which a user names the prompts of a study."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.message import Message

from analysis.cases.prompt_sets import DEMO_PROMPTS, PromptSet, demo_prompts, read_prompt_set
from analysis.problems import Problem, ProblemError
from app.widgets.search_bar import SearchBar


class PromptsBar(SearchBar):
    """Reads what is named; what cannot be read stays in the bar to be mended."""

    class Named(Message):
        """The user is done: a set of prompts, or None where it was given up."""

        def __init__(self, prompts: PromptSet | None) -> None:
            super().__init__()
            self.prompts = prompts

    class Refused(Message):
        """What was named cannot be used; the bar is open again."""

        def __init__(self, text: str, problem: Problem) -> None:
            super().__init__()
            self.text = text
            self.problem = problem

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(f"prompts: a .jsonl, .csv or .tsv file, or: {DEMO_PROMPTS}", id=id)
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


def _read(text: str, *, again: bool) -> PromptSet:
    """The prompts of a path; named twice in a row, without lines that cannot be used.

    Raises:
        ProblemError: ``input``; its remedy says so where a second try would leave lines out.
    """
    if text == DEMO_PROMPTS:
        return demo_prompts()
    path = Path(text).expanduser()
    try:
        return read_prompt_set(path, bad_lines="skip" if again else "refuse")
    except ProblemError as error:
        remain = 0 if again else _usable(path)
        if not remain:
            raise
        refused = error.problem
        remedy = f"Enter once more leaves such lines out: {remain:,} prompts remain."
        raise ProblemError(
            Problem(kind="input", what=refused.what, why=refused.why, remedy=remedy)
        ) from None


def _usable(path: Path) -> int:
    """How many prompts there are without the lines that cannot be used."""
    try:
        return len(read_prompt_set(path, bad_lines="skip").prompts)
    except ProblemError:
        return 0
