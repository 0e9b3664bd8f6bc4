"""One model's side of the Saliency view: its gradient, its occlusion, or a stored map.

A side is explained on the model's own response first, and on others where the user asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np

from analysis.problems import Problem
from analysis.saliency import request as requested
from analysis.saliency.agreement import Agreement
from analysis.saliency.faithfulness import Faithfulness
from analysis.saliency.gather import Written, given_response
from analysis.saliency.map import SaliencyMap
from analysis.saliency.result import Attribution
from app.links import StoredMap
from app.terminal.text import prose
from app.views.saliency.answer import Answer

Method = Literal["gradient", "frozen norms", "occlusion", "difference"]
"""What the maps show: a way to explain a response, or how gradient and occlusion differ."""

METHODS: tuple[Method, ...] = ("gradient", "frozen norms", "occlusion", "difference")

_ASKED: dict[Method, requested.Method] = {
    "frozen norms": "frozen_norms",
    "occlusion": "occlusion",
    "difference": "occlusion",
}
"""What explains the gradient's response once more, for each method but the gradient."""

Whose = Literal["own", "base", "tuned", "golden"]
"""Whose response is explained: each model's own, one model's in both, or one that was given."""

WHOSE: tuple[Whose, ...] = ("own", "base", "tuned", "golden")


@dataclass
class Explained:
    """The ways to explain one response: by the gradient, and by others once they are wanted."""

    gradient: Answer
    others: dict[requested.Method, Answer] = field(default_factory=dict)

    @property
    def answers(self) -> list[Answer]:
        return [self.gradient, *self.others.values()]


