"""Explains incomplete answers to the user: why they were not understood, and what helps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from analysis.concepts.annotation.annotation import Annotation, Gap

_SENTENCES: dict[Gap, str] = {
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
    """One or two sentences for every reason that occurs."""
    counts = Counter(gap for each in annotations for gap in each.gaps)
    total = len(annotations)
    return tuple(
        f"{counts[gap]:,} of {total:,} descriptions {_plural(words, counts[gap])}"
        for gap, words in _SENTENCES.items()
        if counts[gap]
    )


def _plural(words: str, count: int) -> str:
    return words if count == 1 else words.replace("has", "have", 1)
