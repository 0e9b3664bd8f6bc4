"""Estimates how many questions annotation would ask and their cost, before asking any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.concepts.annotation.annotation import REPEATS, Step, Subject
from analysis.concepts.annotation.completer import Message
from analysis.concepts.annotation.questions import KnownAnswers, Question, first_question, known
from analysis.concepts.annotation.templates import Templates

# English prose has four characters per token; word lists with rare words have about three.
CHARACTERS_PER_TOKEN = 3
TOKENS_PER_TURN = 4
_FOLLOW_UPS: tuple[Step, ...] = ("scenarios", "level")
_STAND_IN = "a description of some words"


@dataclass(frozen=True)
class Prices:
    """An endpoint's prices for a million tokens sent and received, in any currency."""

    input_tokens: float
    output_tokens: float

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """The price of these tokens."""
        return (self.input_tokens * input_tokens + self.output_tokens * output_tokens) / 1_000_000


@dataclass(frozen=True)
class Plan:
    """Upper bounds of what is left to ask.

    Fewer questions follow if words have no description, or several share the same one. `complete`
    counts pairs of subject and repeat with nothing left to ask; `requests` leaves out retries.
    Input tokens are estimated on the high side, output tokens are their limit; `cost` is in the
    currency of the prices, None without them.
    """

    subjects: int
    repeats: int
    complete: int
    requests: int
    input_tokens: int
    output_tokens: int
    cost: float | None

    def text(self) -> str:
        """The plan as text for the user, who decides whether to continue."""
        done = f"{self.complete:,} of {self.subjects * self.repeats:,} are already described."
        if self.requests == 0:
            return f"Nothing has to be asked: {done}"
        cost = (
            "The cost is unknown: give the prices of a million tokens, --price-in and --price-out."
            if self.cost is None
            else "That costs nothing."
            if self.cost == 0.0
            else f"That costs {_money(self.cost)} at most, in the currency of the prices."
        )
        return (
            f"{self.subjects:,} components, {self.repeats} times each; {done}\n"
            f"At most {self.requests:,} requests with about {self.input_tokens:,} tokens,"
            f" and at most {self.output_tokens:,} tokens in answers.\n{cost}"
        )


def plan(
    subjects: Sequence[Subject],
    templates: Templates,
    model: str,
    answers: KnownAnswers,
    *,
    repeats: int = REPEATS,
    prices: Prices | None = None,
) -> Plan:
    """Count the questions `runner.annotate` would ask with the same arguments; asks nothing."""
    pending: dict[str, Question] = {}
    complete = undescribed = 0
    for subject in subjects:
        for repeat in range(repeats):
            annotation, questions = known(subject, repeat, templates, model, answers)
            complete += annotation.complete
            pending.update((question.key(model), question) for question in questions)
            undescribed += annotation.outcome == "unanswered"
    input_tokens = sum(_tokens(question.messages) for question in pending.values())
    output_tokens = sum(question.max_tokens for question in pending.values())
    for step in _FOLLOW_UPS:
        input_tokens += undescribed * _tokens(templates.messages(step, _STAND_IN))
        output_tokens += undescribed * templates.template(step).max_tokens
    return Plan(
        subjects=len(subjects),
        repeats=repeats,
        complete=complete,
        requests=len(pending) + undescribed * len(_FOLLOW_UPS),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost=None if prices is None else prices.cost(input_tokens, output_tokens),
    )


def first_prompts(subjects: Sequence[Subject], templates: Templates) -> str:
    """What would be sent for the first subject, turn by turn, for a dry run."""
    parts: list[str] = []
    for subject in subjects[:1]:
        parts += _turns("description", first_question(templates, subject, 0).messages)
    for step in _FOLLOW_UPS:
        parts += _turns(step, templates.messages(step, "(the description)"))
    return "\n".join(parts)


def _turns(step: Step, messages: Iterable[Message]) -> list[str]:
    turns = [f"  {turn.role}: {turn.content}" for turn in messages]
    return [f"{step}:", *turns, ""]


def _tokens(messages: tuple[Message, ...]) -> int:
    characters = sum(len(turn.content) for turn in messages)
    return TOKENS_PER_TURN * len(messages) + -(-characters // CHARACTERS_PER_TOKEN)


def _money(cost: float) -> str:
    return f"{cost:,.2f}" if cost >= 0.01 else "less than 0.01"
