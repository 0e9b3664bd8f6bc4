"""The three steps as questions, and which of them are answered or still open for a subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from analysis.concepts.annotation.annotation import Annotation, Gap, Scenario, Step, Subject
from analysis.concepts.annotation.completer import Completion, Message
from analysis.concepts.annotation.parsing import (
    CANNOT_TELL,
    parse_description,
    parse_level,
    parse_scenarios,
)
from analysis.concepts.annotation.templates import Templates
from analysis.concepts.tables import Level
from cache.codec import key

TOP_P = 0.9
_VERSION = 1


class Question(msgspec.Struct, frozen=True):
    """A conversation to continue.

    `temperature` is 0, or 1 for descriptions in all repeats but the first; `repeat` is the one that
    samples it, 0 at temperature 0, where all repeats ask the same.
    """

    step: Step
    messages: tuple[Message, ...]
    temperature: float
    repeat: int
    max_tokens: int

    def key(self, model: str) -> str:
        """Identifies a language model's answer, whichever endpoint serves it."""
        asked = (self.messages, self.temperature, self.repeat, self.max_tokens)
        return key("annotation", _VERSION, (model,), asked)


class KnownAnswers(Protocol):
    """Answers that are already stored."""

    def get(self, key: str) -> Completion | None:
        """The answer to the question with this key; None if there is none."""


def word_list(words: Iterable[str]) -> str:
    """Words in the form they are sent: on one line, separated by commas."""
    return ", ".join(text for text in (" ".join(word.split()) for word in words) if text)


def first_question(templates: Templates, subject: Subject, repeat: int) -> Question:
    """Step 1: what these words have in common. Greedy in the first repeat, sampled later."""
    return Question(
        step="description",
        messages=templates.messages("description", word_list(subject.words)),
        temperature=0.0 if repeat == 0 else 1.0,
        repeat=repeat,
        max_tokens=templates.description.max_tokens,
    )


def follow_up(templates: Templates, step: Step, description: str) -> Question:
    """Step 2 or 3: what the concept is useful for, or its linguistic level."""
    return Question(
        step=step,
        messages=templates.messages(step, description),
        temperature=0.0,
        repeat=0,
        max_tokens=templates.template(step).max_tokens,
    )


def known(
    subject: Subject, repeat: int, templates: Templates, model: str, answers: KnownAnswers
) -> tuple[Annotation, tuple[Question, ...]]:
    """A subject's annotation from the answers so far, and the next questions; () if none."""
    question = first_question(templates, subject, repeat)
    answer = answers.get(question.key(model))
    if answer is None:
        return Annotation(subject, repeat, "unanswered"), (question,)
    description = None if answer.gap else parse_description(answer.text)
    raw = (answer.text, None, None)
    gaps = _gaps(answer)
    if description is None:
        unparsed: tuple[Step, ...] = ("description",)
        return Annotation(subject, repeat, "unparsed", raw=raw, unparsed=unparsed, gaps=gaps), ()
    if description == CANNOT_TELL:
        return Annotation(subject, repeat, "cannot tell", raw=raw), ()
    for_scenarios = follow_up(templates, "scenarios", description)
    for_level = follow_up(templates, "level", description)
    scenarios_answer = answers.get(for_scenarios.key(model))
    level_answer = answers.get(for_level.key(model))
    scenarios: tuple[Scenario, ...] | None = None
    level: Level | None = None
    failed: list[Step] = []
    if scenarios_answer is not None:
        scenarios = None if scenarios_answer.gap else parse_scenarios(scenarios_answer.text)
        failed += ["scenarios"] if scenarios is None else []
    if level_answer is not None:
        level = None if level_answer.gap else parse_level(level_answer.text)
        failed += ["level"] if level is None else []
    annotation = Annotation(
        subject,
        repeat,
        "described",
        description=description,
        scenarios=scenarios,
        level=level,
        raw=(answer.text, _text(scenarios_answer), _text(level_answer)),
        unparsed=tuple(failed),
        gaps=_gaps(scenarios_answer, level_answer),
    )
    pending = ((for_scenarios, scenarios_answer), (for_level, level_answer))
    return annotation, tuple(question for question, answer in pending if answer is None)


def read_annotations(
    subjects: Iterable[Subject],
    templates: Templates,
    model: str,
    answers: KnownAnswers,
    *,
    repeats: int,
) -> tuple[Annotation, ...]:
    """The annotations of some subjects from stored answers; asks nothing.

    One per subject and repeat, a subject's repeats together, including ``unanswered`` ones.
    """
    return tuple(
        known(subject, repeat, templates, model, answers)[0]
        for subject in subjects
        for repeat in range(repeats)
    )


def _gaps(*answers: Completion | None) -> tuple[Gap, ...]:
    return tuple(dict.fromkeys(each.gap for each in answers if each is not None and each.gap))


def _text(answer: Completion | None) -> str | None:
    return None if answer is None else answer.text
