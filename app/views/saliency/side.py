"""One model's side of the Saliency view: its gradient, its occlusion, or a stored map.

A side is explained on the model's own response first, and on others where the user asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from analysis.problems import Problem
from analysis.saliency.agreement import Agreement
from analysis.saliency.gather import Written, given_response
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution
from app.links import StoredMap
from app.terminal.text import prose
from app.views.saliency.answer import Answer

Method = Literal["gradient", "occlusion", "difference"]
"""What the maps show: one of two ways to explain a response, or their difference."""

METHODS: tuple[Method, ...] = ("gradient", "occlusion", "difference")

Whose = Literal["own", "base", "tuned", "golden"]
"""Whose response is explained: each model's own, one model's in both, or one that was given."""

WHOSE: tuple[Whose, ...] = ("own", "base", "tuned", "golden")


@dataclass
class Explained:
    """Two ways to explain one response; the second is None before it is wanted."""

    gradient: Answer
    occlusion: Answer | None = None


class Side:
    """One model's answers and maps; holds no widgets.

    A `stored` map from a case library leaves nothing to ask; `note` is a remark about it.
    `gradient` explains the response shown, the model's own unless `whose` says otherwise, and
    generates it if need be; `occlusion` explains the same one, None before it is wanted.
    """

    def __init__(
        self,
        name: str,
        *,
        request: AttributionRequest | None = None,
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
        self._agreement: Agreement | None = None

    @property
    def own(self) -> Answer:
        """The answer that generates and explains the model's own response."""
        return self._explained["own"].gradient

    @property
    def gradient(self) -> Answer:
        return self._explained[self.whose].gradient

    @property
    def occlusion(self) -> Answer | None:
        return self._explained[self.whose].occlusion

    @property
    def shown(self) -> list[Answer]:
        """The answers about the response that is shown."""
        return [self.gradient] if self.occlusion is None else [self.gradient, self.occlusion]

    @property
    def answers(self) -> list[Answer]:
        """All answers, about every response that was asked about."""
        every = [
            answer
            for each in self._explained.values()
            for answer in (each.gradient, each.occlusion)
            if answer is not None
        ]
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
        for answer in () if old is None else (old.gradient, old.occlusion):
            if answer is not None and answer.watch is not None:
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

    def want_occlusion(self) -> Answer | None:
        """The occlusion of the same response, to be requested; None while it cannot be.

        One that failed is not repeated: it would most likely fail again.
        """
        request, explained = self.gradient.request, self.explained
        if self.occlusion is None and request is not None and explained is not None:
            self._explained[self.whose].occlusion = Answer(
                msgspec.structs.replace(
                    request,
                    response=None,
                    response_ids=explained.response_tokens.ids,
                    # These ids are this model's own, whoever wrote the response.
                    written_by=msgspec.UNSET,
                    method="occlusion",
                )
            )
        wanted = self.occlusion
        return wanted if wanted is not None and wanted.can_run and not wanted.problem else None

    def maps(
        self, method: Method, *, include_special: bool
    ) -> tuple[SaliencyMap | None, SaliencyMap | None]:
        """The map to show and the one to subtract from it, or None."""
        gradient = self.stored or self.gradient.map(include_special=include_special)
        if method == "gradient" or gradient is None:
            return gradient, None
        occlusion = self._occlusion_map(include_special=include_special)
        if method == "occlusion" or occlusion is None:
            return occlusion, None
        return gradient, occlusion

    def _occlusion_map(self, *, include_special: bool) -> SaliencyMap | None:
        """The occlusion's map, empty before its first result; None if it failed."""
        answer, gradient = self.occlusion, self.gradient.attribution
        if answer is not None and (answer.attribution is not None or answer.problem is not None):
            return answer.map(include_special=include_special)
        if gradient is None:
            return None
        nothing = msgspec.structs.replace(
            gradient, importance=np.full_like(gradient.importance, np.nan)
        )
        return SaliencyMap.from_attribution(nothing, include_special=include_special)

    def agreement(self, *, include_special: bool) -> Agreement | None:
        """The agreement of gradient and occlusion, cached; None unless both are complete."""
        gradient, occlusion = self.gradient, self.occlusion
        if occlusion is None or not (gradient.whole and occlusion.whole):
            return None
        first = gradient.map(include_special=include_special)
        second = occlusion.map(include_special=include_special)
        if first is None or second is None or not first.visible.any():
            return None
        known = self._agreement
        if known is None or known.first is not first or known.second is not second:
            self._agreement = Agreement(first, second)
        return self._agreement

    def answer(self, method: Method) -> Answer:
        """The answer that a method depends on."""
        return self.gradient if method == "gradient" or not self.occlusion else self.occlusion

    def words(self, method: Method) -> str:
        """The text shown without a map: problem, growing response, or what is awaited."""
        answer = self.answer(method)
        waiting = "Waiting for its turn." if answer.running else ""
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
        if provisional:
            notes.append("provisional")
        shown = method + _ran(answer.attribution, method) if answer.whole else method
        said = [prose(self._said)] if self._said else []
        return " · ".join([shown, *said, *([", ".join(notes)] if notes else [])])

    def remarks(self, method: Method) -> list[str]:
        """Remarks on how the maps were computed; harmless."""
        answers = self.shown if method == "difference" else [self.answer(method)]
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
    parts = [attribution.method if method == "gradient" else ""]
    if attribution.passes_dtype != "float32":
        parts.append(attribution.passes_dtype)
    words = prose(", ".join(part for part in parts if part))
    return f" ({words})" if words else ""
