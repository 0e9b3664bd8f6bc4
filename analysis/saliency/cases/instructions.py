"""Splits prompts into sentences, guesses which are instructions, and makes the token mask.

The guess uses only layout, length and first words; the user corrects mistakes. Character positions
refer to the user's text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.models.tokens import Span, Tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A full stop with closing quotes etc. before white space; full-width marks need no space.
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+[」』”]*")
_ABBREVIATION = re.compile(
    r"\b(?i:e\.g|i\.e|cf|vs|etc|approx|no|vol|fig|eq|mr|mrs|ms|dr|prof|st|jr|sr|inc|ltd)\.$"
    r"|\b(?:[A-Z]\.){2,}$"
    # A single capital is an initial if it follows another name or nothing.
    r"|(?:^|\b[A-Z][\w.]*\s)[A-Z]\.$"
    r"|^\s*\d{1,3}\.$"
)
_LINE = re.compile(r"[^\n]+")
_WHITE = re.compile(r"\s*")
_FENCE = re.compile(r"^[ \t]*```.*?(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)


def sentences(text: str) -> list[Span]:
    """Character spans ``[start, end)`` of the sentences of a text, in order.

    A line end ends a sentence. So does a full stop followed by white space, unless a lower-case
    letter follows or an abbreviation or item number precedes it. A fenced code block is one
    sentence. White space around sentences belongs to none; everything else belongs to exactly one.
    """
    spans: list[Span] = []
    position = 0
    for fence in _FENCE.finditer(text):
        spans.extend(_sentences_of_prose(text, position, fence.start()))
        spans.extend(_trimmed(text, fence.start(), fence.end()))
        position = fence.end()
    spans.extend(_sentences_of_prose(text, position, len(text)))
    return spans


def _sentences_of_prose(text: str, start: int, end: int) -> list[Span]:
    spans: list[Span] = []
    for line in _LINE.finditer(text, start, end):
        first = line.start()
        for stop in _END.finditer(text, line.start(), line.end()):
            if _ends_sentence(text, first, stop):
                spans.extend(_trimmed(text, first, stop.end()))
                first = stop.end()
        spans.extend(_trimmed(text, first, line.end()))
    return spans


def _ends_sentence(text: str, first: int, stop: re.Match[str]) -> bool:
    white = _WHITE.match(text, stop.end())
    position = white.end() if white else stop.end()
    if text[position : position + 1].islower():
        return False
    return stop[0] != "." or not _ABBREVIATION.search(text[first : stop.end()])


def _trimmed(text: str, start: int, end: int) -> list[Span]:
    """The span without surrounding white space; nothing if nothing is left."""
    piece = text[start:end]
    body = piece.strip()
    if not body:
        return []
    start += len(piece) - len(piece.lstrip())
    return [(start, start + len(body))]


# "Input: …" opens material to work on and "Output:" is a blank to fill in; neither instructs.
_MATERIAL = re.compile(
    r"(?:input|text|context|passage|article|paragraph|document|data|email|review|reviews|code|"
    r"sentence|conversation|story|output|answer|response|result)s?\s*\d*\s*:",
    re.IGNORECASE,
)
# Up to this many sentences belong together: the facts of a question are part of it.
_SHORT = 5
_REQUEST = re.compile(
    r"(?:please|kindly|let's|help me|tell me|give|show|write|rewrite|describe|explain|summari[sz]e|"
    r"translate|list|make|create|generate|find|name|identify|classify|determine|decide|answer|"
    r"compare|design|develop|compose|draft|propose|suggest|provide|convert|compute|calculate|"
    r"solve|implement|analy[sz]e|evaluate|discuss|extract|correct|fix|edit|complete|choose|select|"
    r"outline|rate|use|do not|don't|be|avoid|include|imagine|suppose|assume|act as|pretend|"
    r"what|why|how|when|where|who|whom|whose|which|is|are|can|could|would|should|do|does|did|"
    r"will|has|have|given|your task|you are|you will|you should|you need|i want you|i need|"
    r"i would like|i'd like|in this task)\b",
    re.IGNORECASE,
)


def guess_instructions(text: str) -> list[Span]:
    """First guess at which sentences of a prompt are instructions.

    1. With an "Input:" line (or "Text:", "Context:", …), the sentences before the first one.
    2. With a line that ends in a colon, the sentences up to it, and requests in later paragraphs.
    3. Of the rest, everything if it is short, otherwise the questions and requests.

    Code blocks are never instructions. If nothing is found, everything is.

    Returns:
        A subset of `sentences`.
    """
    prose = [span for span in sentences(text) if not text.startswith("```", span[0])]
    for position, (start, _) in enumerate(prose):
        if position > 0 and _MATERIAL.match(text, start):
            return prose[:position]
    found = _without_material_after_colon(text, prose)
    if len(found) > _SHORT:
        found = [span for span in found if _is_request(text, span)] or found
    return found or sentences(text)


def _without_material_after_colon(text: str, found: list[Span]) -> list[Span]:
    for position, (_, end) in enumerate(found):
        if text.startswith(":\n", end - 1):
            later = [
                span
                for span in found[position + 1 :]
                if "\n\n" in text[end + 2 : span[0]] and _is_request(text, span)
            ]
            return found[: position + 1] + later
    return found


def _is_request(text: str, span: Span) -> bool:
    return "?" in text[slice(*span)] or _REQUEST.match(text, span[0]) is not None


def located(prompt: str, pieces: Sequence[str]) -> tuple[Span, ...]:
    """The span of each marked part: after the previous one if it occurs there, else anywhere.

    Raises KeyError with the first part that is empty or does not occur in the prompt.
    """
    places: list[Span] = []
    end = 0
    for piece in pieces:
        start = prompt.find(piece, end)
        if start < 0:
            start = prompt.find(piece)
        if start < 0 or not piece:
            raise KeyError(piece)
        end = start + len(piece)
        places.append((start, end))
    return tuple(sorted(places))


def instruction_mask(tokens: Tokens, spans: Sequence[Span]) -> NDArray[np.bool_]:
    """True for the tokens that share a character with one of the spans; bool [N].

    Tokens that the user did not write are never part of an instruction.
    """
    # Imported here: splitting sentences, all the first screen does, needs no numpy.
    import numpy as np

    mask = np.zeros(len(tokens), dtype=np.bool_)
    for index, place in enumerate(tokens.spans):
        if place is not None:
            mask[index] = any(place[0] < end and start < place[1] for start, end in spans)
    return mask
