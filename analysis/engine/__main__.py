"""The engine process, where torch and the models live.

`analysis.session.process` runs it as ``python -P -m analysis.engine``. Requests arrive on standard
input and events leave on standard output, both framed by `analysis.session.protocol`. Requests are
answered one at a time; a cancel takes effect when the analysis next yields. When standard input
closes, the session is gone and the process exits at once, even in the middle of a computation.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from analysis.events import Cancelled, Event, Failed, Finished, Pause, Progress, Steps
from analysis.models.scratch import remove_all
from analysis.problems import Problem, ProblemError
from analysis.request import named
from analysis.session.protocol import Cancel, Holds, Run, Said, ToEngine, frame, read_frame
from cache.codec import decode

if TYPE_CHECKING:
    from analysis.engine.pool import ModelPool

# Faster updates than anyone can see would only delay drawing in the user interface.
_PROGRESS_INTERVAL_S = 0.05
# Typing must stay smooth while every core computes. With a much higher value the engine would
# hardly get any time while other programs compute.
_NICENESS = 5
_AUTOGROUP = Path("/proc/self/autogroup")


class Engine:
    """Answers requests one after another and keeps the models in between."""

    def __init__(self, requests: BinaryIO, events: BinaryIO) -> None:
        self._requests = requests
        self._events = events
        self._waiting: queue.SimpleQueue[Run] = queue.SimpleQueue()
        self._given_up: set[int] = set()
        # The jobs that were cancelled or told to go on, for one that pauses.
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._last_progress: tuple[str, float] = ("", 0.0)

    def serve(self) -> None:
        """Answer requests until the session closes the pipe."""
        threading.Thread(target=self._listen, name="requests", daemon=True).start()
        # Imported once the listener runs, so that closing the pipe ends even a slow start.
        from analysis.engine.pool import ModelPool

        models = ModelPool()
        self._send(Holds(models.facts()))
        while True:
            self._answer(self._waiting.get(), models)

    def _listen(self) -> None:
        while (body := read_frame(self._requests)) is not None:
            message: ToEngine = decode(body, ToEngine)
            if isinstance(message, Run):
                self._waiting.put(message)
                continue
            if isinstance(message, Cancel):
                self._given_up.add(message.job)
            self._told.put(message.job)
        # Nobody is left to answer. Exit with no other clean-up: a running kernel cannot be
        # interrupted.
        remove_all()
        os._exit(0)

    def _answer(self, run: Run, models: ModelPool) -> None:
        ending: Event
        try:
            ending = self._follow(run, models)
        except ProblemError as error:
            ending = Failed(error.problem)
        except BaseException as error:
            ending = Failed(problem_of(error))
            if ending.problem.kind == "internal":
                traceback.print_exc()
        if isinstance(ending, Failed) and ending.problem.kind == "memory":
            models.release_working_memory()
        self._given_up.discard(run.job)
        self._send(Holds(models.facts()))
        self._send(Said.of(run.job, ending))

    def _follow(self, run: Run, models: ModelPool) -> Event:
        request = run.asked()
        function: Callable[..., Steps[Any]] = named(request.function)
        steps = function(request, models)
        try:
            while run.job not in self._given_up:
                try:
                    event = next(steps)
                except StopIteration as stop:
                    return Finished(stop.value)
                if not self._is_too_soon(event):
                    self._send(Said.of(run.job, event))
                if isinstance(event, Pause):
                    self._wait_for_word(run.job)
            return Cancelled()
        finally:
            steps.close()

    def _wait_for_word(self, job: int) -> None:
        """Wait until the session cancels the job or tells it to go on."""
        while self._told.get() != job:
            pass

    def _is_too_soon(self, event: Event) -> bool:
        if not isinstance(event, Progress) or event.done == event.total:
            return False
        stage, when = self._last_progress
        now = time.monotonic()
        if event.stage == stage and now - when < _PROGRESS_INTERVAL_S:
            return True
        self._last_progress = (event.stage, now)
        return False

    def _send(self, message: Said | Holds) -> None:
        self._events.write(frame(message))
        self._events.flush()


def problem_of(error: BaseException) -> Problem:
    from analysis.engine.memory import is_out_of_memory

    if is_out_of_memory(error):
        return Problem(
            kind="memory",
            what="The device ran out of memory.",
            why=str(error).strip().splitlines()[0] if str(error).strip() else "",
            remedy="Use a shorter prompt or response, a smaller dtype, or another device.",
        )
    return Problem(
        kind="internal",
        what="The engine met an error it did not expect.",
        why=f"{type(error).__name__}: {error}",
        remedy="Please report it with the prompt and the model's name.",
    )


def give_way() -> None:
    """Lower the engine's priority, so that the user interface stays responsive.

    Linux may divide the processor among sessions before it looks at niceness (sched(7),
    autogroups). The engine leads a session of its own, so the autogroup is reniced as well.
    """
    os.nice(_NICENESS)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            _AUTOGROUP.write_text(str(_NICENESS))


def main() -> None:
    requests = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb")
    # A library's output must not land between two messages.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if sys.platform != "win32":
        give_way()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        Engine(requests, events).serve()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
