"""The Cases view: the stored cases of a library, to filter, sort and open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize
from textual.message import Message
from textual.worker import get_current_worker

from analysis.problems import ProblemError
from analysis.saliency.cases.library import Case, CaseLibrary
from analysis.table import Cell
from app.frame.actions import bindings
from app.frame.export import free_path, save_csv
from app.frame.twin import command_line, values_of
from app.frame.view import View
from app.links import CaseLink, Link, MapsLink, StepLink, StoredMap
from app.rating import rate, rated_note
from app.terminal.model_marks import marked
from app.terminal.text import prose
from app.views.cases.case_list import Filters, Scores, difference, rating_choices, table
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines
from app.widgets.table_list import TableList
from app.widgets.table_rows import Column, Rows
from app.workspace import LibraryWorkspace

_GUESSED = "~"
_ROLES = ("base", "tuned")
_SCORES_A_MESSAGE = 200

_score = "{:.2f}".format


class CasesView(View):
    """The table of cases, and a summary of the filters."""

    SCOPE = "cases"
    BINDINGS: ClassVar[list[BindingType]] = bindings("cases")
    HELP = (
        "Every stored case of the folder: a prompt with the responses of its models and their "
        "saliency maps. No model is loaded and none is needed.\n\n"
        f"{_GUESSED} before a case   nobody marked its instructions: they are guessed from its "
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

    class Scored(Message):
        """More cases' instruction scores."""

        def __init__(self, scores: dict[str, Scores]) -> None:
            super().__init__()
            self.scores = scores

    class Read(Message):
        """A case was read from disk."""

        def __init__(self, link: MapsLink) -> None:
            super().__init__()
            self.link = link

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._filters = Filters()
        self._scores: dict[str, Scores] = {}
        self._listed: list[Case] = []

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
        """Show the list at once; scores follow from a thread."""
        self._list()
        self.run_worker(
            self._compute_scores, thread=True, exclusive=True, exit_on_error=False, group="scores"
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
        return None if number is None else self._listed[number]

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
        guessed = self._library.case(str(case_id)).guessed
        return f"{_GUESSED if guessed else ''}{case_id}"

    def _row(self, index: int) -> tuple[Cell, ...]:
        case = self._listed[index]
        scores = self._scores.get(case.id)
        known: tuple[float | None, ...] = scores or (None,) * len(self._library.models)
        if len(known) == 2:
            known = (*known, difference(scores))
        return case.id, case.dataset, case.rating, *known, " ".join(case.prompt.split())

    def _show_summary(self) -> None:
        filters, table = self._filters, self._table
        everything = len(self._library.cases)
        parts = [f"{table.count} of {everything} cases"]
        parts.append(f"dataset {prose(filters.dataset) or 'all'}")
        parts.append(f"rating {filters.rating or 'all'}")
        if guessed := sum(case.guessed for case in self._listed):
            parts.append(f"{_GUESSED} instructions of {guessed} guessed")
        if len(self._scores) < everything:
            parts.append(f"scores of {len(self._scores)} so far")
        self.query_one("#summary", Lines).show([(" " + " · ".join(parts), "dim")])

    def _list(self) -> None:
        before = self._case
        self._listed = [case for case in self._library.cases if self._filters.admits(case)]
        same = (n for n, case in enumerate(self._listed) if before and case.id == before.id)
        self._show_rows(row=next(same, 0))

    def _show_rows(self, row: int | None = None) -> None:
        self._table.show_rows(self._columns(), Rows.made(len(self._listed), self._row), row=row)
        self._show_summary()

    @on(TableList.Arranged)
    def _arranged(self) -> None:
        self._show_summary()

    def _compute_scores(self) -> None:
        worker = get_current_worker()
        batch: dict[str, Scores] = {}
        try:
            for case_id, scores in self._library.instruction_scores():
                if worker.is_cancelled:
                    return
                batch[case_id] = scores
                if len(batch) == _SCORES_A_MESSAGE:
                    self.post_message(self.Scored(batch))
                    batch = {}
        except ProblemError as error:
            self.app.call_from_thread(self.ui.say, str(error), severity="error")
        self.post_message(self.Scored(batch))

    @on(Scored)
    def _take_scores(self, message: Scored) -> None:
        self._scores.update(message.scores)
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
                if case in self._listed:
                    table.move_to_row(self._listed.index(case))
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
        self._filter(self._filters.next_rating(rating_choices(self._library.cases)))

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
        self._listed = [self._library.case(case.id) for case in self._listed]
        self._show_rows()

    def twins(self) -> Sequence[str]:
        """The study of these maps: every case's scores are a table of its report."""
        library = self._library
        rated = any(case.rating is not None for case in library.cases)
        if len(library.models) < 2 and not rated:
            return ()
        return [command_line("study density {results} --out study", values_of(self.ui.workspace))]

    def action_export(self) -> None:
        """Export the cases that are shown, in their order."""
        path = free_path(Path.cwd(), f"cases-{self._library.folder.name}", ".csv")
        try:
            shown = [self._listed[number] for number in self._table.shown]
            save_csv(table(shown, self._scores, self._library.models), path)
        except OSError as error:
            self.ui.say(f"Nothing was exported: {error}", severity="error")
        else:
            self.ui.say(f"Exported to {path}")
