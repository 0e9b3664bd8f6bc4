"""The prompts on which a neuron is most active, in both models, as a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from analysis.activity.gather import neuron_activity_ask
from analysis.activity.tables import Prompts, beside_table
from analysis.neurons.gather import Place
from analysis.neurons.instructions import InstructionSet
from analysis.neurons.pair import PairSets
from analysis.table import Cell, Table
from app.frame.export import Tables
from app.jobs.layer_jobs import LayerJobs
from app.jobs.watch import Watch
from app.terminal.text import prose
from app.views.neurons.atlas import UnitAtlas
from app.views.neurons.member_text import neuron_place
from app.widgets.lines import Line
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Rows

if TYPE_CHECKING:
    from analysis.activity.result import Activity
    from analysis.session.drive import Answerer
    from app.frame.shell import Shell
    from app.workspace import PairWorkspace


class ActivePrompts(Vertical):
    """A list by falling |activation| in the model where it is larger; `place` is the neuron's."""

    def __init__(self, ui: Shell, follow: Callable[[], None], *, id: str) -> None:  # noqa: A002
        """Args: the app; called after news of the reading; the widget's id."""
        super().__init__(id=id)
        self._ui, self._follow = ui, follow
        self._ascii = ui.settings.ascii
        self._minus = "-" if self._ascii else "−"
        self.place: Place | None = None
        self.jobs: LayerJobs[Activity] | None = None
        self._asked = Prompts((), ())
        self._of: tuple[Place, str] | None = None

    def compose(self) -> ComposeResult:
        yield TableList(ascii_only=self._ascii, empty=" not read yet", filters=False, id="prompts")

    def start(
        self, place: Place, pair: PairWorkspace, session: Answerer, instructions: InstructionSet
    ) -> None:
        """Have both models read all instructions, unless they have read them for this neuron."""
        of = place, instructions.digest
        if self.jobs is None or of != self._of:
            self.stop()
            self._of, self.place = of, place
            given = instructions.instructions
            self._asked = Prompts(
                tuple(each.id for each in given), tuple(each.prompt for each in given)
            )
            ask = neuron_activity_ask(pair.pair, self._asked.texts, place)
            self.jobs = LayerJobs(session, self, [ask], kind="neurons")
            self.items.show_rows(self._columns(), Rows.of(()))
        self.jobs.run(0)

    def stop(self) -> bool:
        """Stop the reading; returns whether it was going on."""
        if self.jobs is None or self.jobs.layer is None:
            return False
        self.jobs.stop()
        return True

    def show_atlas(self, _atlas: UnitAtlas, names: tuple[str, str]) -> None:
        """List what is known; the cursor keeps its row. `names` are harmless."""
        assert self.place is not None
        where = f"prompts by |activation| of {neuron_place(self.place)} in {' or '.join(names)}"
        self.items.border_title = Text(where)
        self.items.show_rows(self._columns(), Rows.of(self._rows))

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
            self.items.show_rows(self._columns(), Rows.of(self._rows))
        self._follow()

    @property
    def unfinished(self) -> LayerJobs[Any] | None:
        """The reading if it failed or was stopped and may run again."""
        return self.jobs if self.jobs is not None and self.jobs.can_run else None

    @property
    def prompt(self) -> str | None:
        """The prompt under the cursor."""
        number = self.items.row_number
        return None if number is None or not self._rows else str(self._rows[number][-1])

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

    def tables(self, pair: PairSets) -> Tables:
        """What is exported, by its kind; nothing before it is computed."""
        table = self._table
        return {} if table is None else {"neuron-prompts": lambda: table}

    def text(self) -> str:
        if self._table is None:
            return ""
        rows = [self._table.columns, *self._table]
        return "\n".join("\t".join("" if c is None else str(c) for c in row) for row in rows) + "\n"

    @property
    def _table(self) -> Table | None:
        both = None if self.jobs is None else self.jobs.both(0)
        return None if both is None else beside_table(*both, self._asked)

    @property
    def _rows(self) -> Sequence[tuple[Cell, ...]]:
        return [] if self._table is None else list(self._table.rows)

    def _columns(self) -> list[Column]:
        found = [Column("id", style="dim", least=6)]
        for side in ("base", "tuned"):
            found.append(Column(side, self._signed))
            found.append(Column(f"{side} token", _shown, least=8))
        return [*found, Column("prompt", _shown)]

    def _signed(self, value: Cell) -> str:
        assert isinstance(value, float)
        return f"{self._minus if value < 0 else '+'}{abs(value):.3g}"


def _shown(text: Cell) -> str:
    """On one line."""
    return " ".join(str(text).split())
