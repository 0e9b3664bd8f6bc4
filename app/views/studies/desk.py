"""The studies available in a workspace: their input, runs and findings."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.demo.catalog import is_demo
from analysis.methods import CHANGES_ALONG, StudySpec, studies
from analysis.problems import Problem, ProblemError, problem
from analysis.saliency.cases.prompt_sets import PromptSet, demo_prompts
from analysis.studies.findings import Findings
from analysis.studies.kept import kept_findings
from analysis.studies.series import SeriesInput, Step, kept_series
from analysis.studies.study import PairInput
from app.config import Settings
from app.frame.twin import command_line, option, values_of
from app.jobs.ahead import Ahead, ahead_of
from app.jobs.progress_text import progress_text
from app.jobs.study_run import StudyRun
from app.jobs.tasks import Task, TaskState
from app.known_descriptions import study_options
from app.terminal.text import prose
from app.views.studies.pages import StudyPage, pages_of
from app.workspace import LibraryWorkspace, PairWorkspace, Workspace

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.saliency.cases.library import CaseLibrary
    from analysis.session.drive import Answerer
    from app.jobs.prices import Prices
    from app.workspace import SeriesModel


class Look(NamedTuple):
    """What was looked up about a study: what it found on this input earlier, or what is ahead."""

    study: OfferedStudy
    on: str
    given: PairInput | SeriesInput | None = None
    findings: Findings | None = None
    ahead: Ahead | None = None


@dataclass
class OfferedStudy:
    """A study and its state; holds no widgets.

    `runs_on` is the last run's input in words, not yet harmless; `found_on` and `given` are the
    input of the last finished run, in words and as an object. `ahead` is what a run would take
    now, as long as that is known. `along` says whether it is run at every step of a training run.
    """

    spec: StudySpec
    run: StudyRun | None = None
    runs_on: str = ""
    findings: Findings | None = None
    found_on: str = ""
    given: CaseLibrary | PairInput | SeriesInput | None = None
    pages: tuple[StudyPage, ...] = ()
    ahead: Ahead | None = None
    along: bool = False

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return f"{self.spec.name} along the run" if self.along else self.spec.name

    @property
    def active(self) -> bool:
        """Whether it runs or waits for its turn."""
        return self.run is not None and self.run.active


class StudyDesk:
    """Starts studies; holds no widgets. In a library `studies` are those that need no model.

    `prompts` are for both models; None for the demo's own, or before they are named.
    """

    def __init__(
        self,
        workspace: Workspace,
        session: Answerer | None,
        listener: MessagePump,
        settings: Settings,
        prices: Prices,
    ) -> None:
        """Args: what to study; who answers; what receives `StudyRun.Changed`; the settings, costs.

        Without models there is nobody who answers.
        """
        self._workspace, self._session, self._listener = workspace, session, listener
        self._settings, self._prices = settings, prices
        self._library = isinstance(workspace, LibraryWorkspace)
        self._turn = threading.Lock()
        self.prompts: PromptSet | None = None
        self._of_pair = tuple(
            OfferedStudy(spec, pages=pages_of(spec.title, None))
            for spec in studies()
            if spec.takes_stored or not self._library
        )
        self._along = tuple(
            OfferedStudy(spec, pages=pages_of(spec.title, None), along=True)
            for spec in ((*studies(), CHANGES_ALONG) if self.series else ())
        )
        self.along = bool(self.series)

    @property
    def series(self) -> tuple[SeriesModel, ...]:
        """The models of the training run that is open; none of a pair or of stored maps."""
        return self._workspace.series if isinstance(self._workspace, PairWorkspace) else ()

    @property
    def studies(self) -> tuple[OfferedStudy, ...]:
        """Those that are offered now: along the training run, or of its last step."""
        return self._along if self.along else self._of_pair

    @property
    def every(self) -> tuple[OfferedStudy, ...]:
        """Those along the training run and those of its last step."""
        return (*self._along, *self._of_pair)

    def takes_prompts(self, study: OfferedStudy) -> bool:
        """Whether the user can name a study's prompts: stored maps have their own."""
        return not self._library and study.spec.takes == "cases"

    def lacks_prompts(self, study: OfferedStudy) -> bool:
        """Whether prompts must be named before the study can run."""
        if not self.takes_prompts(study):
            return False
        return self.prompts is None and not self._is_demo

    def works_on(self, study: OfferedStudy) -> str:
        """The study's input in words, not yet harmless."""
        if isinstance(self._workspace, LibraryWorkspace):
            return f"the {len(self._workspace.library.cases):,} stored cases; no model is needed"
        if study.along:
            return f"{len(self.series)} steps of a training run, each: {self._at_a_step(study)}"
        return self._at_a_step(study)

    def _at_a_step(self, study: OfferedStudy) -> str:
        if study.spec.takes == "pair":
            return study.spec.works_on
        if self.prompts is not None:
            count, guessed = len(self.prompts.prompts), self.prompts.guessed
            of_which = "" if guessed == count else f" of {guessed:,} of them"
            about = f", the instructions{of_which} guessed" if guessed else ""
            return f"both models' answers to {count:,} prompts of {self.prompts.name}{about}"
        if self._is_demo:
            return "both models' answers to the demo's held-out prompts"
        return "both models' answers to a set of prompts; p names its file"

    @property
    def _is_demo(self) -> bool:
        work = self._workspace
        if isinstance(work, LibraryWorkspace):
            return False
        return is_demo(work.base.name, work.tuned.name)

    def command(self, study: OfferedStudy, prompts: Path | str | None, *, rows: bool) -> str:
        """The command that runs a study on the same input.

        Args:
            study: Which one.
            prompts: The file of the prompts in use, or their name; None for the usual ones.
            rows: Whether it writes its first table instead of printing all findings.
        """
        spec = study.spec
        values = values_of(self._workspace)
        models = ("{stored}", "{models}"), ("{stored_along}", "{along}")
        given = "{results}" if self._library else models[study.along][not spec.word_options]
        words = [f"{{{name}}}" for name in spec.word_options if not self._library]
        values["prompts"] = option("prompts", prompts if self.takes_prompts(study) else None)
        skips = values["prompts"] and self.prompts is not None and self.prompts.skipped
        values["skip"] = option("bad-lines", "skip" if skips else None)
        values["rows"] = ("--csv", "-") if rows else ()
        if spec is CHANGES_ALONG:
            # It writes the rows of a table.
            return command_line(" ".join(["changes", "--summary", given, *words]), values)
        template = ["study", spec.name, "{rows}", given, "{prompts}", "{skip}", *words]
        return command_line(" ".join(template), values)

    def overview_command(self, prompts: Path | str | None) -> str:
        """The command that writes what all studies find; of stored maps there is none."""
        if self._library:
            return ""
        values = values_of(self._workspace)
        values["prompts"] = option("prompts", prompts)
        models = "{along}" if self.along else "{models}"
        given = f"report {models} {{prompts}} {{vocab}} {{vectors}} --out report"
        return command_line(given, values)

    # Looking up what is stored

    def kept(self, study: OfferedStudy) -> Look:
        """What the study found on its input earlier, if that is stored. Called on any thread."""
        look = self._look(study)
        if look.given is None:
            return look
        name, given = study.spec.name, look.given
        if isinstance(given, SeriesInput):
            return look._replace(findings=kept_series(name, given))
        return look._replace(findings=kept_findings(name, given))

    def ahead(self, study: OfferedStudy) -> Look:
        """How far the study is, and what the rest costs. Called on any thread."""
        look = self._look(study)
        try:
            found = None if look.given is None else study.spec.look_ahead(look.given)
        except (ProblemError, OSError):
            # Running it says what is wrong.
            found = None
        if found is None:
            return look
        return look._replace(ahead=ahead_of(found, self._prices))

    def _look(self, study: OfferedStudy) -> Look:
        on, given = self.works_on(study), None
        if not self._library and self._session is not None and not self.lacks_prompts(study):
            try:
                given = self._input(study, self.prompts)
            except (ProblemError, OSError):
                return Look(study, on)
        return Look(study, on, given if isinstance(given, PairInput | SeriesInput) else None)

    def take(self, look: Look) -> None:
        """Take in what was looked up, unless the study has begun or works on other things now."""
        study = look.study
        if study.active or look.on != self.works_on(study):
            return
        study.ahead = look.ahead
        if look.findings is not None and (study.run is None or study.run.state != "done"):
            study.run = None
            self._show(study, look.findings, look.given, look.on)

    def _show(
        self,
        study: OfferedStudy,
        findings: Findings,
        given: CaseLibrary | PairInput | SeriesInput | None,
        on: str,
    ) -> None:
        study.findings, study.given, study.found_on = findings, given, on
        study.pages = pages_of(study.spec.title, findings)

    # Running

    def begin(self, study: OfferedStudy) -> None:
        """Start a study unless it is running; cached results are not computed again."""
        if not study.active:
            study.ahead = None
            spec, prompts = study.spec, self.prompts
            study.runs_on = self.works_on(study)
            study.run = StudyRun(
                spec, lambda: self._input(study, prompts), self._listener, self._turn
            )

    def _input(
        self, study: OfferedStudy, prompts: PromptSet | None
    ) -> CaseLibrary | PairInput | SeriesInput:
        # Called on the run's thread.
        work, spec = self._workspace, study.spec
        if isinstance(work, LibraryWorkspace):
            return work.library.finish()
        if self._session is None:
            raise problem("input", "This study needs two models.")
        if spec.takes == "cases" and prompts is None and self._is_demo:
            prompts = demo_prompts()
        found: dict[str, Any] = {
            "session": self._session,
            "base": work.base,
            "tuned": work.tuned,
            "words": work.words,
            "vectors": work.vectors,
        }
        if spec.takes == "cases":
            found["prompts"] = prompts
        found |= study_options(self._settings.annotation)
        if not study.along:
            return spec.input(found)
        return SeriesInput(
            tuple(
                Step(each.step, spec.input({**found, "tuned": each.model})) for each in work.series
            )
        )

    @property
    def running(self) -> OfferedStudy | None:
        """The running study, else the first one waiting, else None."""
        active = [each for each in self.every if each.active]
        begun = (each for each in active if each.run is not None and each.run.state != "waiting")
        return next(begun, active[0] if active else None)

    def stop(self, study: OfferedStudy | None) -> None:
        """Stop this study if it runs or waits, else the running one."""
        stopped = study if study is not None and study.active else self.running
        if stopped is not None and stopped.run is not None:
            stopped.run.stop()

    def tasks(self, again: Callable[[OfferedStudy], object]) -> list[Task]:
        """Every study that was begun, for the list of jobs; `again` runs one again."""
        return [self._task(study, again) for study in self.every if study.run is not None]

    def _task(self, study: OfferedStudy, again: Callable[[OfferedStudy], object]) -> Task:
        run, name = study.run, study.name
        assert run is not None
        found = run.state
        state: TaskState = "running" if found == "stopping" else found
        if run.active:
            said = progress_text(name, run.progress) if run.progress else ""
            return Task(name, state, said, stop=run.stop)
        said = prose(str(run.problem)) if run.problem else ""
        return Task(name, state, said, again=lambda: again(study))

    def apply(self, run: StudyRun) -> tuple[OfferedStudy, tuple[Problem, ...]] | None:
        """Take in a run's news: its study and new notices; None for a run that was replaced."""
        study = next((each for each in self.every if each.run is run), None)
        if study is None:
            return None
        notices = run.take()
        if run.findings is not None:
            self._show(study, run.findings, run.given, study.runs_on)
            study.ahead = None
        return study, notices

    def leave(self) -> None:
        """Stop all runs at their next step, without further messages."""
        for study in self.every:
            if study.run is not None:
                study.run.leave()
