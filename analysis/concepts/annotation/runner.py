"""Annotates subjects concurrently; can be cancelled and resumed without asking anything twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.concepts.annotation.annotation import REPEATS, Annotation, Subject
from analysis.concepts.annotation.answer_file import Answers
from analysis.concepts.annotation.asking import Asker
from analysis.concepts.annotation.completer import Completer
from analysis.concepts.annotation.questions import Question, known, read_annotations
from analysis.concepts.annotation.templates import Templates
from analysis.servers.pace import Pace, StoppedError

# Questions under way are already paid for; after a cancel, wait this long for their answers.
GRACE_S = 2.0
_POLL_S = 0.1


@dataclass(frozen=True)
class Progress:
    """How far the work has got.

    `done` counts pairs of subject and repeat with nothing left to ask; `requests` includes failed
    attempts. Tokens are those of answered questions as the server counted them; `unmetered` answers
    it did not count. `waiting_s`: seconds it still wants to wait.
    """

    done: int
    total: int
    requests: int
    input_tokens: int
    output_tokens: int
    unmetered: int
    waiting_s: float


def annotate(
    subjects: Sequence[Subject],
    completer: Completer,
    templates: Templates,
    answers: Answers,
    *,
    repeats: int = REPEATS,
    pace: Pace | None = None,
    cancel: threading.Event | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> tuple[Annotation, ...]:
    """Describe subjects in three steps (METHODS 3, paper appendix D), asking only what is unknown.

    Blocks, with its own event loop; an app calls it on another thread. Every answer is stored as
    soon as it arrives, so after any interruption another call continues from there.

    Args:
        subjects: The components to describe.
        completer: The language model; closed at the end.
        templates: Wording of the questions.
        answers: Where answers are stored.
        repeats: How often to describe each subject.
        pace: Rate limits and retries.
        cancel: Once set, nothing more is asked, and the annotations so far are returned.
        on_progress: Called on the calling thread, a few times a second at most.

    Returns:
        One per subject and repeat, a subject's repeats together.

    Raises:
        ProblemError: ``input`` or ``network`` if the completer does not answer, ``storage`` if
            answers cannot be stored.
    """
    cancel = cancel or threading.Event()
    with answers.writing():
        work = _Work(subjects, completer, templates, answers, repeats, pace or Pace())
        asyncio.run(work.run(cancel, on_progress))
    return read_annotations(subjects, templates, completer.model, answers, repeats=repeats)


class _Work:
    def __init__(
        self,
        subjects: Sequence[Subject],
        completer: Completer,
        templates: Templates,
        answers: Answers,
        repeats: int,
        pace: Pace,
    ) -> None:
        self._completer = completer
        self._templates = templates
        self._answers = answers
        self._pace = pace
        self._asker = Asker(completer, answers, pace)
        # Repeat by repeat, so that stopping early leaves complete repeats.
        self._open = iter([(each, repeat) for repeat in range(repeats) for each in subjects])
        self._total = repeats * len(subjects)
        self._done = 0

    async def run(self, cancel: threading.Event, on_progress: Callable[[Progress], None]) -> None:
        workers = {asyncio.create_task(self._work()) for _ in range(self._pace.concurrency)}
        under_way = set(workers)
        try:
            while under_way and not cancel.is_set():
                done, under_way = await asyncio.wait(
                    under_way, timeout=_POLL_S, return_when=asyncio.FIRST_EXCEPTION
                )
                on_progress(self._progress())
                if _failures(done):
                    break
        finally:
            self._asker.turns.stop()
            if under_way:
                _, late = await asyncio.wait(under_way, timeout=GRACE_S)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            on_progress(self._progress())
            await self._completer.aclose()
        for failure in _failures(workers):
            raise failure

    async def _work(self) -> None:
        for subject, repeat in self._open:
            while questions := self._pending(subject, repeat):
                for question in questions:
                    try:
                        await self._asker.ask(question)
                    except StoppedError:
                        return
            self._done += 1
            await asyncio.sleep(0)  # yield to other tasks even if all answers are known

    def _pending(self, subject: Subject, repeat: int) -> tuple[Question, ...]:
        model = self._completer.model
        return known(subject, repeat, self._templates, model, self._answers)[1]

    def _progress(self) -> Progress:
        asker = self._asker
        return Progress(
            done=self._done,
            total=self._total,
            requests=asker.turns.requests,
            input_tokens=asker.input_tokens,
            output_tokens=asker.output_tokens,
            unmetered=asker.unmetered,
            waiting_s=asker.turns.waiting_s,
        )


def _failures(tasks: set[asyncio.Task[None]]) -> list[BaseException]:
    ended = [task for task in tasks if task.done() and not task.cancelled()]
    return [error for task in ended if (error := task.exception()) is not None]