class Side:
    """One model's answers and maps; holds no widgets.

    A `stored` map from a case library leaves nothing to ask; `note` is a remark about it.
    `gradient` explains the response shown, the model's own unless `whose` says otherwise, and
    generates it if need be; the `others` explain the same one, each once it is wanted.
    """

    def __init__(
        self,
        name: str,
        *,
        request: requested.AttributionRequest | None = None,
        stored: SaliencyMap | None = None,
        problem: Problem | None = None,
        note: str = "",
    ) -> None:
        self.name = name
        self.note = note
        self.stored = stored
        self.whose: Whose = "own"
        self._explained: dict[Whose, Explained] = {"own": Explained(Answer(request, problem))}
        self._said = ""
        self._agreements: dict[Method, Agreement] = {}

    @property
    def own(self) -> Answer:
        """The answer that generates and explains the model's own response."""
        return self._explained["own"].gradient

    @property
    def gradient(self) -> Answer:
        return self._explained[self.whose].gradient

    @property
    def shown(self) -> list[Answer]:
        """The answers about the response that is shown."""
        return self._explained[self.whose].answers

    @property
    def others(self) -> dict[requested.Method, Answer]:
        return self._explained[self.whose].others

    def other(self, method: Method) -> Answer | None:
        """The answer beside the gradient that a method shows; None if there is none yet."""
        return self.others.get(_ASKED[method]) if method in _ASKED else None

    def name_of(self, answer: Answer) -> str:
        """The model, and by what it is explained if not by the gradient."""
        every = (pair for each in self._explained.values() for pair in each.others.items())
        method = next((method for method, each in every if each is answer), "")
        return f"{self.name}, {method.replace('_', ' ')}" if method else self.name

    @property
    def answers(self) -> list[Answer]:
        """All answers, about every response that was asked about."""
        every = (answer for each in self._explained.values() for answer in each.answers)
        return list(dict.fromkeys(every))

    @property
    def response(self) -> Written | None:
        """The model's own response, for others to be explained on; None until it is complete."""
        found, request = self.own.attribution, self.own.request
        if not self.own.whole or found is None or request is None:
            return None
        return Written.of(found, request.model) if len(found.response_tokens) else None

    def turn_to(self, whose: Whose, written: Written | None, said: str) -> Answer | None:
        """Show what explains another response, and return it if it has to be asked for.

        Args:
            whose: Whose response it is.
            written: The response; None for the model's own.
            said: What the title calls it.
        """
        request = self.own.request
        if whose not in self._explained and request is not None:
            own = self._explained["own"]
            self._explained[whose] = (
                own
                if written is None or written.by == request.model
                else Explained(Answer(given_response(request, written)))
            )
        if whose in self._explained:
            self.whose, self._said = whose, said
        return self.gradient if self.gradient.can_run else None

    def forget(self, whose: Whose) -> None:
        """Drop what explains a response that is not there any more."""
        old = self._explained.pop(whose, None)
        for answer in () if old is None else old.answers:
            if answer.watch is not None:
                answer.watch.drop()
        if self.whose == whose:
            self.whose, self._said = "own", ""

    @property
    def running(self) -> bool:
        return any(answer.running for answer in self.answers)

    @property
    def can_run(self) -> bool:
        """Whether anything failed, was stopped or was not asked yet."""
        return any(answer.can_run for answer in self.answers)

    @property
    def explained(self) -> Attribution | None:
        """The complete gradient, if other methods can explain its response; else None."""
        answer = self.gradient
        if not answer.whole or answer.attribution is None:
            return None
        return answer.attribution if len(answer.attribution.response_tokens) else None

    def want(self, method: Method) -> Answer | None:
        """The same response by another method, to be requested; None while it cannot be.

        One that failed is not repeated: it would most likely fail again.
        """
        request, explained = self.gradient.request, self.explained
        if method not in _ASKED:
            return None
        if self.other(method) is None and request is not None and explained is not None:
            self.others[_ASKED[method]] = Answer(
                msgspec.structs.replace(
                    request,
                    response=None,
                    response_ids=explained.response_tokens.ids,
                    # These ids are this model's own, whoever wrote the response.
                    written_by=msgspec.UNSET,
                    method=_ASKED[method],
                )
            )
        wanted = self.other(method)
        return wanted if wanted is not None and wanted.can_run and not wanted.problem else None

    def maps(
        self, method: Method, *, include_special: bool
    ) -> tuple[SaliencyMap | None, SaliencyMap | None]:
        """The map to show and the one to subtract from it, or None."""
        gradient = self.stored or self.gradient.map(include_special=include_special)
        if method == "gradient" or gradient is None:
            return gradient, None
        other = self._other_map(method, include_special=include_special)
        if method != "difference" or other is None:
            return other, None
        return gradient, other

    def map_on(self, whose: Whose, method: Method, *, include_special: bool) -> SaliencyMap | None:
        """The map of another response, by the gradient or what explains it beside; None if none."""
        explained = self._explained.get(whose)
        if explained is None:
            return None
        asked = _ASKED.get(method)
        answer = explained.gradient if asked is None else explained.others.get(asked)
        if answer is None or not answer.whole:
            return None
        return answer.map(include_special=include_special)

    def _other_map(self, method: Method, *, include_special: bool) -> SaliencyMap | None:
        """Another method's map, empty before its first result; None if it failed."""
        answer, gradient = self.other(method), self.gradient.attribution
        if answer is not None and (answer.attribution is not None or answer.problem is not None):
            return answer.map(include_special=include_special)
        if gradient is None:
            return None
        # Nor do the gradient's totals stand in for those of another method.
        nothing = msgspec.structs.replace(
            gradient,
            importance=np.full_like(gradient.importance, np.nan),
            totals=np.zeros(0, np.float32),
        )
        return SaliencyMap.from_attribution(nothing, include_special=include_special)

    def agreement(self, method: Method, *, include_special: bool) -> Agreement | None:
        """The agreement of a method with occlusion, cached; None unless both are complete.

        Occlusion is compared with the gradient.
        """
        explained, occlusion = self.gradient, self.other("occlusion")
        if method == "frozen norms":
            explained = self.other(method) or Answer()
        if occlusion is None or not (explained.whole and occlusion.whole):
            return None
        first = explained.map(include_special=include_special)
        second = occlusion.map(include_special=include_special)
        if first is None or second is None or not first.visible.any():
            return None
        compared: Method = "frozen norms" if method == "frozen norms" else "gradient"
        known = self._agreements.get(compared)
        if known is None or known.first is not first or known.second is not second:
            known = self._agreements[compared] = Agreement(first, second)
        return known

    def answer(self, method: Method) -> Answer:
        """The answer that a method depends on."""
        return self.other(method) or self.gradient

    def faithfulness(self, method: Method) -> Faithfulness | None:
        """How far a gradient's map agrees with deletion; None for other methods, and if unknown."""
        if method not in ("gradient", "frozen norms"):
            return None
        answer = self.gradient if method == "gradient" else self.other(method)
        return answer.attribution.faithfulness if answer and answer.attribution else None

    def words(self, method: Method, behind: str) -> str:
        """The text shown without a map: problem, growing response, or what is awaited.

        `behind` says what this side waits for, if that is known.
        """
        answer = self.answer(method)
        waiting = (behind or "Waiting for its turn.") if answer.running else ""
        return answer.words() or answer.progress_line(self.name) or waiting

    def title(self, method: Method, *, provisional: bool) -> str:
        """The pane's title: model, method and remarks; harmless."""
        answer = self.answer(method)
        if self.gradient.request is None:
            return prose(self.note) or ", ".join(answer.notes())
        notes = answer.notes()
        if method != "gradient" or self._said:
            # Only the second explanation of an own response had it given; another one is named.
            notes = [note for note in notes if note != "given response"]
            if answer.whole and not self._said and self.own.ended == "cut at the limit":
                notes.insert(0, self.own.ended)
        if provisional:
            notes.append("provisional")
        shown = method + _ran(answer.attribution, method) if answer.whole else method
        said = [prose(self._said)] if self._said else []
        return " · ".join([shown, *said, *([", ".join(notes)] if notes else [])])

    def remarks(self, method: Method) -> list[str]:
        """Remarks on how the maps were computed; harmless."""
        compared = [self.gradient] if method == "difference" else []
        answers = [*compared, self.answer(method)]
        return [
            prose(f"{self.name}: {answer.attribution.note}")
            for answer in answers
            if answer.whole and answer.attribution is not None and answer.attribution.note
        ]


def stored_sides(maps: Sequence[StoredMap]) -> list[Side]:
    """Two sides for a stored case; with only one map the second has no name."""
    sides = [
        Side(each.model, stored=each.shown, problem=each.problem, note=each.note) for each in maps
    ]
    return [*sides, Side("")][:2]


def _ran(attribution: Attribution | None, method: Method) -> str:
    """The algorithm that ran, and its precision if not float32, in brackets."""
    if attribution is None:
        return ""
    algorithm = attribution.method.removeprefix("frozen_norms_")
    parts = [algorithm if method in ("gradient", "frozen norms") else ""]
    if attribution.passes_dtype != "float32":
        parts.append(attribution.passes_dtype)
    words = prose(", ".join(part for part in parts if part))
    return f" ({words})" if words else ""
