"""Tells the thinking of a response from its answer by the marks between them (METHODS 1).

Reasoning models write both into one response. Which marks part them is data, in `MARKS`: another
family is another line there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

from analysis.models.tokens import Tokens

Kind = Literal["thinking", "answer", "markup"]
"""What a token of a response belongs to; a token with any part of a mark is markup."""


@dataclass(frozen=True)
class Marks:
    """How a family parts thinking and answer; spellings of a mark are alternatives.

    Attributes:
        family: Whose marks they are, for a reader.
        opens: What begins the thinking.
        closes: What ends it.
        answers: What may begin the answer.
        ends: What then ends the answer.
        lone_close: Whether an end without a beginning shows that the prompt began the thinking.
            Not where the same mark ends other turns too.
    """

    family: str
    opens: tuple[str, ...]
    closes: tuple[str, ...]
    answers: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    lone_close: bool = True


_ANSWERS, _ENDS = ("<answer>", "<response>"), ("</answer>", "</response>")


def _tagged(name: str) -> Marks:
    return Marks(f"<{name}>", (f"<{name}>",), (f"</{name}>",), _ANSWERS, _ENDS)


MARKS = (
    *map(_tagged, ("think", "thinking", "thought", "seed:think")),
    Marks("[THINK]", ("[THINK]",), ("[/THINK]",)),
    Marks(
        "harmony",
        (
            "<|start|>assistant<|channel|>analysis<|message|>",
            "<|channel|>analysis<|message|>",
        ),
        ("<|end|>",),
        (
            "<|start|>assistant<|channel|>final<|message|>",
            "<|start|>assistant<|channel|>commentary<|message|>",
            "<|channel|>final<|message|>",
            "<|channel|>commentary<|message|>",
        ),
        ("<|return|>",),
        lone_close=False,
    ),
    Marks(
        "<|begin_of_thought|>",
        ("<|begin_of_thought|>",),
        ("<|end_of_thought|>",),
        ("<|begin_of_solution|>",),
        ("<|end_of_solution|>",),
    ),
    Marks("<|channel>", ("<|channel>thought",), ("<channel|>",)),
    Marks(
        "<|START_THINKING|>",
        ("<|START_THINKING|>",),
        ("<|END_THINKING|>",),
        ("<|START_RESPONSE|>",),
        ("<|END_RESPONSE|>",),
    ),
    Marks("<|inner_prefix|>", ("<|inner_prefix|>",), ("<|inner_suffix|>",)),
)
"""The marks of all families known. The first that occurs in a response is its family's."""


@dataclass(frozen=True)
class Parted:
    """A response with its thinking told from its answer.

    Attributes:
        kinds: For each token of the response, what it belongs to.
        family: Whose marks were found; empty for none, when everything is the answer.
        begun_in_prompt: The prompt ends with the mark that begins the thinking.
    """

    kinds: tuple[Kind, ...]
    family: str = ""
    begun_in_prompt: bool = False

    @property
    def thinks(self) -> bool:
        """Whether there is any thinking: the marks may hold none."""
        return "thinking" in self.kinds


def parted(prompt: Tokens, response: Tokens, added: Mapping[int, str] | None = None) -> Parted:
    """Tell the thinking of a response from its answer.

    A mark, or a part of one, that is a token of the vocabulary is matched by id, so that a text
    which spells it letter by letter says nothing; all else by the text. Thinking without an end
    goes on to the response's end. White space alone beside a mark is markup.

    Args:
        prompt: All that the model was given.
        response: What it wrote.
        added: The tokens that were added to the vocabulary, with their text; None if nobody
            knows, when a token that spells a part of a mark by itself is taken for one.
    """
    if added is None:
        texts = (*prompt.texts, *response.texts)
        every = zip((*prompt.ids, *response.ids), texts, strict=True)
        added = {token: text for token, text in every if text in _PARTS}
    else:
        added = {token: text for token, text in added.items() if text in _PARTS}
    before = "".join(_written(prompt, added)).rstrip()
    pieces = _written(response, added)
    text = "".join(pieces)
    readers = [_Reader(marks, added, before, text) for marks in MARKS]
    for reader in sorted(readers, key=lambda each: each.first):
        kinds = reader.kinds() if reader.first < len(text) or reader.begun else []
        if reader.begun or "markup" in kinds:
            tokens = [_of_token(kinds[start:stop]) for start, stop in _places(pieces)]
            whole = _with_white_space(tokens, response.texts, begun=reader.begun)
            return Parted(whole, reader.marks.family, reader.begun)
    return Parted(tuple("answer" for _ in response.ids))


# Stands around a token that was added to the vocabulary, in a text that is searched for marks.
_WALL = "\x00"
_PARTS = frozenset(
    part
    for marks in MARKS
    for mark in (*marks.opens, *marks.closes, *marks.answers, *marks.ends)
    for part in (mark, *re.findall(r"<\|[^|<>]+\|?>|<[^|<>]+\|>", mark))
)
"""What a vocabulary may have a token for: a mark, or a name in one."""


