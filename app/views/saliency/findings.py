"""What the answers come to, in sentences and as a table: instruction scores, parting, deletion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.saliency.parting import Parting, Said, parting
from analysis.table import Cell, Table
from app.state import Prompt
from app.terminal.text import fit, prose, visible
from app.views.saliency.comparison import Comparison, Mask
from app.views.saliency.pair import Pair, Scores
from app.views.saliency.side import Method, Side
from app.views.saliency.values_text import ordinal

COLUMNS = (
    "model",
    "response_by",
    "instruction_score",
    "score_ratio",
    "parts_at",
    "says",
    "probability",
    "deletion_pearson",
    "deleted_tokens",
)
_NAME_CELLS = _TOKEN_CELLS = 20


@dataclass(frozen=True)
class Deletion:
    """How far a side's colours agree with deletion: r, from how many tokens, and if not all."""

    pearson: float
    deleted: int
    estimated: bool


@dataclass(frozen=True)
class Beside:
    """The gradient that is not shown, on the same deleted tokens.

    Attributes:
        method: Which one.
        pearsons: How far it agrees with deletion, of the sides where that of the other is known.
        gain: What the one that is shown has more, summed over these sides.
    """

    method: Method
    pearsons: Sequence[float]
    gain: float


@dataclass(frozen=True)
class Findings:
    """What is known of two models' answers to a prompt.

    Attributes:
        names: The models; empty for a missing one.
        called: What sentences call them.
        scores: Instruction scores on one response; None while they do not compare.
        waiting: Why there are none, as a sentence.
        alone: The instruction score of the only model; None where there are two.
        parts: Where the answers part; None if unknown.
        whose: Whose response is shown.
        deletion: Of each side; None if unknown.
        without_deletion: What is said in its place where it is unknown of both, or plain.
        method: What the colours show.
        beside: What it was chosen over, or could be changed for; None while that is unknown.
        awaits_better: Whether one that mostly agrees better is being computed.
    """

    names: Sequence[str]
    called: Sequence[str]
    scores: Scores | None
    waiting: str
    parts: Parting | None
    whose: str
    deletion: Sequence[Deletion | None]
    without_deletion: str
    alone: float | None = None
    method: Method = "gradient"
    beside: Beside | None = None
    awaits_better: bool = False

    def sentences(self, *, ascii_only: bool) -> list[str]:
        """In words, harmless."""
        names = [fit(prose(name, ascii_only=ascii_only), _NAME_CELLS) for name in self.called]
        found = (
            self._instruction(names),
            self._deletion(names, ascii_only=ascii_only),
            self._parting(names, ascii_only=ascii_only),
        )
        return [each for each in found if each]

    def _instruction(self, names: Sequence[str]) -> str:
        if self.alone is not None:
            return f"Instruction score {self.alone:.2f}."
        if self.scores is None:
            return self.waiting
        base, tuned = self.scores.values
        by = {"base": f"{names[0]}'s answer", "tuned": f"{names[1]}'s answer"}
        on = by.get(self.scores.whose, "the same answer")
        values = f"score {tuned:.2f} against {base:.2f}"
        if self.scores.ratio is None:
            return f"On {on}, {names[0]} does not lean on the instruction at all ({values})."
        times = f"{self.scores.ratio:.1f} times as much as {names[0]}"
        return f"On {on}, {names[1]} leans on the instruction {times} ({values})."

    def _parting(self, names: Sequence[str], *, ascii_only: bool) -> str:
        parts = self.parts
        if parts is None:
            return ""
        if parts.base is None or parts.tuned is None:
            end = "" if parts.ended else " as far as they go"
            return f"Both give the same answer{end}."
        words = [
            f"{name} {_says(said, would=self.whose == other, ascii_only=ascii_only)}"
            for name, said, other in zip(
                names, (parts.base, parts.tuned), ("tuned", "base"), strict=True
            )
        ]
        return f"They part at the {ordinal(parts.alike + 1)} token: {', '.join(words)}."

    def _deletion(self, names: Sequence[str], *, ascii_only: bool) -> str:
        known = [
            f"{name} r {_about(each, ascii_only=ascii_only)}{each.pearson:.2f}"
            for name, each in zip(names, self.deletion, strict=True)
            if each is not None
        ]
        if not known or self.without_deletion:
            return self.without_deletion
        shown, values = self.method.capitalize(), ", ".join(known)
        if self.beside is not None:
            gain, others = self.beside.gain, self.beside.pearsons
            how = "better" if gain > 0 else "less" if gain < 0 else "as well"
            than = "as" if gain == 0 else "than"
            return (
                f"{shown}: agrees {how} with deletion ({values}) {than} {self.beside.method} "
                f"({', '.join(f'{each:.2f}' for each in others)}); m shows the others."
            )
        awaited = "; frozen norms, mostly better, is being computed" if self.awaits_better else ""
        return f"{shown}: agrees with deletion by {values}{awaited}."

    def table(self) -> Table:
        """A row a model."""
        sides = [side for side in (0, 1) if self.names[side]]
        return Table(COLUMNS, [self._row(side) for side in sides])

    def _row(self, side: int) -> tuple[Cell, ...]:
        scores, deletion = self.scores, self.deletion[side]
        said = None if self.parts is None else self.parts.sides[side]
        return (
            self.names[side],
            None if scores is None else scores.by[side],
            self.alone if scores is None else scores.values[side],
            None if scores is None or side == 0 else scores.ratio,
            None if self.parts is None or said is None else self.parts.alike,
            None if said is None else said.token,
            None if said is None else said.probability,
            None if deletion is None else deletion.pearson,
            None if deletion is None else deletion.deleted,
        )


