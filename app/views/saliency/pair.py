"""The requests to base and tuned model, and which of the answers are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from analysis.saliency.agreement import Agreement
from analysis.saliency.gather import Written, golden
from app.jobs.watch import Watch
from app.state import Prompt
from app.terminal.text import prose
from app.views.saliency.answer import Answer
from app.views.saliency.comparison import Comparison, Mask, mask_of
from app.views.saliency.side import METHODS, WHOSE, Method, Side, Whose
from app.widgets.lines import Line

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.saliency.request import AttributionRequest
    from app.workspace import SessionLike


class Pair:
    """The two sides and the current method; holds no widgets.

    A missing second side has no name. `method` says what the maps show, `whose` the response that
    they explain.
    """

    def __init__(self, sides: Sequence[Side] = (Side(""), Side(""))) -> None:
        self.sides = tuple(sides)
        self.method: Method = "gradient"
        self.whose: Whose = "own"
        self._golden: Written | str = ""

    @property
    def names(self) -> list[str]:
        """The models' names; empty for a missing side."""
        return [side.name for side in self.sides]

    @property
    def answers(self) -> list[Answer]:
        """All answers of both sides, including those not asked for yet."""
        return [answer for side in self.sides for answer in side.answers]

    @property
    def running(self) -> bool:
        return any(side.running for side in self.sides)

    @property
    def can_explain(self) -> bool:
        """Whether there is a response that other methods can explain."""
        return any(side.explained is not None for side in self.sides)

    def has_asked(self, requests: Sequence[AttributionRequest]) -> bool:
        """Whether exactly these requests were made and none has to be repeated."""
        same = [side.own.request for side in self.sides] == list(requests)
        return same and not any(side.own.can_run for side in self.sides)

    def find(self, watch: Watch) -> tuple[int, Answer] | None:
        """The side (0 base, 1 tuned) and answer of a watch; None if it was dropped."""
        for number, side in enumerate(self.sides):
            for answer in side.answers:
                if answer.watch is watch:
                    return number, answer
        return None

    def ask(self, session: SessionLike, listener: MessagePump, answers: Iterable[Answer]) -> None:
        """Submit those answers' requests that can run."""
        for answer in answers:
            if answer.can_run and answer.request is not None:
                answer.begin(Watch(session, answer.request, listener))

    def turn(self) -> None:
        self.method = METHODS[(METHODS.index(self.method) + 1) % len(METHODS)]

    @property
    def responses(self) -> list[Whose]:
        """Whose response both models can be explained on now."""
        there = {
            "own": True,
            "base": self.sides[0].response is not None and bool(self.sides[1].name),
            "tuned": self.sides[1].response is not None,
            "golden": bool(self._golden),
        }
        return [whose for whose in WHOSE if there[whose]]

    def turn_response(self) -> list[Answer]:
        """Go on to the next response that there is; returns the answers to ask for."""
        there = self.responses
        at = there.index(self.whose) + 1 if self.whose in there else 0
        return self.show_response(there[at % len(there)])

    def give(self, golden: Written | str) -> list[Answer]:
        """Explain both models on a response of the user's; returns the answers to ask for.

        `golden` is a text as it was typed, or a response as it is in a file.
        """
        for side in self.sides:
            side.forget("golden")
        self._golden = golden
        return self.show_response("golden")

    def show_response(self, whose: Whose) -> list[Answer]:
        """Show the maps that explain one response; returns the answers to ask for."""
        self.whose = whose
        said = {"own": "", "golden": "given response"}.get(whose, "")
        written = None
        if whose in ("base", "tuned"):
            writer = self.sides[whose == "tuned"]
            written, said = writer.response, f"{writer.name}'s response"
        found = []
        for side in self.sides:
            if whose == "golden":
                written = self._given(side)
            found.append(side.turn_to(whose, written, said))
        return [answer for answer in found if answer is not None]

    def _given(self, side: Side) -> Written | None:
        request, given = side.own.request, self._golden
        if request is None or isinstance(given, Written):
            return None if request is None else cast("Written", given)
        return golden(request.prompt, given, chat_template=request.chat_template)

    def wanted(self) -> list[Answer]:
        """The occlusions to request: those to be shown that are missing or were stopped."""
        if self.method == "gradient":
            return []
        found = [side.want_occlusion() for side in self.sides]
        return [answer for answer in found if answer is not None]

    def stop(self) -> bool:
        """Stop what runs; shows the gradient again if an occlusion was stopped. False if idle."""
        running = [answer for answer in self.answers if answer.running]
        for answer in running:
            answer.stop()
        if any(side.occlusion in running for side in self.sides):
            self.method = "gradient"
        return bool(running)

    def drop(self) -> None:
        """Cancel everything without further news."""
        for answer in self.answers:
            if answer.watch is not None:
                answer.watch.drop()

    def compared(self, prompt: Prompt, stored: Mask | None, *, include_special: bool) -> Comparison:
        """The maps to show, aligned, minus those to subtract.

        `stored` is the published mask of instructions, bool [N]; None for the prompt's marks.
        """
        both = [side.maps(self.method, include_special=include_special) for side in self.sides]
        maps, subtracted = [shown for shown, _ in both], [less for _, less in both]
        masks = [mask_of(shown, prompt.instruction_spans, stored) for shown in maps]
        return Comparison(prompt.text, maps, masks, subtracted)

    def agreements(self, *, include_special: bool) -> list[Agreement | None]:
        """Each side's agreement of gradient and occlusion; None unless both are complete."""
        return [side.agreement(include_special=include_special) for side in self.sides]


def going_on(pair: Pair, comparison: Comparison, *, engine_starting: bool) -> Line:
    """One line on what is running, awaited, failed or remarkable; empty for nothing."""
    for side, shown in zip(pair.sides, comparison.maps, strict=True):
        for answer in side.shown:
            # Without a map the pane itself shows the problem.
            said = shown is None and answer is side.answer(pair.method)
            if answer.problem is not None and not said:
                return [(prose(f"{answer.problem} r runs it again."), "bad")]
    for side in pair.sides:
        for answer in side.answers:
            occluded = answer.request is not None and answer.request.method == "occlusion"
            name = f"{side.name}, occlusion" if occluded else side.name
            if answer.running and (words := answer.progress_line(name)):
                return [(words, "")]
    if pair.running:
        words = "the engine is starting" if engine_starting else "the engine has other work first"
        return [(words, "")]
    remarks = [remark for side in pair.sides for remark in side.remarks(pair.method)]
    if comparison.cut_differently:
        remarks.insert(0, "The models cut the text differently: rows are aligned by characters.")
    return [("  ".join(remarks), "warn")] if remarks else []
