"""Which sentences of a prompt are marked as instructions: spans that survive editing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping

from analysis.models.tokens import Span
from analysis.saliency.cases.instructions import guess_instructions, sentences


def is_marked(sentence: Span, spans: Iterable[Span]) -> bool:
    """Whether at least half of the sentence's characters lie in marked spans."""
    start, end = sentence
    covered = sum(max(0, min(end, right) - max(start, left)) for left, right in spans)
    return 2 * covered >= end - start


def toggled(sentence: Span, spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans with the sentence's mark toggled."""
    start, end = sentence
    spans = tuple(spans)
    rest = [
        part
        for left, right in spans
        for part in ((left, min(right, start)), (max(left, end), right))
        if part[0] < part[1]
    ]
    if not is_marked(sentence, spans):
        rest.append(sentence)
    return tuple(sorted(rest))


def marks_by_sentence(text: str, spans: Iterable[Span]) -> dict[str, bool]:
    """Sentence to whether it is marked, to carry the user's marks over to an edited text."""
    marked = _merged(spans)
    starts = [start for start, _ in marked]
    decided = {}
    for start, end in sentences(text):
        first = max(0, bisect_right(starts, start) - 1)
        decided[text[start:end]] = is_marked((start, end), marked[first : bisect_left(starts, end)])
    return decided


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def spans_after_edit(text: str, decided: Mapping[str, bool]) -> tuple[Span, ...]:
    """Marked spans of a text: sentences in `decided` keep their mark, the others are guessed."""
    guessed = set(guess_instructions(text))
    return tuple(
        span for span in sentences(text) if decided.get(text[slice(*span)], span in guessed)
    )
