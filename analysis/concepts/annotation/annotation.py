"""Subjects and their annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from analysis.concepts.tables import Level

Step = Literal["description", "scenarios", "level"]
Scenario = Literal[
    "daily writing",
    "literary writing",
    "professional writing",
    "math",
    "coding",
    "translation",
]
Outcome = Literal["described", "cannot tell", "unparsed", "unanswered"]
Gap = Literal["cut", "filter", "refusal", "empty"]

STEPS: tuple[Step, ...] = get_args(Step)
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)

REPEATS = 5


class Subject(msgspec.Struct, frozen=True):
    """One principal component of a feed-forward network; only its words are ever sent.

    `component` is its rank by explained variance; it, layers and experts count from 0, and -1 is a
    dense model. The nearest words come first.
    """

    model: str
    layer: int
    component: int
    words: tuple[str, ...]
    expert: int = -1


class Annotation(msgspec.Struct, frozen=True):
    """A language model's annotation of a subject in one repeat.

    Attributes:
        subject: The component.
        repeat: From 0.
        outcome: Result of the first step; ``unanswered`` if not asked yet.
        description: The concept in a few words; None unless the outcome is ``described``.
        scenarios: What it is useful for, possibly nothing; None if not asked yet or unparsed.
        level: Linguistic level; None if not asked yet or unparsed.
        raw: The raw answer of each step; None if there is none.
        unparsed: Steps whose answers are not valid.
        gaps: Reasons why steps lack the model's complete answer, each once.
    """

    subject: Subject
    repeat: int
    outcome: Outcome
    description: str | None = None
    scenarios: tuple[Scenario, ...] | None = None
    level: Level | None = None
    raw: tuple[str | None, str | None, str | None] = (None, None, None)
    unparsed: tuple[Step, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all questions have been asked."""
        if self.outcome == "described":
            return None not in self.raw
        return self.outcome != "unanswered"


_GAP_SENTENCES: dict[Gap, str] = {
    "cut": "has an answer that was cut at the limit of tokens. A model that thinks before it"
    " answers needs a higher max_tokens: change it in a copy of the templates, and name that with"
    " --templates.",
    "filter": "has no answer because a filter of the server's withheld it. Another model or server"
    " may answer.",
    "refusal": "has no answer because the model refused to give one. Another model may answer.",
    "empty": "has an empty answer. A model that thinks before it answers may have spent its tokens"
    " on that: change max_tokens in a copy of the templates, and name that with --templates.",
}


def gap_notes(annotations: Sequence[Annotation]) -> tuple[str, ...]:
    """A sentence or two for every reason that occurs; they count as not understood."""
    counts = Counter(gap for each in annotations for gap in each.gaps)
    total = len(annotations)
    return tuple(
        f"{counts[gap]:,} of {total:,} descriptions {_plural(words, counts[gap])}"
        for gap, words in _GAP_SENTENCES.items()
        if counts[gap]
    )


def _plural(words: str, count: int) -> str:
    return words if count == 1 else words.replace("has", "have", 1)
