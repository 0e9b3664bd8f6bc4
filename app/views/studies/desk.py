"""The studies available in a workspace: their input, runs and findings."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.demo.catalog import is_demo
from analysis.methods import StudySpec, studies
from analysis.problems import Problem, problem
from analysis.saliency.cases.prompt_sets import PromptSet, demo_prompts
from analysis.studies.findings import Findings
from app.config import Settings
from app.jobs.study_run import StudyRun
from app.known_descriptions import study_options
from app.views.studies.pages import StudyPage, pages_of
from app.workspace import LibraryWorkspace, Workspace

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.saliency.cases.library import CaseLibrary
    from analysis.studies.study import PairInput
    from app.workspace import SessionLike


@dataclass
class OfferedStudy:
    """A study and its state; holds no widgets.

    `runs_on` is the last run's input in words, not yet harmless; `found_on` and `given` are the
    input of the last finished run, in words and as an object.
    """

    spec: StudySpec
    run: StudyRun | None = None
    runs_on: str = ""
    findings: Findings | None = None
    found_on: str = ""
    given: CaseLibrary | PairInput | None = None
    pages: tuple[StudyPage, ...] = ()

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
        session: SessionLike | None,
        listener: MessagePump,
        settings: Settings,
    ) -> None:
        """Args: what to study; who answers; what receives `StudyRun.Changed`; the settings."""
        self._workspace, self._session, self._listener = workspace, session, listener
        self._settings = settings
        self._library = isinstance(workspace, LibraryWorkspace)
        self._turn = threading.Lock()
        self.prompts: PromptSet | None = None
        self.studies = tuple(
            OfferedStudy(spec, pages=pages_of(spec.title, None))
            for spec in studies()
            if spec.takes_stored or not self._library
        )

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

    def begin(self, study: OfferedStudy) -> None:
        """Start a study unless it is running; cached results are not computed again."""
        if not study.active:
            spec, prompts = study.spec, self.prompts
            study.runs_on = self.works_on(study)
            study.run = StudyRun(
                spec, lambda: self._input(spec, prompts), self._listener, self._turn
            )

    def _input(self, spec: StudySpec, prompts: PromptSet | None) -> CaseLibrary | PairInput:
        # Called on the run's thread.
        work = self._workspace
        if isinstance(work, LibraryWorkspace):
            return work.library
        if self._session is None:
            raise problem("input", "This study needs two models.")
        if spec.takes == "cases" and prompts is None and self._is_demo:
            prompts = demo_prompts()
        found = {
            "session": self._session,
            "base": work.base,
            "tuned": work.tuned,
            "words": work.words,
            "vectors": work.vectors,
        }
        if spec.takes == "cases":
            found["prompts"] = prompts
        return spec.input({**study_options(self._settings.annotation), **found})

    @property
    def running(self) -> OfferedStudy | None:
        """The running study, else the first one waiting, else None."""
        active = [each for each in self.studies if each.active]
        begun = (each for each in active if each.run is not None and each.run.state != "waiting")
        return next(begun, active[0] if active else None)

    def stop(self, study: OfferedStudy) -> None:
        """Stop this study if it runs or waits, else the running one."""
        stopped = study if study.active else self.running
        if stopped is not None and stopped.run is not None:
            stopped.run.stop()

    def apply(self, run: StudyRun) -> tuple[OfferedStudy, tuple[Problem, ...]] | None:
        """Take in a run's news: its study and new notices; None for a run that was replaced."""
        study = next((each for each in self.studies if each.run is run), None)
        if study is None:
            return None
        notices = run.take()
        if run.findings is not None:
            study.findings, study.given = run.findings, run.given
            study.found_on = study.runs_on
            study.pages = pages_of(study.spec.title, run.findings)
        return study, notices

    def leave(self) -> None:
        """Stop all runs at their next step, without further messages."""
        for study in self.studies:
            if study.run is not None:
                study.run.leave()
