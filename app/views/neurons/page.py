"""The neurons or experts of a cell as a list, with details of the current one below."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from analysis.neurons.pair import PairSets
from analysis.neurons.tables import frequencies_table
from analysis.table import Cell as TableCell
from app.frame.export import Tables
from app.terminal.text import prose
from app.views.neurons.atlas import UnitAtlas
from app.views.neurons.member_text import copied_members, member_lines, place_columns, sets_text
from app.views.neurons.members import KINDS, Cell, CellMembers, Kind, Member
from app.widgets.lines import Lines
from app.widgets.table_list import TableList
from app.widgets.table_rows import AS_IT_COMES, Arrangement, Column, Row, Rows

_STYLES: dict[object, str] = {"kept": "dim", "lost": "warn", "gained": "accent"}


class UnitPage(Vertical):
    """A list by descending frequency, and the way back to the lists that led to it.

    `cell` is what is listed, None before anything is; `kind` says which of its units.
    """

    def __init__(self, *, ascii_only: bool, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._ascii = ascii_only
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
            follow=self._show_details,
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
        self._members = members = CellMembers(atlas, self.cell, self.kind)
        columns = self._columns()
        rows = Rows(
            len(members),
            lambda index: self._cells(members[index]),
            lambda number: members.column(columns[number].name).tolist(),
        )
        self.items.border_title = Text(self.title)
        self.items.show_rows(columns, rows, self._arrangement)
        self._arrangement = None
        self._show_details()

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
        """What is exported besides all units: the details of the current one, by their kind."""
        member, cell = self.member, self.cell
        if member is None or cell is None:
            return {}
        where = member.layer, member.expert, member.place, cell.unit
        return {"component-frequencies": lambda: frequencies_table(pair, *where)}

    def on_resize(self, event: Resize) -> None:
        self._show_details()

    def _columns(self) -> list[Column]:
        neurons = self.cell is None or self.cell.unit == "neurons"
        columns = place_columns(experts=self._atlas.mixture, neurons=neurons)
        columns.append(Column("change", style=lambda status: _STYLES[status]))
        for side in ("base", "tuned"):
            columns.append(Column(f"{side} p", "{:.2f}".format))
            columns.append(Column(f"{side} sets", sets_text(len(self._atlas.counted)), "dim"))
        return columns

    def _cells(self, member: Member) -> Row:
        assert self.cell is not None
        category = self.cell.categories[0]
        cells: list[TableCell] = [member.layer]
        if self._atlas.mixture:
            cells.append(None if member.expert < 0 else member.expert)
        if self.cell.unit == "neurons":
            cells.append(member.neuron)
        cells.append(member.status)
        for side in (0, 1):
            cells += [float(member.frequencies[side][category]), member.sets[side]]
        return tuple(cells)

    def _show_details(self) -> None:
        if not self.size.width:
            # Not laid out yet; `on_resize` follows.
            return
        lines = member_lines(self._atlas, self.member, self.size.width - 2)
        self.query_one("#details", Lines).show(*lines)