def _written(tokens: Tokens, added: Mapping[int, str]) -> list[str]:
    return [
        f"{_WALL}{added[token]}{_WALL}" if token in added else text.replace(_WALL, "\ufffd")
        for token, text in zip(tokens.ids, tokens.texts, strict=True)
    ]


def _places(pieces: list[str]) -> list[tuple[int, int]]:
    return list(pairwise(accumulate(map(len, pieces), initial=0)))


def _of_token(kinds: list[Kind]) -> Kind | None:
    """What a token is, from its characters; None for one without."""
    if not kinds:
        return None
    return "markup" if "markup" in kinds else kinds[0]


def _with_white_space(
    kinds: list[Kind | None], texts: tuple[str, ...], *, begun: bool
) -> tuple[Kind, ...]:
    """The same, with white space beside a mark as markup, in both directions."""
    found = list(kinds)
    for places, beside in ((range(len(found)), begun), (range(len(found))[::-1], False)):
        for index in places:
            beside = found[index] == "markup" or (beside and not texts[index].strip())
            if beside:
                found[index] = "markup"
    told: list[Kind] = []
    for each in found:
        told.append(each or (told[-1] if told else "thinking" if begun else "answer"))
    return tuple(told)


class _Reader:
    """Reads a response by the marks of a family.

    Args:
        marks: The family's.
        added: Tokens that were added to the vocabulary.
        before: The prompt as `_written`, without white space at its end.
        text: The response as `_written`.
    """

    def __init__(self, marks: Marks, added: Mapping[int, str], before: str, text: str) -> None:
        self.marks, self._text = marks, text
        parts = sorted(set(added.values()), key=len, reverse=True)
        self._parts = re.compile("|".join(map(re.escape, parts))) if parts else None
        self.begun = before.endswith(tuple(map(self._spelled, marks.opens)))
        roles = {
            "open": marks.opens,
            "close": marks.closes,
            "answer": marks.answers,
            "end": marks.ends,
        }
        pattern = "|".join(
            f"(?P<{role}>{'|'.join(map(self._pattern, spellings))})"
            for role, spellings in roles.items()
            if spellings
        )
        self._found = list(re.finditer(pattern, text))
        # What begins and ends an answer may stand in any text, where it is not a token.
        telling = [
            each
            for each in self._found
            if each.lastgroup == "open"
            or (each.lastgroup == "close" and marks.lone_close)
            or (each.lastgroup == "answer" and self._is_token(each))
        ]
        self.first = -1 if self.begun else telling[0].start() if telling else len(text)

    def _spelled(self, mark: str) -> str:
        if self._parts is None:
            return mark
        return self._parts.sub(lambda found: f"{_WALL}{found[0]}{_WALL}", mark)

    def _pattern(self, mark: str) -> str:
        # Some tokenizers put a space before a word that follows an added token.
        return re.sub(rf"{_WALL}(?=\w)", f"{_WALL} ?", re.escape(self._spelled(mark)))

    def kinds(self) -> list[Kind]:
        """What each character of the text belongs to."""
        state: Kind = "thinking" if self.begun else "answer"
        kinds: list[Kind] = []
        thought, answering = self.begun, False
        for found in self._found:
            beginning = not self._text[len(kinds) : found.start()].strip()
            kinds += [state] * (found.start() - len(kinds))
            turned: Kind | None = None
            if found.lastgroup == "open" and self._opens(found, state, kinds):
                turned = "thinking"
            elif found.lastgroup == "close" and state == "thinking":
                turned = "answer"
            elif found.lastgroup == "close" and not thought and self._closes_alone(found):
                kinds = ["thinking" if each == "answer" else each for each in kinds]
                turned = "answer"
            elif found.lastgroup == "answer" and (
                self._is_token(found) or (beginning and thought and state == "answer")
            ):
                turned, answering = "answer", True
            elif self._is_token(found) or (found.lastgroup == "end" and answering):
                turned = state
            if turned is None:
                kinds += [state] * (found.end() - found.start())
                continue
            kinds += ["markup"] * (found.end() - found.start())
            thought = thought or found.lastgroup in ("open", "close")
            state = turned
        return [*kinds, *[state] * (len(self._text) - len(kinds))]

    def _is_token(self, found: re.Match[str]) -> bool:
        return _WALL in found[0]

    def _opens(self, found: re.Match[str], state: Kind, kinds: list[Kind]) -> bool:
        """Whether it begins a thinking, rather than being spoken of in an answer or a thought."""
        written = zip(kinds, self._text, strict=False)
        first = not any(kind != "markup" and not sign.isspace() for kind, sign in written)
        ended = any(
            each.lastgroup == "close" and each.start() > found.start() for each in self._found
        )
        return first or self._is_token(found) or (ended and state == "answer")

    def _closes_alone(self, found: re.Match[str]) -> bool:
        """Whether it ends a thinking begun before the text: a token, or alone on its line."""
        if not self.marks.lone_close:
            return False
        line_before = self._text[: found.start()].rstrip(" \t")[-1:]
        line_after = self._text[found.end() :].lstrip(" \t")[:1]
        return self._is_token(found) or (line_before in ("\n", "") and line_after in ("\n", ""))
