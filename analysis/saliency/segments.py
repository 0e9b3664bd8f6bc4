"""Prompt, thinking and answer told apart, and what each weighs for those behind it (METHODS 1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Tokens
from analysis.saliency.thinking import Kind
from analysis.table import Cell, Table, shortest

Segment = Literal["prompt", "template", "thinking", "markup", "answer"]

SEGMENT_COLUMNS = (
    "from_segment",
    "to_segment",
    "tokens_from",
    "tokens_to",
    "sum",
    "positive_sum",
    "share",
    "share_of_tokens",
    "log_p",
    "log_p_without",
)
TOKEN_COLUMNS = ("token", "segment", "text", "for_thinking", "for_answer")

Target = Literal["thinking", "answer"]
"""What is explained."""

_COMPARED: tuple[tuple[Segment, Target], ...] = (
    ("prompt", "thinking"),
    ("prompt", "answer"),
    ("thinking", "answer"),
)
"""What weighs for what; in this order."""


class Segments(msgspec.Struct, frozen=True, tag="segments"):
    """Totals of tokens for the thinking and for the answer of one response.

    T[n] = Σ_m I[n, m] over the tokens m of a segment, which is the derivative of one number, the
    segment's log-probability.

    Attributes:
        model: The model's name.
        prompt: The user's text.
        prompt_tokens: N tokens, as the model was given them.
        response_tokens: M tokens.
        kinds: What each token of the response belongs to.
        family: Whose marks of thinking were found; empty for none.
        for_thinking: float32 [N], each prompt token's total for the thinking; NaN without one.
        for_answer: float32 [N + A], the totals for the answer of all tokens before it: those of
            the prompt, then those of the response; NaN without an answer. A is where it begins.
        log_p: By "thinking" and "answer", the log-probability of its tokens, in nats.
        log_p_without: The same with the tokens of another segment deleted, by "from to"; missing
            where nothing would be left before it.
        method: The gradient it is.
        notes: What the user should know, in words.
        seconds: Computing time, without loading.
        device: Where it ran.
        dtype: Precision of the weights.
    """

    model: str
    prompt: str
    prompt_tokens: Tokens
    response_tokens: Tokens
    kinds: tuple[Kind, ...]
    family: str
    for_thinking: NDArray[np.float32]
    for_answer: NDArray[np.float32]
    log_p: dict[str, float]
    log_p_without: dict[str, float]
    method: str
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    device: str = ""
    dtype: str = ""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segment of each of the N + M tokens; a template's tokens are no one's words."""
        spans = self.prompt_tokens.spans
        own = ("prompt" if span is not None else "template" for span in spans)
        # Where the tokenizer keeps no record, all is the prompt's.
        return (*(own if spans else ("prompt",) * len(self.prompt_tokens)), *self.kinds)

    def totals(self, to: Target) -> NDArray[np.float32]:
        """float32, the totals for a segment, of the tokens before it."""
        return self.for_thinking if to == "thinking" else self.for_answer

    def share(self, source: Segment, to: Target) -> float | None:
        """A segment's share of all positive totals of prompt and thinking; None without any."""
        positive = {name: self._positive(name, to) for name in ("prompt", "thinking")}
        whole = sum(positive.values())
        return positive[source] / whole if whole and source in positive else None

    def _positive(self, source: str, to: Target) -> float:
        return float(np.clip(self._of(source, to), 0, None).sum(dtype=np.float64))

    def _of(self, source: str, to: Target) -> NDArray[np.float32]:
        totals = self.totals(to)
        chosen = np.array([each == source for each in self.segments[: len(totals)]], np.bool_)
        return np.asarray(totals[chosen], dtype=np.float32)

    def sentence(self) -> str:
        """What the answer hangs on, with the check by deletion."""
        if not self.family or "thinking" not in self.kinds:
            return "There is no thinking in this response."
        if "answer" not in self.log_p:
            return "The response ends before its answer."
        share = self.share("thinking", "answer") or 0.0
        tokens = self.segments[: len(self.for_answer)]
        fair = tokens.count("thinking") / (tokens.count("thinking") + tokens.count("prompt"))
        said = (
            f"The answer hangs {100 * share:.0f} % on the thinking, which is {100 * fair:.0f} % of "
            "the tokens before it, the rest on the prompt (shares of positive totals)"
        )
        without = self.log_p_without.get("thinking answer")
        if without is None:
            return f"{said}."
        return (
            f"{said}; its log-probability is {self.log_p['answer']:.1f} nats behind the thinking, "
            f"and {without:.1f} with the thinking deleted."
        )

    def table(self) -> Table:
        """A row for each of prompt → thinking, prompt → answer and thinking → answer, as far as
        there are.

        Returns:
            `SEGMENT_COLUMNS`; sums are in nats, `share` is of the positive totals of prompt and
            thinking, `share_of_tokens` of their tokens, `log_p_without` with the tokens of the
            first segment deleted.
        """
        return Table(SEGMENT_COLUMNS, list(self._rows()))

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        for source, to in _COMPARED:
            if to not in self.log_p:
                continue
            before = self.segments[: len(self.totals(to))]
            own = before.count(source)
            if not own:
                continue
            both = before.count("prompt") + before.count("thinking")
            yield (
                source,
                to,
                own,
                self.kinds.count(to),
                float(self._of(source, to).sum(dtype=np.float64)),
                self._positive(source, to),
                self.share(source, to),
                own / both,
                self.log_p[to],
                self.log_p_without.get(f"{source} {to}"),
            )

    def tokens_table(self) -> Table:
        """A row for every token of prompt and response: what it weighs for thinking and answer.

        Returns:
            `TOKEN_COLUMNS`; empty where a token is not before the segment.
        """
        texts = (*self.prompt_tokens.texts, *self.response_tokens.texts)
        rows = [
            (number, segment, text, _at(self.for_thinking, number), _at(self.for_answer, number))
            for number, (segment, text) in enumerate(zip(self.segments, texts, strict=True))
        ]
        return Table(TOKEN_COLUMNS, rows)


def _at(totals: NDArray[np.float32], number: int) -> float | None:
    return shortest(totals[number]) if number < len(totals) else None


def as_json(found: Segments) -> bytes:
    """Everything that is known, as indented JSON."""
    record = {
        "model": found.model,
        "prompt": found.prompt,
        "response": "".join(found.response_tokens.texts),
        "marks": found.family,
        "method": found.method,
        "device": found.device,
        "dtype": found.dtype,
        "seconds": round(found.seconds, 3),
        "notes": found.notes,
        "segments": [dict(zip(SEGMENT_COLUMNS, row, strict=True)) for row in found.table()],
        "tokens": [dict(zip(TOKEN_COLUMNS, row, strict=True)) for row in found.tokens_table()],
    }
    return msgspec.json.format(msgspec.json.encode(record)) + b"\n"
