"""One model's side of the Saliency view: its gradients, its occlusion, or a stored map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import msgspec
import numpy as np

from analysis.problems import Problem
from analysis.saliency.agreement import Agreement
from analysis.saliency.faithfulness import Faithfulness
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest
from analysis.saliency.request import Method as Requested
from analysis.saliency.result import Attribution
from app.links import StoredMap
from app.terminal.text import prose
from app.views.saliency.answer import Answer

Other = Literal["frozen norms", "occlusion"]
"""Further ways to explain the response that the gradient explains."""

Method = Literal["gradient", "frozen norms", "occlusion", "difference"]
"""What the maps show: one way to explain a response, or gradient minus occlusion."""

_REQUESTED: dict[Other, str] = {"frozen norms": "frozen_norms", "occlusion": "occlusion"}
METHODS: tuple[Method, ...] = (
    "gradient",
    *(each for each in _REQUESTED if _REQUESTED[each] in get_args(Requested)),
    "difference",
)


class Side:
    """One model's answers and maps; holds no widgets.

    A `stored` map from a case library leaves nothing to ask; `note` is a remark about it.
    `gradient` generates and explains the response; `others` explain the same one, each from when it
    is first wanted.
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
        self.gradient = Answer(request, problem)
        self.others: dict[Other, Answer] = {}
        self._agreement: Agreement | None = None

    @property
    def answers(self) -> list[Answer]:
        return [self.gradient, *self.others.values()]

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

    def want(self, other: Other) -> Answer | None:
        """Another explanation of the same response, to be requested; None while it cannot be.

        One that failed is not repeated: it would most likely fail again.
        """
        request, explained = self.gradient.request, self.explained
        if other not in self.others and request is not None and explained is not None:
            self.others[other] = Answer(
                msgspec.structs.replace(
                    request,
                    response=None,
                    response_ids=explained.response_tokens.ids,
                    method=_REQUESTED[other],
                )
            )
        wanted = self.others.get(other)
        return wanted if wanted is not None and wanted.can_run and not wanted.problem else None

    def maps(
        self, method: Method, *, include_special: bool
    ) -> tuple[SaliencyMap | None, SaliencyMap | None]:
        """The map to show and the one to subtract from it, or None."""
        gradient = self.stored or self.gradient.map(include_special=include_special)
        if method == "gradient" or gradient is None:
            return gradient, None
        if method != "difference":
            return self._other_map(method, include_special=include_special), None
        occlusion = self._other_map("occlusion", include_special=include_special)
        return (gradient, occlusion) if occlusion is not None else (None, None)

    def _other_map(self, other: Other, *, include_special: bool) -> SaliencyMap | None:
        """Another explanation's map, empty before its first result; None if it failed."""
        answer, gradient = self.others.get(other), self.gradient.attribution
        if answer is not None and (answer.attribution is not None or answer.problem is not None):
            return answer.map(include_special=include_special)
        if gradient is None:
            return None
        nothing = msgspec.structs.replace(
            gradient, importance=np.full_like(gradient.importance, np.nan)
        )
        return SaliencyMap.from_attribution(nothing, include_special=include_special)

    def agreement(self, method: Method, *, include_special: bool) -> Agreement | None:
        """The agreement of gradient and occlusion, cached; None unless both are complete.

        The gradient is the one of frozen norms where `method` shows that.
        """
        gradient, occlusion = self.gradient, self.others.get("occlusion")
        if method == "frozen norms":
            gradient = self.others.get(method, gradient)
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
        if method == "gradient":
            return self.gradient
        other: Other = "occlusion" if method == "difference" else method
        return self.others.get(other, self.gradient)

    def name_of(self, answer: Answer) -> str:
        """The model's name, and the method if it is not the gradient."""
        others = (f"{self.name}, {other}" for other, each in self.others.items() if each is answer)
        return next(others, self.name)

    def faithfulness(self, method: Method) -> Faithfulness | None:
        """How far a gradient agrees with deletion; None for other methods, and where unknown."""
        if method in ("occlusion", "difference"):
            return None
        answer = self.gradient if method == "gradient" else self.others.get("frozen norms")
        return answer.attribution.faithfulness if answer and answer.attribution else None

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
        if method != "gradient":
            # The response is the model's own; only the second explanation had it given.
            notes = [note for note in notes if note != "given response"]
        if provisional:
            notes.append("provisional")
        shown = method + _ran(answer.attribution, method) if answer.whole else method
        return " · ".join([shown, *([", ".join(notes)] if notes else [])])

    def remarks(self, method: Method) -> list[str]:
        """Remarks on how the maps were computed; harmless."""
        answers = [self.answer(method)]
        if method == "difference" and answers[0] is not self.gradient:
            answers = [self.gradient, *answers]
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
