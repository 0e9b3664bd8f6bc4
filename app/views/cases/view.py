"""The Cases view: the stored cases of a library, to filter, sort and open."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize
from textual.message import Message
from textual.worker import Worker, get_current_worker

from analysis.problems import ProblemError
from analysis.saliency.cases.case import Case, Cases
from analysis.saliency.cases.index import GUESSED
from analysis.saliency.cases.library import CaseLibrary
from analysis.table import Cell
from app.frame.actions import bindings
from app.frame.twin import command_line, values_of
from app.frame.view import View
from app.links import CaseLink, Link, MapsLink, StepLink, StoredMap
from app.rating import rate, rated_note
from app.terminal.model_marks import marked
from app.terminal.text import prose
from app.views.cases.case_list import Filters, rating_choices, table
from app.views.cases.case_rows import CaseRows
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column
from app.workspace import LibraryWorkspace

_ROLES = ("base", "tuned")
_BETWEEN_SCORES_S = 0.5
_BETWEEN_KEEPING_S = 30.0

_score = "{:.2f}".format


class CasesView(View):
    """The table of cases, and a summary of the filters."""

    SCOPE = "cases"
    BINDINGS: ClassVar[list[BindingType]] = bindings("cases")
    HELP = (
        "Every stored case of the folder: a prompt with the responses of its models and their "
        "saliency maps. No model is loaded and none is needed.\n\n"
        f"{GUESSED} before a case   nobody marked its instructions: they are guessed from its "
        "layout and its first words, and its scores rest on that guess.\n\n"
        "Enter opens a case in the Saliency view; there [ and ] go on to the previous and the "
        "next case of this list, as it is filtered and sorted.\n\n"
        "Formulas\n\n"
        "score   the instruction score of a model's map: the importance density summed over the "
        "instruction tokens, divided by log2(2 + their number). It is high where the model kept "
        "the instruction in view all through its response.\n"
        "difference   tuned minus base.\n"
        "rating   how well the tuned model's response follows the instruction, 1 to 4; the paper "
        "counts 2 and more as followed. + and - rate the case under the cursor; beside the maps "
        "they rate the active model's response. Ratings are kept in the folder."
    )

    class Listed(Message):
        """More cases are listed, or all of them."""

    class Scored(Message):
        """More cases' instruction scores are known."""

    class Read(Message):
        """A case was read from disk."""

        def __init__(self, link: MapsLink) -> None:
            super().__init__()
            self.link = link

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._filters = Filters()
        self._unread = ""
        self._made: CaseRows | None = None
        self._numbers: NDArray[np.int64] = np.arange(0)

    @property
    def _library(self) -> CaseLibrary:
        assert isinstance(self.ui.workspace, LibraryWorkspace)
        return self.ui.workspace.library

    def compose(self) -> ComposeResult:
        yield TableList(
            ascii_only=self.ui.settings.ascii,
            empty=" No case matches. esc shows all again.",
            id="list",
        )
        yield Lines(id="summary")

    def on_mount(self) -> None:
        """Show the list at once; what is unknown of it follows from a thread."""
        self._list()
        self.run_worker(
            self._read, thread=True, exclusive=True, exit_on_error=False, group="scores"
        )

    def enter(self) -> None:
        """Focus the list, with ratings that were given beside a map."""
        self._refresh_ratings()
        self.query_one("#list").focus()

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self._show_summary)

    @property
    def _table(self) -> TableList:
        return self.query_one("#list", TableList)

    @property
    def _case(self) -> Case | None:
        """The case under the cursor."""
        number = self._table.row_number
        try:
            return None if number is None else self._listed[number]
        except ProblemError as error:
            self.ui.say(str(error), severity="error")
            return None

    def _columns(self) -> list[Column]:
        ascii_only, both = self.ui.settings.ascii, len(self._library.models) == 2
        roles = [marked(side, name, ascii_only=ascii_only) for side, name in enumerate(_ROLES)]
        names = roles if both else ("score",)
        scores = [Column(name, _score, missing="–") for name in names]
        if len(scores) == 2:
            scores.append(Column("diff.", "{:+.2f}".format, "accent", missing="–"))
        return [
            Column("id", self._id_text, least=21),
            Column("dataset", style="dim", least=7),
            Column("rating", missing="–"),
            *scores,
            Column("prompt", style="dim", least=10),
        ]

    def _id_text(self, case_id: Cell) -> str:
        return f"{GUESSED if self._made and case_id in self._made.guessed else ''}{case_id}"

    def _show_summary(self) -> None:
        filters, table = self._filters, self._table
        everything, known = len(self._library.index), self._library.known
        parts = [f"{table.count} of {everything} cases"]
        if not self._library.whole:
            parts.append(self._unread or "the folder is still being read")
        parts.append(f"dataset {prose(filters.dataset) or 'all'}")
        parts.append(f"rating {filters.rating or 'all'}")
        if guessed := int(self._library.index.guessed[self._listed.numbers].sum()):
            parts.append(f"{GUESSED} instructions of {guessed} guessed")
        if (scored := int(known.scored.sum())) < everything:
            parts.append(f"scores of {scored} so far")
        self.query_one("#summary", Lines).show([(" " + " · ".join(parts), "dim")])

    @property
    def _listed(self) -> Cases:
        """The cases that the filters admit."""
        return Cases(self._library.numbered, self._numbers)

    def _list(self) -> None:
        number = self._table.row_number
        before = None if number is None else int(self._numbers[number])
        self._numbers = self._filters.admitted(self._library)
        same = None if before is None else self._listed.place_of(before)
        self._show_rows(row=same or 0)

    def _show_rows(self, row: int | None = None) -> None:
        columns = self._columns()
        self._made = CaseRows(self._library, self._listed, columns)
        self._table.show_rows(columns, self._made.rows, row=row)
        self._show_summary()

    @on(TableList.Arranged)
    def _arranged(self) -> None:
        self._show_summary()

    def _read(self) -> None:
        """List the cases and compute their scores, on a thread."""
        worker, library = get_current_worker(), self._library
        try:
            for _ in library.read():
                if worker.is_cancelled:
                    return
                self.post_message(self.Listed())
            if library.note:
                self.app.call_from_thread(self.ui.say, library.note, severity="warning")
            self._compute_scores(worker)
        except (ProblemError, OSError) as error:
            self._unread = "not all of them can be read"
            self.app.call_from_thread(self.ui.say, str(error), severity="error")
        self.post_message(self.Scored())

    def _compute_scores(self, worker: Worker[None]) -> None:
        library = self._library
        unknown = np.flatnonzero(~library.known.scored).tolist()
        shown = kept = time.monotonic()
        for number in unknown:
            if worker.is_cancelled:
                return
            library.score(number)
            now = time.monotonic()
            if now - shown > _BETWEEN_SCORES_S:
                self.post_message(self.Scored())
                shown = now
            if now - kept > _BETWEEN_KEEPING_S:
                library.keep_scores()
                kept = now
        library.keep_scores()

    @on(Listed)
    def _take_listed(self) -> None:
        self._list()

    @on(Scored)
    def _take_scores(self) -> None:
        self._show_rows()

    @on(ItemList.Chosen, "#list")
    def _chosen(self) -> None:
        self.action_open_case()

    def action_open_case(self) -> None:
        if (case := self._case) is not None:
            self._open(case)

    def open(self, link: Link) -> None:
        """Read and show a case that another view links to, or the next one in the list."""
        table = self._table
        match link:
            case CaseLink(case_id):
                case = self._library.case(case_id)
                place = self._listed.place_of(self._library.number(case_id))
                if place is not None:
                    table.move_to_row(place)
                self._open(case)
            case StepLink(by):
                before = table.cursor
                table.move_cursor(before + by)
                if table.cursor != before:
                    self.action_open_case()

    def _open(self, case: Case) -> None:
        def read() -> None:
            worker = get_current_worker()
            try:
                text = self._library.text(case.id)
                maps = tuple(self._map(case.id, name) for name in self._library.models)
            except ProblemError as error:
                self.app.call_from_thread(self.ui.say, str(error), severity="error")
                return
            if not worker.is_cancelled:
                self.post_message(self.Read(MapsLink(case.id, case.prompt, maps, text)))

        self.run_worker(read, thread=True, exclusive=True, exit_on_error=False, group="read")

    def _map(self, case_id: str, model: str) -> StoredMap:
        rating = self._library.rating(case_id, model)
        note = rated_note(case_id, rating)
        try:
            return StoredMap(model, self._library.map(case_id, model), note)
        except ProblemError as error:
            return StoredMap(model, None, problem=error.problem)

    @on(Read)
    async def _show(self, message: Read) -> None:
        await self.ui.open_link(message.link)

    def _filter(self, filters: Filters) -> None:
        self._filters = filters
        self._list()

    def action_dataset(self) -> None:
        self._filter(self._filters.next_dataset(self._library.datasets))

    def action_rating(self) -> None:
        self._filter(self._filters.next_rating(rating_choices(self._library.rating_shown)))

    def action_clear_filters(self) -> None:
        """List the cases of all datasets and ratings."""
        self._filter(Filters())

    def action_rate(self, step: int) -> None:
        """Rate the tuned model's response of the case under the cursor."""
        if (case := self._case) is not None:
            rate(self.ui, case.id, self._library.models[-1], step)
            self._refresh_ratings()

    def _refresh_ratings(self) -> None:
        """Show ratings as they are now; no case leaves the list until it is made again."""
        self._show_rows()

    def twins(self) -> Sequence[str]:
        """The study of these maps: every case's scores are a table of its report."""
        library = self._library
        if len(library.models) < 2 and not library.is_rated:
            return ()
        return [command_line("study density {results} --out study", values_of(self.ui.workspace))]

    def action_export(self) -> None:
        """Export the cases that are shown, in their order."""
        library = self._library
        shown = [int(self._numbers[number]) for number in self._table.shown]
        self.export_table(lambda: table(library, shown), "cases", library.folder.name)
