"""Where two models' answers to one prompt part: the first greedy token that differs."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.saliency.result import Attribution


@dataclass(frozen=True)
class Said:
    """What a model says at a place of its response.

    Attributes:
        token: The token's exact text; None where the response ends.
        probability: p of the token, 0..1; None if unknown, as of the end.
    """

    token: str | None
    probability: float | None = None


@dataclass(frozen=True)
class Parting:
    """How far two greedy responses are alike.

    Attributes:
        alike: The number of tokens that they begin with together.
        base: What the base model says then; None if the two do not part, as far as they go.
        tuned: The same of the tuned model.
        ended: Whether responses that do not part are whole, not cut at a limit.
    """

    alike: int
    base: Said | None = None
    tuned: Said | None = None
    ended: bool = False

    @property
    def sides(self) -> tuple[Said | None, Said | None]:
        return self.base, self.tuned


def parting(base: Attribution, tuned: Attribution) -> Parting | None:
    """Compare two models' own responses to a prompt.

    The first tokens may differ by the space before them: a chat template has its own.

    Returns:
        None where it is not known: one response is not the model's own, or not complete, or the
        models' tokenizers are not the same.
    """
    if any(each.ended not in ("end", "length") for each in (base, tuned)):
        return None
    first, second = base.response_tokens, tuned.response_tokens
    shorter = min(len(first), len(second))
    alike = 0
    while alike < shorter:
        texts = first.texts[alike], second.texts[alike]
        if texts[0] == texts[1] and first.ids[alike] != second.ids[alike]:
            return None
        if texts[0] != texts[1] and (alike or not _same_word(*texts)):
            return Parting(alike, _said(base, alike), _said(tuned, alike))
        alike += 1
    if len(first) == len(second):
        both = base.ended == tuned.ended == "end"
        return Parting(alike, ended=both)
    # The shorter one parts from the longer by ending; cut at a limit, it might have gone on alike.
    if (base if len(first) == shorter else tuned).ended == "end":
        return Parting(alike, _said(base, alike), _said(tuned, alike))
    return Parting(alike)


def _same_word(one: str, other: str) -> bool:
    return bool(one.strip()) and one.lstrip() == other.lstrip()


def _said(answer: Attribution, at: int) -> Said:
    if at >= len(answer.response_tokens):
        return Said(None)
    known = len(answer.probabilities) == len(answer.response_tokens)
    return Said(
        answer.response_tokens.texts[at], float(answer.probabilities[at]) if known else None
    )
