"""The requests to base and tuned model, and which of the answers are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from analysis.saliency.agreement import Agreement
from analysis.saliency.faithfulness import Faithfulness, beside_in_words, gain_of
from analysis.saliency.gather import Written, golden
from app.jobs.watch import News, Watch
from app.state import Prompt
from app.terminal.text import prose
from app.views.saliency.answer import Answer
from app.views.saliency.comparison import Comparison, Mask, mask_of
from app.views.saliency.side import METHODS, WHOSE, Method, Side, Whose
from app.widgets.lines import Line
from app.workspace import short_names

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.saliency.request import AttributionRequest
    from analysis.session.drive import Answerer


_FROZEN: Method = "frozen norms"

_OTHERS: tuple[Whose, ...] = ("tuned", "base", "golden")
"""Responses in both models, the first ones to compare on before the others."""


@dataclass(frozen=True)
class Scores:
    """Both models' instruction scores on one response.

    Attributes:
        values: Of the base and of the tuned model.
        whose: Whose response it is; ``own`` if both models give the same.
        by: Who wrote what each model is explained on.
    """

    values: tuple[float, float]
    whose: Whose
    by: tuple[str, str]

    @property
    def ratio(self) -> float | None:
        """The tuned model's score over the base model's; None if that is 0."""
        base, tuned = self.values
        return tuned / base if base > 0.0 else None


class Pair:
    """The two sides and the current method; holds no widgets.

    A missing second side has no name. `method` says what the maps show: until the user chooses
    one or begins to read, the gradient that agrees better with deletion. `whose` is the response
    that they explain.

    Attributes:
        settles: Whether both gradients are computed, for the better one to be shown.
    """

    settles = True

    def __init__(self, sides: Sequence[Side] = (Side(""), Side(""))) -> None:
        self.sides = tuple(sides)
        self.method: Method = "gradient"
        self._chosen = False
        self._read = False
        self.whose: Whose = "own"
        self._golden: Written | str = ""

    @property
    def names(self) -> list[str]:
        """The models' names; empty for a missing side."""
        return [side.name for side in self.sides]

    @property
    def called(self) -> tuple[str, str]:
        """What sentences call the models: their part in a pair, or the names of stored maps."""
        if any(side.own.request is not None for side in self.sides):
            return "base", "tuned"
        return short_names(self.names[0], self.names[1])

    @property
    def answers(self) -> list[Answer]:
        """All answers of both sides, including those not asked for yet."""
        return [answer for side in self.sides for answer in side.answers]

    @property
    def running(self) -> bool:
        return any(side.running for side in self.sides)

    def offers(self, action: str) -> bool:
        """Whether an action on the answers applies now; True for those that are none."""
        match action:
            case "method":
                return self.can_explain
            case "response":
                return len(self.responses) > 1
            case "given":
                return any(side.own.request is not None for side in self.sides)
            case "rerun":
                return any(side.can_run for side in self.sides)
        return True

    @property
    def can_explain(self) -> bool:
        """Whether there is a response that other methods can explain."""
        return any(side.explained is not None for side in self.sides)

    def has_asked(self, requests: Sequence[AttributionRequest]) -> bool:
        """Whether exactly these requests were made and none has to be repeated."""
        same = [side.own.request for side in self.sides] == list(requests)
        return same and not any(side.own.can_run for side in self.sides)

    def take(self, watch: Watch) -> tuple[int, Answer, News] | None:
        """Take a watch's news: whose side (0 base, 1 tuned) and answer; None if it was dropped."""
        for number, side in enumerate(self.sides):
            for answer in side.answers:
                if answer.watch is watch:
                    news = watch.take()
                    answer.apply(news)
                    return number, answer, news
        return None

    def ask(self, session: Answerer, listener: MessagePump, answers: Iterable[Answer]) -> None:
        """Submit those answers' requests that can run."""
        for answer in answers:
            if answer.can_run and answer.request is not None:
                answer.begin(Watch(session, answer.request, listener))

    def turn(self) -> None:
        """Show the next method, which is the user's choice from then on."""
        self._chosen = True
        self.method = METHODS[(METHODS.index(self.method) + 1) % len(METHODS)]

    def read(self) -> None:
        """Keep the maps as they are: somebody reads them."""
        self._read = True

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
        self.whose, self._read = whose, False
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
        """The answers to request: those to be shown that are missing or were stopped."""
        methods = {self.method: None}
        if self.settles and not self._chosen:
            methods[_FROZEN] = None
        found = [side.want(method) for method in methods for side in self.sides]
        return [answer for answer in found if answer is not None]

    def settle(self) -> None:
        """Show the gradient that agrees better with deletion, summed over the sides.

        Once that is known of every side, so that the maps change at most once, and not under the
        eyes of a user who reads them or has chosen.
        """
        known = [side.other(_FROZEN) for side in self.sides if side.explained is not None]
        whole = all(each is not None and each.whole for each in known)
        ready = known and whole and not any(each.running for each in self._gradients)
        if self._chosen or self._read or not ready:
            return
        gain = sum(gain_of(*_both(side)) or 0.0 for side in self.sides)
        self.method = _FROZEN if gain > 0.0 else "gradient"

    def behind(self, number: int) -> str:
        """What a side (0 base, 1 tuned) waits for while the other model writes its answer."""
        mine, other = self.sides[number].gradient, self.sides[1 - number].gradient
        writing = other.progress is not None and other.progress.stage == "generate"
        if not writing or not mine.running or mine.progress is not None:
            return ""
        begun = mine.attribution is not None
        called, before = self.called[number].capitalize(), self.called[1 - number]
        return f"{called} {'is explained' if begun else 'answers'} after {before}'s answer."

    def words(self, number: int) -> str:
        """What a side without a map shows; see `Side.words`."""
        return self.sides[number].words(self.method, self.behind(number))

    @property
    def awaits_better(self) -> bool:
        """Whether frozen norms, which as a rule agree better with deletion, are still to come."""
        coming = [side.other(_FROZEN) for side in self.sides]
        if self.settles and not self._chosen:
            coming += self._gradients
        return self.method == "gradient" and any(each.running for each in coming if each)

    def stop(self) -> bool:
        """Stop what runs; shows the gradient if what was shown was stopped. False if idle."""
        running = [answer for answer in self.answers if answer.running]
        for answer in running:
            answer.stop()
        if any(side.other(self.method) in running for side in self.sides):
            self.method = "gradient"
        return bool(running)

    @property
    def _gradients(self) -> list[Answer]:
        return [side.gradient for side in self.sides]

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

    def scores_on_one_response(
        self, shown: Comparison, prompt: Prompt, stored: Mask | None, *, include_special: bool
    ) -> Scores | None:
        """Instruction scores that compare, because both models are explained on one response.

        Of the response that is shown, or else of one that was; None where there is none yet.
        """
        if shown.same_response:
            return self._scores(shown, self.whose)
        for whose in _OTHERS:
            maps = [
                side.map_on(whose, self.mapped, include_special=include_special)
                for side in self.sides
            ]
            masks = [mask_of(each, prompt.instruction_spans, stored) for each in maps]
            if None not in maps and (found := self._scores(Comparison("", maps, masks), whose)):
                return found
        return None

    def _scores(self, compared: Comparison, whose: Whose) -> Scores | None:
        base, tuned = (compared.instruction_score(side) for side in (0, 1))
        if base is None or tuned is None:
            return None
        return Scores((base, tuned), whose, (self.writer(whose, 0), self.writer(whose, 1)))

    def writer(self, whose: Whose, side: int) -> str:
        """Who wrote a response on which a side (0 base, 1 tuned) is explained."""
        base, tuned = self.names
        return {"base": base, "tuned": tuned, "golden": "given"}.get(whose, self.names[side])

    @property
    def mapped(self) -> Method:
        """What made the maps themselves: where differences are shown, the gradient."""
        return "gradient" if self.method == "difference" else self.method

    @property
    def compared_with_occlusion(self) -> Method:
        """The gradient whose agreement with occlusion is told."""
        return _FROZEN if self.method == _FROZEN else "gradient"

    def agreements(self, *, include_special: bool) -> list[Agreement | None]:
        """Each side's agreement of a gradient and occlusion; None unless both are complete."""
        return [side.agreement(self.method, include_special=include_special) for side in self.sides]

    def faithful(self, *, ascii_only: bool) -> list[str]:
        """How far each side's gradient agrees with deletion, in words; beside the other, if known.

        Empty for other methods, and while nothing is known of any side.
        """
        found = [side.faithfulness(self.method) for side in self.sides]
        if not any(found):
            return ["", ""]
        other: Method = "gradient" if self.method == _FROZEN else _FROZEN
        return [
            beside_in_words(each, side.faithfulness(other), other, ascii_only=ascii_only)
            or (each.words(ascii_only=ascii_only) if each else _unknown(side.answer(self.method)))
            for side, each in zip(self.sides, found, strict=True)
        ]


def _both(side: Side) -> tuple[Faithfulness | None, Faithfulness | None]:
    """How far the plain gradient and frozen norms agree with deletion."""
    return side.faithfulness("gradient"), side.faithfulness(_FROZEN)


def _unknown(answer: Answer) -> str:
    return "not estimated yet" if answer.running else "not estimated"


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
            if answer.running and (words := answer.progress_line(side.name_of(answer))):
                return [(words, "")]
    if pair.running:
        words = "the engine is starting" if engine_starting else "the engine has other work first"
        return [(words, "")]
    remarks = [remark for side in pair.sides for remark in side.remarks(pair.method)]
    if comparison.cut_differently:
        remarks.insert(0, "The models cut the text differently: rows are aligned by characters.")
    return [("  ".join(remarks), "warn")] if remarks else []
