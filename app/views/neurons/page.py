"""The neurons or experts of a cell as a list, with details of the current one below."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from analysis.neurons.pair import PairSets
from analysis.neurons.tables import frequencies_table
from app.frame.export import Tables
from app.terminal.text import pad, prose
from app.views.neurons.atlas import UnitAtlas
from app.views.neurons.member_text import columns, copied_members, member_lines
from app.views.neurons.members import KINDS, Cell, CellMembers, Kind, Member
from app.views.neurons.text import side_heading
from app.widgets.item_list import FollowedList, ItemList
from app.widgets.lines import Line, Lines

_STATUS, _SIDE = 8, 20
_FRAME = 3
"""The list's frame and its bar."""


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
        # Where the cursor goes when the list is shown next; None to keep it.
        self._cursor: int | None = None
        self._behind: list[tuple[Cell, Kind, int]] = []

    def compose(self) -> ComposeResult:
        yield Lines(id="columns", classes="columns")
        yield FollowedList(
            self._line,
            self._show_details,
            empty=" none at these thresholds: [ lowers ε, { lowers τ",
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
        self._behind.append((self.cell, self.kind, self.items.cursor))
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

    def _list(self, cell: Cell, kind: Kind = "all", cursor: int = 0) -> None:
        self.cell, self.kind, self._cursor = cell, kind, cursor

    def show_atlas(self, atlas: UnitAtlas, names: tuple[str, str]) -> None:
        """Show what is listed. `names` are harmless."""
        assert self.cell is not None
        self._atlas, self._names = atlas, names
        self._members = CellMembers(atlas, self.cell, self.kind)
        self.items.border_title = Text(self.title)
        self.items.show(len(self._members), cursor=self._cursor)
        self._cursor = None
        self._show_heading()
        self._show_details()

    def focus_shown(self) -> None:
        self.items.focus()

    def turn_kind(self) -> None:
        self.kind = KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]

    @property
    def items(self) -> ItemList:
        return self.query_one("#list", ItemList)

    @property
    def member(self) -> Member | None:
        return self._members[self.items.cursor] if self._members and self.items.count else None

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
        self._show_heading()
        self._show_details()

    def _where(self, layer: int | str, expert: int | str, neuron: int | str) -> str:
        neurons = self.cell is None or self.cell.unit == "neurons"
        return columns(layer, expert, neuron, experts=self._atlas.mixture, neurons=neurons)

    @property
    def _side_width(self) -> int:
        where = len(self._where("", "", "")) + 3 + _STATUS
        return min(_SIDE, (self.size.width - _FRAME - where - 2) // 2)

    def _show_heading(self) -> None:
        where = self._where("layer", "expert", "neuron")
        # The list has a frame, these lines do not.
        sides = [side_heading(name, ": p, sets", self._side_width) for name in self._names]
        heading = f" {where}   {'':{_STATUS}}{'  '.join(sides)}"
        self.query_one("#columns", Lines).show([(heading, "dim")])

    def _show_details(self) -> None:
        if not self.size.width:
            # Not laid out yet; `on_resize` follows.
            return
        lines = member_lines(self._atlas, self.member, self.size.width - 2)
        self.query_one("#details", Lines).show(*lines)

    def _line(self, index: int, width: int) -> Line:
        assert self._members is not None
        member = self._members[index]
        styles = {"kept": "dim", "lost": "warn", "gained": "accent"}
        return [
            (f"{self._where(member.layer, member.expert, member.neuron)}  ", ""),
            (f" {member.status:<{_STATUS}}", styles[member.status]),
            (f"{self._side(member, 0)}  ", "" if member.in_base else "dim"),
            (self._side(member, 1), "" if member.in_tuned else "dim"),
        ]

    def _side(self, member: Member, side: int) -> str:
        """Mean frequency, and in how many categories' sets the unit is."""
        assert self.cell is not None
        share, sets = member.frequencies[side][self.cell.categories[0]], member.sets[side]
        of = len(self._atlas.counted)
        if sets == of > 1:
            common = "general"
        elif sets == 1 and (member.in_base, member.in_tuned)[side]:
            common = "unique"
        else:
            common = f"{sets} of {of}"
        return pad(f"{share:.2f} {common}", self._side_width)
