"""One run of a study: on its own thread, watched and stopped from the screen.

The thread is a daemon rather than a Textual worker, which would delay exit: when the session is
closed, a study may be waiting for an engine's answer that never comes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, cast

from textual.message import Message

from analysis.events import Notice, Progress
from analysis.problems import Problem, ProblemError
from analysis.studies.findings import Findings
from app.jobs.pace import Pace

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.methods import StudySpec
    from analysis.studies.study import Study

State = Literal["waiting", "running", "stopping", "stopped", "done", "failed"]


class StudyRun:
    """Starts when constructed; holds no widgets.

    Attributes:
        spec: Which study.
        given: The study's input; None until it is prepared.
        progress: The newest report.
        pace: The rate of the current stage.
        findings: The result; None until the end.
        problem: Why it failed, if it did.
        notices: Messages the user has not seen yet.
    """

    class Changed(Message):
        """There is news; at most one such message is queued."""

        def __init__(self, run: StudyRun) -> None:
            super().__init__()
            self.run = run

    def __init__(
        self,
        spec: StudySpec,
        prepare: Callable[[], Any],
        listener: MessagePump,
        turn: threading.Lock,
    ) -> None:
        """Starts the thread.

        Args:
            spec: Which study.
            prepare: Makes the study's input, on the thread; may raise ProblemError.
            listener: Receives `Changed`.
            turn: The lock shared by all runs, so that one study runs at a time.
        """
        self.spec = spec
        self.given: Any | None = None
        self.progress: Progress | None = None
        self.pace = Pace()
        self.findings: Findings | None = None
        self.problem: Problem | None = None
        self.notices: list[Problem] = []
        self._prepare, self._listener, self._turn = prepare, listener, turn
        self._noticed: set[str] = set()
        self._begun = self._ended = self._told = self._silent = False
        self._stop = threading.Event()
        threading.Thread(target=self._wait_and_drive, name=spec.name, daemon=True).start()

    @property
    def state(self) -> State:
        """Its current state."""
        if self.findings is not None:
            return "done"
        if self.problem is not None:
            return "failed"
        if self._stop.is_set():
            return "stopping" if self._begun and not self._ended else "stopped"
        return "running" if self._begun else "waiting"

    @property
    def active(self) -> bool:
        """Whether it runs or waits for its turn."""
        return self.state in ("waiting", "running", "stopping")

    def stop(self) -> None:
        """Ask it to end at the next step; what it computed so far is in the cache."""
        self._stop.set()

    def leave(self) -> None:
        """Stop without further messages and without waiting."""
        self._silent = True
        self._stop.set()

    def take(self) -> tuple[Problem, ...]:
        """Return and clear the new notices; call it for every `Changed`."""
        self._told = False
        taken = tuple(self.notices)
        del self.notices[: len(taken)]
        return taken

    # On its own thread

    def _wait_and_drive(self) -> None:
        with self._turn:
            if not self._stop.is_set():
                self._begun = True
                self._tell()
                self._drive()
        self._ended = True
        self._tell()

    def _drive(self) -> None:
        try:
            self.given = self._prepare()
            self.findings = self._follow(self.spec.start(self.given))
        except ProblemError as error:
            self._fail(error.problem)
        except OSError as error:
            self._fail(Problem(kind="storage", what="A file could not be used.", why=str(error)))
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            self._fail(Problem(kind="internal", what="The study ran into a defect.", why=why))

    def _follow(self, study: Study) -> Findings | None:
        """Drive the generator; None if stopped."""
        try:
            while not self._stop.is_set():
                progress = next(study)
                if isinstance(progress, Notice):
                    self._hear(progress.problem)
                    continue
                if progress == self.progress:
                    continue
                if self.progress is None or self.progress.stage != progress.stage:
                    self.pace = Pace()
                self.pace.reached(progress.done)
                self.progress = progress
                self._tell()
        except StopIteration as end:
            return cast("Findings", end.value)
        finally:
            study.close()
        return None

    def _fail(self, problem: Problem) -> None:
        # Stopping is not a failure.
        if not self._stop.is_set():
            self.problem = problem

    def _hear(self, problem: Problem) -> None:
        # Report once: a full disk stays full for every case.
        if str(problem) not in self._noticed:
            self._noticed.add(str(problem))
            self.notices.append(problem)
            self._tell()

    def _tell(self) -> None:
        if not (self._told or self._silent):
            self._told = True
            self._listener.post_message(self.Changed(self))
