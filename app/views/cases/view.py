"""The Cases view: the stored cases of a library, to filter, sort and open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize
from textual.message import Message
from textual.worker import get_current_worker

from analysis.problems import ProblemError
from analysis.saliency.cases.library import Case, CaseLibrary
from app.frame.actions import bindings
from app.frame.export import free_path, save_csv
from app.frame.view import View
from app.links import CaseLink, Link, MapsLink, StepLink, StoredMap
from app.rating import rate, rated_note
from app.terminal.text import fit, pad, prose
from app.views.cases.case_list import (
    Filters,
    Order,
    Scores,
    listed,
    rating_choices,
    table,
    value_of,
)
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines
from app.widgets.search_bar import SearchBar
from app.workspace import LibraryWorkspace

_ID_CELLS = (10, 30)
_DATASET_CELLS = (7, 13)
_GUESSED = "~"
_SCORES_A_MESSAGE = 200


class CasesView(View):
    """Column titles, the list, and a summary of the filters."""

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
        self._id_cells = self._dataset_cells = 0

    @property
    def _library(self) -> CaseLibrary:
        assert isinstance(self.ui.workspace, LibraryWorkspace)
        return self.ui.workspace.library

    def compose(self) -> ComposeResult:
        yield Lines(id="titles")
        yield ItemList(self._draw, empty=" No case matches. esc shows all again.", id="list")
        yield SearchBar("words in prompts or ids", id="search")
        yield Lines(id="summary")

    def on_mount(self) -> None:
        """Show the list at once; scores follow from a thread."""
        cases = self._library.cases
        self._id_cells = self._cells_of((case.id for case in cases), _ID_CELLS)
        self._dataset_cells = self._cells_of((case.dataset for case in cases), _DATASET_CELLS)
        self._list()
        self.run_worker(
            self._compute_scores, thread=True, exclusive=True, exit_on_error=False, group="scores"
        )

    def enter(self) -> None:
        """Focus the list, with ratings that were given beside a map."""
        self._refresh_ratings()
        self.query_one("#list").focus()

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self._show_lines)

    def _cells_of(self, texts: Iterable[str], bounds: tuple[int, int]) -> int:
        """The column width for these texts, within bounds."""
        widest = max((cell_len(self.prose(text)) for text in texts), default=0)
        return max(bounds[0], min(widest, bounds[1]))

    def _columns(self) -> list[tuple[str, int, Order]]:
        names = self._library.models
        scores: list[tuple[str, int, Order]] = [("base", 6, "base")]
        if len(names) == 2:
            scores += [("tuned", 6, "tuned"), ("diff.", 7, "difference")]
        else:
            scores = [("score", 6, "base")]
        return [("rating", 6, "rating"), *scores]

    def _draw(self, index: int, width: int) -> Line:
        case = self._listed[index]
        scores = self._scores.get(case.id)
        line = [
            (_GUESSED if case.guessed else " ", "warn"),
            (f"{pad(self.prose(case.id), self._id_cells)} ", ""),
            (f"{pad(self.prose(case.dataset), self._dataset_cells)}", "dim"),
        ]
        for _, cells, order in self._columns():
            value = value_of(case, scores, order)
            text = "–" if value is None else f"{value:{'+' * (order == 'difference')}.2f}"
            if order == "rating" and value is not None:
                text = f"{value:g}"
            line.append((f" {text:>{cells}}", "accent" if order == self._filters.order else ""))
        line.append((f"  {self.prose(case.prompt[:400])}", "dim"))
        return line

    def _show_lines(self) -> None:
        filters = self._filters
        mark = "▲" if filters.rising else "▼"
        titles: list[tuple[str, str]] = [
            (f" {'id':<{self._id_cells}} {'dataset':<{self._dataset_cells}}", "strong")
        ]
        for title, cells, order in self._columns():
            chosen = order == filters.order
            text = f"{mark}{title}" if chosen else title
            titles.append((f" {text:>{cells}}", "accent" if chosen else "strong"))
        self.query_one("#titles", Lines).show([*titles, ("  prompt", "strong")])
        everything = len(self._library.cases)
        parts = [f"{len(self._listed)} of {everything} cases"]
        parts.append(f"dataset {prose(filters.dataset) or 'all'}")
        parts.append(f"rating {filters.rating or 'all'}")
        if filters.words:
            parts.append(f"with “{prose(fit(filters.words, 30))}”")
        parts.append(f"order {filters.order}{', rising' if filters.rising else ''}")
        if guessed := sum(case.guessed for case in self._listed):
            parts.append(f"{_GUESSED} instructions of {guessed} guessed")
        if len(self._scores) < everything:
            parts.append(f"scores of {len(self._scores)} so far")
        self.query_one("#summary", Lines).show([(" " + " · ".join(parts), "dim")])

    def _list(self) -> None:
        self._listed = listed(self._library.cases, self._scores, self._filters)
        self.query_one("#list", ItemList).show(len(self._listed), cursor=0)
        self._show_lines()

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
        complete = len(self._scores) == len(self._library.cases)
        if complete and self._filters.order not in ("file", "rating"):
            self._list()
        else:
            self.query_one("#list").refresh()
            self._show_lines()

    @on(ItemList.Chosen, "#list")
    def _chosen(self) -> None:
        self.action_open_case()

    def action_open_case(self) -> None:
        if not self._listed:
            return
        self._open(self._listed[self.query_one("#list", ItemList).cursor])

    def open(self, link: Link) -> None:
        """Read and show a case that another view links to, or the next one in the list."""
        items = self.query_one("#list", ItemList)
        match link:
            case CaseLink(case_id):
                case = self._library.case(case_id)
                if case in self._listed:
                    items.move_cursor(self._listed.index(case))
                self._open(case)
            case StepLink(by):
                before = items.cursor
                items.move_cursor(before + by)
                if items.cursor != before:
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

    def action_find(self) -> None:
        self.query_one(SearchBar).open()

    @on(SearchBar.Sought)
    def _sought(self, message: SearchBar.Sought) -> None:
        self._filter(replace(self._filters, words=message.text))
        if message.finished:
            self.enter()

    def action_dataset(self) -> None:
        self._filter(self._filters.next_dataset(self._library.datasets))

    def action_rating(self) -> None:
        self._filter(self._filters.next_rating(rating_choices(self._library.cases)))

    def action_sort(self) -> None:
        self._filter(self._filters.next_order())

    def action_reverse(self) -> None:
        self._filter(replace(self._filters, rising=not self._filters.rising))

    def action_clear_filters(self) -> None:
        """List all cases, in the current order."""
        self._filter(Filters(order=self._filters.order, rising=self._filters.rising))

    def action_rate(self, step: int) -> None:
        """Rate the tuned model's response of the case under the cursor."""
        if self._listed:
            case = self._listed[self.query_one("#list", ItemList).cursor]
            rate(self.ui, case.id, self._library.models[-1], step)
            self._refresh_ratings()

    def _refresh_ratings(self) -> None:
        """Show ratings as they are now; the cases stay where they are until listed again."""
        self._listed = [self._library.case(case.id) for case in self._listed]
        self.query_one("#list").refresh()

    def action_export(self) -> None:
        path = free_path(Path.cwd(), f"cases-{self._library.folder.name}", ".csv")
        try:
            save_csv(table(self._listed, self._scores, self._library.models), path)
        except OSError as error:
            self.ui.say(f"Nothing was exported: {error}", severity="error")
        else:
            self.ui.say(f"Exported to {path}")
