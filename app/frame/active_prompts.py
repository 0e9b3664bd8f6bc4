"""The prompts on which a neuron or a head is most active, in both models, as a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from analysis.activity.tables import Prompts, beside_table
from analysis.table import Cell, Table
from app.frame.export import Tables
from app.jobs.layer_jobs import LayerJobs
from app.jobs.tasks import Task
from app.jobs.watch import Watch
from app.terminal.text import prose
from app.widgets.lines import Line
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Rows

if TYPE_CHECKING:
    from analysis.activity.result import Activity
    from analysis.request import Ask
    from analysis.session.drive import Answerer
    from app.frame.shell import Shell


class ActivePrompts(Vertical):
    """A list by falling |value| in the model where it is larger; `jobs` is None before the first.

    It takes the news of its own reading; the view around it shows `going_on`.
    """

    def __init__(self, ui: Shell, follow: Callable[[], None], *, id: str) -> None:  # noqa: A002
        """Args: the app; called after news of the reading; the widget's id."""
        super().__init__(id=id)
        self._ui, self._follow = ui, follow
        self._ascii = ui.settings.ascii
        self._minus = "-" if self._ascii else "−"
        self.jobs: LayerJobs[Activity] | None = None
        self._ask: Ask[Activity] | None = None
        self._asked = Prompts((), ())
        self._head, self._what, self._names = False, "", ("", "")
        self._table: Table | None = None

    def compose(self) -> ComposeResult:
        yield TableList(ascii_only=self._ascii, empty=" not read yet", filters=False, id="prompts")

    def start(
        self, what: str, ask: Ask[Activity], asked: Prompts, session: Answerer, *, head: bool
    ) -> None:
        """Have both models read the prompts, unless they have read them for the same.

        Args:
            what: What is how active, harmless.
            ask: The requests about base and tuned model.
            asked: Their prompts.
            session: Where to submit.
            head: Whether it is a head, which attends to something.
        """
        self._what = what
        if self.jobs is None or ask != self._ask:
            self.stop()
            self._ask, self._asked, self._head, self._table = ask, asked, head, None
            self.jobs = LayerJobs(session, self, [ask])
        self.jobs.run(0)

    def stop(self) -> bool:
        """Stop the reading; returns whether it was going on."""
        if self.jobs is None or self.jobs.layer is None:
            return False
        self.jobs.stop()
        return True

    def show(self, names: tuple[str, str]) -> None:
        """List what is known; the cursor keeps its row. `names` are harmless."""
        self._names = names
        self.items.border_title = Text(f"prompts by {self._what} in {' or '.join(names)}")
        self.items.show_rows(self._columns(), Rows.of(self._rows()))

    @on(Watch.Changed)
    def _news(self, message: Watch.Changed) -> None:
        message.stop()
        step = None if self.jobs is None else self.jobs.apply(message.watch)
        if self.jobs is None or step is None:
            return
        for notice in step.notices:
            self._ui.say(str(notice.problem), severity="warning")
        if self.jobs.problem is not None:
            # In full: on a narrow screen it does not fit the line.
            self._ui.say(str(self.jobs.problem), severity="error")
        both = self.jobs.both(0)
        if step.finished is not None and both is not None:
            for note in dict.fromkeys(note for each in both for note in each.notes):
                self._ui.say(prose(note, ascii_only=self._ascii))
            self._table = beside_table(*both, self._asked, head=self._head)
            self.show(self._names)
        self._follow()

    @property
    def unfinished(self) -> LayerJobs[Any] | None:
        """The reading if it failed or was stopped and may run again."""
        return self.jobs if self.jobs is not None and self.jobs.can_run else None

    def tasks(self) -> list[Task]:
        """The reading, for the list of jobs."""
        if self.jobs is None:
            return []
        task = self.jobs.task(prose(self.jobs.name), self.run_again)
        return [] if task is None else [task]

    def run_again(self) -> None:
        """Go on with what failed or was stopped."""
        if self.jobs is not None:
            self.jobs.run(0)
            self._follow()

    @property
    def prompt(self) -> str | None:
        """The prompt under the cursor."""
        number = self.items.row_number
        if number is None or self._table is None:
            return None
        return str(list(self._table)[number][-1])

    def going_on(self) -> Line:
        """One harmless line on the reading."""
        if self.jobs is None:
            return []
        if self.jobs.layer is not None:
            words = self.jobs.words() or "the engine has other work"
            return [(words, ""), (" · esc stops", "dim")]
        if self.jobs.problem is not None:
            return [(prose(f"{self.jobs.problem} r runs it again."), "bad")]
        if self.jobs.stopped:
            return [("Stopped. r runs it again.", "warn")]
        read = min((each.read for each in self.jobs.both(0) or ()), default=0)
        return [(f"{read} of {len(self._asked.ids)} prompts have a value in both models", "dim")]

    def focus_shown(self) -> None:
        self.items.focus()

    @property
    def items(self) -> TableList:
        return self.query_one("#prompts", TableList)

    def tables(self, _pair: object = None) -> Tables:
        """What is exported, by its kind; nothing before it is computed."""
        table, kind = self._table, "head" if self._head else "neuron"
        return {} if table is None else {f"{kind}-prompts": lambda: table}

    def text(self) -> str:
        if self._table is None:
            return ""
        rows = [self._table.columns, *self._table]
        return "\n".join("\t".join("" if c is None else str(c) for c in row) for row in rows) + "\n"

    def _rows(self) -> list[tuple[Cell, ...]]:
        """As on the screen: id, then value and tokens of either model, then the prompt."""
        found: list[tuple[Cell, ...]] = []
        arrow = "->" if self._ascii else "→"
        for row in self._table or ():
            width = (len(row) - 2) // 2
            cells: list[Cell] = [row[0]]
            for value, *tokens in (row[1 : 1 + width], row[1 + width : -1]):
                said = None if value is None else f" {arrow} ".join(map(_shown, tokens))
                cells += (value, said)
            found.append((*cells, row[-1]))
        return found

    def _columns(self) -> list[Column]:
        found = [Column("id", style="dim", least=6)]
        for side in ("base", "tuned"):
            found.append(Column(side, self._number))
            found.append(Column(f"{side} token", least=8))
        return [*found, Column("prompt", _shown)]

    def _number(self, value: Cell) -> str:
        assert isinstance(value, float)
        if self._head:
            return f"{value:.3f}"
        return f"{self._minus if value < 0 else '+'}{abs(value):.3g}"


def _shown(text: Cell) -> str:
    """On one line."""
    return " ".join(str(text).split())
