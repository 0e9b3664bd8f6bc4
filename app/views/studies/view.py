"""The Studies view: run, watch and stop the paper's tables and figures, and read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.events import Resize
from textual.message import Message
from textual.worker import get_current_worker

from analysis.problems import ProblemError
from analysis.saliency.cases.prompt_sets import PromptSet
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.export import free_path, save_table
from app.frame.view import View
from app.jobs.pace import Redraw
from app.jobs.study_run import StudyRun
from app.jobs.tasks import Task
from app.links import CaseLink
from app.views.studies.desk import Look, OfferedStudy, StudyDesk
from app.views.studies.figures import numbers_of
from app.views.studies.links import link_of
from app.views.studies.marks import ModelNames
from app.views.studies.overview import NAME, PAGES, overview_of, overview_told, write_all
from app.views.studies.pane import StudyPane
from app.views.studies.prompts_bar import PromptsBar
from app.views.studies.study_list import StudyList
from app.views.studies.text import HELP, going_on, scope_line, told
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines, width_of
from app.workspace import LibraryWorkspace

BESIDE_FROM_WIDTH = 120
# A study may report progress hundreds of times a second.
_REDRAW_S = 0.25


class StudiesView(View):
    """The list of studies, with the current one's pages next to or below it."""

    SCOPE = "studies"
    HELP = HELP
    ANSWERS = frozenset({"export", "report", "copy"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("studies")

    class Looked(Message):
        """What is stored for a study was looked up."""

        def __init__(self, look: Look) -> None:
            super().__init__()
            self.look = look

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._desk: StudyDesk | None = None
        self._opened = False
        self._redraw = Redraw(self, self.show_everything, every_s=_REDRAW_S)
        self._waiting: OfferedStudy | None = None
        self._recalled = False

    def compose(self) -> ComposeResult:
        with Container(id="content"):
            with Vertical(id="offered"):
                yield Lines(id="scope")
                yield StudyList(self.show_everything, id="list")
            ascii_only = self.ui.settings.ascii
            names = ModelNames(self._models, self.prose, ascii_only=ascii_only)
            yield StudyPane(prose=self.prose, names=names, ascii_only=ascii_only, id="pane")
        yield PromptsBar(id="prompts")
        yield Lines(id="progress")

    @property
    def _list(self) -> StudyList:
        return self.query_one("#list", StudyList)

    @property
    def _pane(self) -> StudyPane:
        return self.query_one(StudyPane)

    @property
    def _models(self) -> Sequence[str]:
        """The models' names."""
        work = self.ui.workspace
        if isinstance(work, LibraryWorkspace):
            return work.library.models
        return (
            work.base.name,
            *dict.fromkeys((*(each.model.name for each in work.series), work.tuned.name)),
        )

    def enter(self) -> None:
        if self._desk is None:
            self._open_desk()
        else:
            # What other views computed meanwhile counts.
            self._look_up()
        self._focus()

    def connected(self) -> None:
        """There is somebody to ask now what is stored."""
        self._open_desk()
        self._focus()

    def _open_desk(self) -> None:
        ui = self.ui
        self._desk = StudyDesk(ui.workspace, self.session, self, ui.settings, ui.prices)
        self.query_one("#scope", Lines).display = bool(self._desk.series)
        self._list.show_studies(self._desk.studies)
        self.show_everything()
        self._look_up()

    def _look_up(self) -> None:
        """Look what is stored for the studies that have not ended, on a thread."""
        desk = self._desk
        if desk is None or self.session is None:
            return
        waiting = [each for each in desk.every if each.findings is None and not each.active]

        def look() -> None:
            worker = get_current_worker()
            self._recall_prompts(desk)
            # What was found comes before what is ahead, which takes longer.
            for about in (desk.kept, desk.ahead):
                for study in waiting:
                    if worker.is_cancelled:
                        return
                    if study.findings is None:
                        self.post_message(self.Looked(about(study)))

        self.run_worker(look, thread=True, exclusive=True, exit_on_error=False, group="look")

    def _recall_prompts(self, desk: StudyDesk) -> None:
        if self._recalled or desk.prompts is not None:
            return
        self._recalled = True
        try:
            bar = self.query_one(PromptsBar)
            desk.prompts = bar.recalled(self.ui.state, self._about)
        except ProblemError as error:
            self.app.call_from_thread(self.ui.say, str(error), severity="warning")

    @on(Looked)
    def _take_look(self, message: Looked) -> None:
        message.stop()
        if self._desk is not None:
            self._desk.take(message.look)
            self._redraw.soon()

    def tasks(self) -> list[Task]:
        desk = self._desk
        return [] if desk is None else desk.tasks(self._run_one)

    def _run_one(self, study: OfferedStudy) -> None:
        assert self._desk is not None
        self._desk.begin(study)
        self.show_everything()

    def leave(self) -> None:
        if self._desk is not None:
            self._desk.leave()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < BESIDE_FROM_WIDTH, "-narrow")
        # The progress line's wording depends on the width.
        self.call_after_refresh(self.show_everything)

    def offers(self, action: Action) -> bool:
        study, desk = self._list.study, self._desk
        if desk is None:
            return action.id == "studies.back"
        if study is None:
            return self._overview_offers(action.id.partition(".")[2], desk)
        match action.id.partition(".")[2]:
            case "open":
                at_list = study.findings is not None or not study.active
                return self._pane.leads_on if self._opened else at_list and not self._asking
            case "stop":
                return desk.running is not None
            case "rerun":
                begun = study.run is not None or study.findings is not None
                return begun and not study.active and not self._opened
            case "prompts":
                return desk.takes_prompts(study) and not self._opened
            case "along":
                return bool(desk.series) and not self._opened and not self._asking
            case "next_page" | "previous_page":
                return self._pane.count > 1
            case "report" | "copy":
                return study.findings is not None
            case "export":
                return self._opened and self._pane.exports
        return True

    def _overview_offers(self, name: str, desk: StudyDesk) -> bool:
        match name:
            case "open":
                return not self._opened and not self._asking
            case "stop":
                return desk.running is not None
            case "along":
                return bool(desk.series) and not self._opened and not self._asking
            case "report":
                is_pair = not isinstance(self.ui.workspace, LibraryWorkspace)
                return is_pair and any(each.findings for each in desk.studies)
        return name in ("back", "copy")

    @property
    def _asking(self) -> bool:
        """Whether the prompts bar has the focus."""
        return self.ui.base.focused is self.query_one(PromptsBar)

    def _focus(self) -> None:
        if self.ui.view is not self:
            return
        if self._opened:
            self._pane.focus_page()
        else:
            self._list.focus()

    def _turn_to(self, *, opened: bool) -> None:
        """Go to the pages of the study under the cursor, or back to the list."""
        self._opened = opened
        self.set_class(opened, "-opened")
        self._focus()
        self.ui.refresh_lines()

    def show_everything(self) -> None:
        """Draw list, pages and lines from the state."""
        study, desk = self._list.study, self._desk
        if desk is None:
            return
        self._list.update_lines()
        if desk.series:
            steps = [str(each.step) for each in desk.series]
            scope = self.query_one("#scope", Lines)
            scope.show(
                scope_line(steps, along=desk.along, cells=scope.size.width, prose=self.prose)
            )
        if study is None:
            parts = overview_told(desk.studies, desk.works_on, self.prose)
            turned = self._pane.show(NAME, PAGES, parts)
        else:
            parts = told(study, desk.works_on(study), self.prose)
            turned = self._pane.show(study.name, study.pages, parts)
        if turned and self._opened:
            self._focus()
        stops = [("s stops ", "dim")] if desk.running is not None else []
        progress = self.query_one("#progress", Lines)
        room = progress.size.width - width_of(stops) - 2
        progress.show(going_on(desk.running, room, self.prose), right=stops)
        if self.ui.view is self:
            self.ui.refresh_lines()

    @on(StudyRun.Changed)
    def _news(self, message: StudyRun.Changed) -> None:
        message.stop()
        found = None if self._desk is None else self._desk.apply(message.run)
        if found is None:
            return
        study, notices = found
        for notice in notices:
            self.ui.say(str(notice), severity="warning")
        if study.active:
            self._redraw.soon()
            return
        problem, looked_at = message.run.problem, self._list.study is study
        if looked_at and not self._opened:
            self._pane.turn_to_first()
        elif problem is not None:
            self.ui.say(f"{study.name}: {problem}", severity="error")
        if self.ui.view is not self and message.run.state == "done":
            self.ui.say(f"The study {study.name} is done.")
        self.show_everything()
        # What this one computed may be what others ask for too.
        self._look_up()

    def _begin(self, study: OfferedStudy) -> None:
        """Run a study; asks for prompts first if it needs them."""
        assert self._desk is not None
        if self._desk.lacks_prompts(study):
            self._waiting = study
            self.query_one(PromptsBar).ask()
            return
        self._desk.begin(study)
        self.show_everything()

    @on(ItemList.Chosen, "#list")
    @on(ItemList.Chosen, "#rows")
    async def action_open(self) -> None:
        """Run a study or open its findings; from a row, open its case, head or component."""
        study, page = self._list.study, self._pane.page
        if study is None:
            self._turn_to(opened=True)
            return
        if page is None:
            return
        if not self._opened:
            if study.findings is not None:
                self._turn_to(opened=True)
            elif not study.active:
                self._begin(study)
        elif page.opens and self._pane.row and study.given is not None:
            link = link_of(page, self._pane.row, study.given)
            if isinstance(link, str):
                self.ui.say(link, severity="warning")
            elif isinstance(link, CaseLink):
                # The list of cases can read one, and shows its maps.
                self.ui.lead_to("saliency")
                self.ui.tell(link)
            else:
                await self.ui.open_link(link, back=True)

    def action_run_again(self) -> None:
        """Run a study again; stored results are not computed again."""
        study = self._list.study
        assert study is not None
        self._begin(study)

    def action_stop(self) -> None:
        """Stop the running study, or the waiting one under the cursor."""
        desk = self._desk
        assert desk is not None
        desk.stop(self._list.study)
        self.show_everything()

    def action_along(self) -> None:
        """Turn from the whole training run to its last step, or back."""
        desk = self._desk
        assert desk is not None
        place = self._list.cursor
        desk.along = not desk.along
        self._list.show_studies(desk.studies)
        self._list.move_cursor(min(place, len(desk.studies)))
        self._pane.turn_to_first()
        self.show_everything()

    def action_back(self) -> None:
        """Go back to the list, and from there to the first view."""
        if self._opened:
            self._turn_to(opened=False)
        else:
            self.go_back()

    def action_prompts(self) -> None:
        self._waiting = None
        self.query_one(PromptsBar).ask()

    @on(PromptsBar.Named)
    def _prompts_named(self, message: PromptsBar.Named[PromptSet]) -> None:
        assert self._desk is not None
        waiting, self._waiting = self._waiting, None
        self._focus()
        if message.content is None:
            return
        self._desk.prompts = message.content
        known = self.query_one(PromptsBar).remembered(self.ui.state, self._about, message.content)
        self.ui.update_state(study_prompts=known)
        if skipped := message.content.skipped:
            self.ui.say(f"Left out: {'; '.join(skipped)}.", severity="warning")
        if waiting is not None:
            self._begin(waiting)
        # The first page says what the study's input is now.
        self._pane.turn_to_first()
        self.show_everything()
        self._look_up()

    def action_page(self, by: int) -> None:
        self._pane.turn(by)
        self._turn_to(opened=True)

    def twins(self) -> Sequence[str]:
        study, desk = self._list.study, self._desk
        if desk is None:
            return ()
        if study is None:
            command = desk.overview_command(self._prompts_named_as)
            return [command] if command else ()
        tables = () if study.findings is None else study.findings.tables
        page = self._pane.page
        # The command prints all it found, or writes its first table.
        first = bool(tables) and page is not None and page.name == tables[0].name
        return [desk.command(study, self._prompts_named_as, rows=first and self._opened)]

    @property
    def _prompts_named_as(self) -> Path | str | None:
        """The file of the prompts in use, or their name; None for the usual ones."""
        desk = self._desk
        file = "" if desk is None or desk.prompts is None else desk.prompts.name
        return self.query_one(PromptsBar).file_called(file) or file or None

    @property
    def _about(self) -> str:
        """The subject of the studies, for file names."""
        work = self.ui.workspace
        if isinstance(work, LibraryWorkspace):
            return work.library.folder.name
        return f"{work.base.name}-{work.tuned.name}"

    def _file_about(self, study: OfferedStudy) -> str:
        """What a file is called by that is about a study."""
        return f"{self._about}-series" if study.along else self._about

    def action_export(self) -> None:
        study, page = self._list.study, self._pane.page
        if study is None or page is None or page.table is None:
            self.ui.say("This page has no table to export.", severity="warning")
            return
        about = self._file_about(study)
        table, names = page.table, (study.spec.name, page.name, about)
        self.write_aside(lambda: save_table(table, "study", names, Path.cwd()))
        if page.kind == "overview" and page.figure is not None:
            numbers = numbers_of(page.figure)
            drawn = study.spec.name, f"figure-{page.figure.name}", about
            self.write_aside(lambda: save_table(numbers, "study", drawn, Path.cwd()))

    def action_report(self) -> None:
        study = self._list.study
        if study is None:
            self._report_all()
            return
        findings = study.findings
        if findings is None:
            self.ui.say("There is nothing to report yet.", severity="warning")
            return
        about = self._file_about(study)

        def write() -> Path:
            # Imported here: only a report needs to draw figures.
            from analysis.studies.report import write_report

            place = free_path(Path.cwd(), f"study-{findings.study}-{about}", "")
            return write_report(findings, place)

        self.write_aside(write)

    def _report_all(self) -> None:
        """Write the page of all studies that are done, and their reports."""
        desk, work = self._desk, self.ui.workspace
        if desk is None or isinstance(work, LibraryWorkspace):
            return
        prompts = self._prompts_named_as
        page = overview_of(
            work, desk.studies, lambda study: desk.command(study, prompts, rows=False)
        )
        about = f"{self._about}-series" if desk.along else self._about

        self.write_aside(lambda: write_all(page, free_path(Path.cwd(), f"report-{about}", "")))

    def action_copy(self) -> None:
        self.ui.copy(self._pane.text())