def findings(
    pair: Pair,
    comparison: Comparison,
    prompt: Prompt,
    stored: Mask | None,
    *,
    include_special: bool,
) -> Findings:
    """What is known of the answers now; `stored` as of `Pair.compared`."""
    method = pair.method
    deletion = [_deletion_of(side, method, include_special=include_special) for side in pair.sides]
    return Findings(
        pair.names,
        pair.called,
        pair.scores_on_one_response(comparison, prompt, stored, include_special=include_special),
        _waiting(pair, comparison),
        _parts(pair),
        pair.whose,
        deletion,
        _without_deletion(pair, known=any(deletion)),
        None if all(pair.names) else comparison.instruction_score(0),
        method,
        _beside(pair, deletion, include_special=include_special),
        pair.awaits_better,
    )


def _parts(pair: Pair) -> Parting | None:
    """Where the models' own responses part; of a given one their own words are not known."""
    answers = [side.own.attribution if side.own.whole else None for side in pair.sides]
    base, tuned = answers
    if pair.whose == "golden" or base is None or tuned is None:
        return None
    return parting(base, tuned)


def _waiting(pair: Pair, comparison: Comparison) -> str:
    """Why there are no instruction scores to compare."""
    if not all(pair.names) or not comparison.there:
        return ""
    if not comparison.marked_tokens():
        return "No instruction is marked: i marks the sentence under the cursor."
    if any(shown is None or not shown.complete for shown in comparison.maps):
        behind = [said for side in (1, 0) if (said := pair.behind(side))]
        scores = "Instruction scores wait for the whole maps."
        return " ".join([*behind, scores]) if pair.running else ""
    if len(pair.responses) > 1:
        return "Instruction scores compare on one answer: o explains both models on the same."
    return "The answers differ, so that instruction scores do not compare."


def _beside(
    pair: Pair, shown: Sequence[Deletion | None], *, include_special: bool
) -> Beside | None:
    """The other gradient, if it is known of the same sides and from the same tokens."""
    method: Method = "gradient" if pair.method == "frozen norms" else "frozen norms"
    both = [
        (each, _deletion_of(side, method, include_special=include_special))
        for side, each in zip(pair.sides, shown, strict=True)
        if each is not None
    ]
    pairs = [
        (one.pearson, other.pearson)
        for one, other in both
        if other is not None and one.deleted == other.deleted
    ]
    if not pairs or len(pairs) < len(both):
        return None
    gain = sum(one - other for one, other in pairs)
    return Beside(method, [other for _, other in pairs], gain)


def _deletion_of(side: Side, method: Method, *, include_special: bool) -> Deletion | None:
    agreement = side.agreement(method, include_special=include_special)
    if agreement is not None and method != "occlusion":
        pearson = agreement.overall[0]
        deleted = int(agreement.first.visible.sum())
        return None if pearson is None else Deletion(pearson, deleted, estimated=False)
    known = side.faithfulness(method)
    if known is None or known.pearson is None:
        return None
    return Deletion(known.pearson, known.sampled, estimated=not known.exact)


def _without_deletion(pair: Pair, *, known: bool) -> str:
    said: dict[Method, str] = {
        "occlusion": "The colours are deletion itself.",
        "difference": "The gradient weighs the words; g and v show where deletion differs.",
    }
    if pair.method in said:
        return said[pair.method]
    if known or not pair.can_explain:
        return ""
    return f"How far deletion agrees is not estimated{' yet' if pair.running else ''}."


def _says(said: Said, *, would: bool, ascii_only: bool) -> str:
    if said.token is None:
        return "would end" if would else "ends"
    token = f'"{fit(visible(said.token, ascii_only=ascii_only), _TOKEN_CELLS)}"'
    probability = "" if said.probability is None else f" (p {said.probability:.2f})"
    return f"{'would say' if would else 'says'} {token}{probability}"


def _about(deletion: Deletion, *, ascii_only: bool) -> str:
    return ("~" if ascii_only else "≈ ") if deletion.estimated else ""
