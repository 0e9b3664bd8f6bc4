"""The neurons or experts of a cell as a list with their words, and details of the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.timer import Timer

from analysis.neurons.pair import PairSets
from analysis.neurons.tables import frequencies_table, units_table
from analysis.table import Cell as TableCell
from app.frame.export import Tables
from app.jobs.watch import Watch
from app.terminal.text import prose
from app.views.neurons.atlas import UnitAtlas
from app.views.neurons.member_text import copied_members, member_lines, place_columns, sets_text
from app.views.neurons.members import KINDS, Cell, CellMembers, Kind, Member
from app.views.neurons.names import NeuronNames
from app.widgets.lines import Lines
from app.widgets.table_list import TableList
from app.widgets.table_rows import AS_IT_COMES, Arrangement, Column, Row, Rows

if TYPE_CHECKING:
    from app.frame.view import View

_STYLES: dict[object, str] = {"kept": "dim", "lost": "warn", "gained": "accent"}
_WORDS, _LEAST_WORDS = "tuned writes", 36

# Words are asked of the rows around the cursor, once it rests.
_SETTLED_S = 0.25
_ROWS_ABOVE, _ROWS_BELOW = 40, 80


class UnitPage(Vertical):
    """A list by descending change of the frequency, and the way back to the lists that led to it.

    `cell` is what is listed, None before anything is; `kind` says which of its units.
    """

    def __init__(self, view: View, words: NeuronNames, *, id: str) -> None:  # noqa: A002
        """Args: the view that it is in; the words that its lists share; the widget's id."""
        super().__init__(id=id)
        self._view, self._words = view, words
        self._ascii = view.ui.settings.ascii
        self._settling: Timer | None = None
        self._atlas = UnitAtlas(())
        self._names = ("", "")
        self._members: CellMembers | None = None
        self.cell: Cell | None = None
        self.kind: Kind = "all"
        # How the list is arranged when it is shown next; None to keep it as it is.
        self._arrangement: Arrangement | None = None
        self._behind: list[tuple[Cell, Kind, Arrangement]] = []

    def compose(self) -> ComposeResult:
        yield TableList(
            ascii_only=self._ascii,
            follow=self._moved,
            empty=" none at these thresholds: [ lowers ε, { lowers τ",
            filters=False,
            id="list",
        )
        yield Lines(id="details")

    def open(self, cell: Cell, kind: Kind = "all") -> None:
        """List a cell's units from the first one on, when the page is shown next."""
        self._behind.clear()
        self._list(cell, kind)

    def open_expert(self, layer: int, expert: int) -> None:
        """List an expert's neurons in the same categories; the list of experts stays behind."""
        assert self.cell is not None
        self._behind.append((self.cell, self.kind, self.items.arrangement))
        self._list(Cell("neurons", self.cell.categories, layer, expert))

    def open_category(self, category: int) -> None:
        """List the units of another category, of the same kind and in the same layer."""
        assert self.cell is not None
        self._list(self.cell._replace(categories=(category,)), self.kind)

    def back(self) -> bool:
        """List what led to this list; False if no list did."""
        if not self._behind:
            return False
        self._list(*self._behind.pop())
        return True

    def _list(self, cell: Cell, kind: Kind = "all", arrangement: Arrangement = AS_IT_COMES) -> None:
        self.cell, self.kind, self._arrangement = cell, kind, arrangement

    def show_atlas(self, atlas: UnitAtlas, names: tuple[str, str]) -> None:
        """Show what is listed. `names` are harmless."""
        assert self.cell is not None
        self._atlas, self._names = atlas, names
        self._members = CellMembers(atlas, self.cell, self.kind)
        self.items.border_title = Text(self.title)
        self._show_rows(self._members)
        self._show_details()
        self._settle()

    def _show_rows(self, members: CellMembers) -> None:
        columns = self._columns()

        def column(number: int) -> list[TableCell]:
            name = columns[number].name
            if name == _WORDS:
                return [self._words.text(each) for each in members.places()]
            found: list[TableCell] = members.column(name).tolist()
            return found

        rows = Rows(len(members), lambda index: self._cells(members[index]), column)
        self.items.show_rows(columns, rows, self._arrangement)
        self._arrangement = None

    # The words

    def _moved(self) -> None:
        self._show_details()
        self._settle()

    def _settle(self) -> None:
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(_SETTLED_S, self._ask_words)

    def _ask_words(self) -> None:
        """Ask for the words of the neurons around the cursor."""
        session, members = self._view.session, self._members
        if session is None or members is None or members.cell.unit != "neurons":
            return
        at, shown = self.items.cursor, self.items.shown
        near = shown[max(0, at - _ROWS_ABOVE) : at + _ROWS_BELOW]
        places = [members.place(number) for number in near]
        self._words.ask(self._view.pair, session, self, places)

    @on(Watch.Changed)
    def _news(self, message: Watch.Changed) -> None:
        message.stop()
        if self._words.apply(message.watch) and self._members is not None:
            self._show_rows(self._members)
        elif self._words.problem is not None:
            self._view.ui.say(str(self._words.problem), severity="warning")

    def focus_shown(self) -> None:
        self.items.focus()

    def turn_kind(self) -> None:
        self.kind = KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]

    @property
    def items(self) -> TableList:
        return self.query_one("#list", TableList)

    @property
    def member(self) -> Member | None:
        number = self.items.row_number
        return None if self._members is None or number is None else self._members[number]

    @property
    def title(self) -> str:
        if self.cell is None or self._members is None:
            return ""
        names = [prose(self._atlas.counted[each]) for each in self.cell.categories]
        parts = [" and ".join(names) if len(names) <= 2 else "all categories"]
        if self.cell.layer is not None:
            parts.append(f"layer {self.cell.layer}")
        if self.cell.expert is not None:
            parts.append(f"expert {self.cell.expert}")
        kind = "" if self.kind == "all" else f"{self.kind} "
        return " · ".join([*parts, f"{len(self._members):,} {kind}{self.cell.unit}"])

    def text(self) -> str:
        """The list as plain text, from the top."""
        if self._members is None:
            return ""
        return copied_members(self._members, self._names, self.title)

    def tables(self, pair: PairSets) -> Tables:
        """What is exported, by its kind: all units, the details of the current one, words."""
        member, cell = self.member, self.cell
        tables: Tables = {"components": lambda: units_table(pair)}
        if member is None or cell is None:
            return tables
        where = member.layer, member.expert, member.place, cell.unit
        tables["component-frequencies"] = lambda: frequencies_table(pair, *where)
        if cell.unit == "neurons":
            # Made here: more may become known while it is written.
            words = self._words.table()
            tables["component-words"] = lambda: words
        return tables

    def on_resize(self, event: Resize) -> None:
        self._show_details()

    def _columns(self) -> list[Column]:
        neurons = self.cell is None or self.cell.unit == "neurons"
        columns = place_columns(experts=self._atlas.mixture, neurons=neurons)
        columns.append(Column("change", style=lambda status: _STYLES[status]))
        columns += [Column(f"{side} p", "{:.2f}".format) for side in ("base", "tuned")]
        if neurons:
            columns.append(Column(_WORDS, least=_LEAST_WORDS, missing="..."))
        sets = sets_text(len(self._atlas.counted))
        return [*columns, *(Column(f"{side} sets", sets, "dim") for side in ("base", "tuned"))]

    def _cells(self, member: Member) -> Row:
        assert self.cell is not None
        category = self.cell.categories[0]
        cells: list[TableCell] = [member.layer]
        if self._atlas.mixture:
            cells.append(None if member.expert < 0 else member.expert)
        if self.cell.unit == "neurons":
            cells.append(member.neuron)
        cells.append(member.status)
        cells += [float(member.frequencies[side][category]) for side in (0, 1)]
        if self.cell.unit == "neurons":
            cells.append(self._words.text((member.layer, member.expert, member.neuron)))
        return (*cells, *member.sets)

    def _show_details(self) -> None:
        if not self.size.width:
            # Not laid out yet; `on_resize` follows.
            return
        lines = member_lines(self._atlas, self.member, self.size.width - 2)
        self.query_one("#details", Lines).show(*lines)
