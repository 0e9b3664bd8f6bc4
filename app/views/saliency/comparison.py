"""Two maps of one prompt as the Saliency view shows them: shared rows, marks, exact values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Span
from analysis.saliency.alignment import Row, align_rows
from analysis.saliency.cases.instructions import instruction_mask, sentences
from analysis.saliency.map import SaliencyMap
from app.widgets.token_face import TokenMap

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Place:
    """A match of a search: a row, or a response token of one side."""

    row: int | None = None
    side: int = 0
    column: int = 0


@dataclass(frozen=True)
class Reading:
    """The exact values under the cursor for one model.

    Attributes:
        prompt_token: Exact text.
        response_token: Exact text; None without a response.
        column: The response token's index.
        columns: Number of response tokens.
        importance: Signed importance I; None if not computed or if only scores are known.
        score: Normalised score S; None if not computed.
        provisional: Whether the score may still change: the column's largest importance may be
            among the missing ones.
        density: Importance density of the prompt token; None while the map is incomplete.
        rank: 1 for the densest prompt token.
        rows: Number of prompt tokens shown.
        compared: Whether another map's score is subtracted.
        subtracted: That score; None if not computed.
        total: The prompt token's importance summed over the response; None if unknown.
    """

    prompt_token: str
    response_token: str | None
    column: int
    columns: int
    importance: float | None
    score: int | None
    provisional: bool
    density: float | None
    rank: int
    rows: int
    compared: bool
    subtracted: int | None
    total: float | None


def mask_of(shown: SaliencyMap | None, spans: Sequence[Span], stored: Mask | None) -> Mask | None:
    """bool [N]: a map's instruction tokens; the published mask if there is one."""
    if shown is None or stored is not None:
        return stored if shown is not None else None
    return instruction_mask(shown.prompt_tokens, spans)


class Comparison:
    """Up to two maps of the same prompt, side 0 the base and side 1 the tuned model.

    `masks` are bool [N] per side, the instruction tokens; None without a map. `subtracted` maps are
    of the same tokens, and their scores are subtracted to show differences.
    """

    def __init__(
        self,
        prompt: str,
        maps: Sequence[SaliencyMap | None],
        masks: Sequence[Mask | None],
        subtracted: Sequence[SaliencyMap | None] = (None, None),
    ) -> None:
        self.prompt = prompt
        self.maps = tuple(maps)
        self.masks = list(masks)
        self.subtracted = tuple(subtracted)
        self.rows: list[Row] = self._align()
        self._index = [
            np.array([-1 if row[side] is None else row[side] for row in self.rows], dtype=np.intp)
            for side in (0, 1)
        ]

    def _align(self) -> list[Row]:
        base, tuned = self.maps
        if base is not None and tuned is not None:
            return align_rows(
                base.prompt_tokens,
                tuned.prompt_tokens,
                left_visible=base.visible,
                right_visible=tuned.visible,
            )
        if base is not None:
            return [(n, None) for n in np.flatnonzero(base.visible).tolist()]
        if tuned is not None:
            return [(None, n) for n in np.flatnonzero(tuned.visible).tolist()]
        return []

    def index(self, side: int) -> NDArray[np.intp]:
        """intp [rows]: a side's prompt token in each row; -1 in gaps."""
        return self._index[side]

    @property
    def same_response(self) -> bool:
        """Whether both maps explain one text, so that their scores compare."""
        texts = ["".join(shown.response_tokens.texts) for shown in self.there]
        return len(texts) == 2 and texts[0] == texts[1] != ""

    @property
    def same_tokens(self) -> bool:
        """Whether both maps explain the same response tokens, so that columns pair."""
        tokens = [shown.response_tokens.texts for shown in self.there]
        return len(tokens) == 2 and tokens[0] == tokens[1] != ()

    @property
    def cut_differently(self) -> bool:
        """Whether the two models tokenize the user's own text differently."""
        if None in self.maps:
            return False
        own = [
            [span for span in each.prompt_tokens.spans if span is not None]
            for each in self.maps
            if each is not None
        ]
        return own[0] != own[1]

    def token_map(self, side: int) -> TokenMap:
        """A side's data for the faces: one row per row of the comparison."""
        shown = self.maps[side]
        if shown is None:
            return TokenMap()
        index = self._index[side]
        gaps = index < 0
        return TokenMap(
            row_labels=[
                "" if n is None else shown.prompt_tokens.texts[n]
                for n in (row[side] for row in self.rows)
            ],
            column_labels=shown.response_tokens.texts,
            levels=self.levels(side),
            density=self.density(side),
            totals=self.totals(side),
            marked=self.marked(side),
            special=self._special(side),
            gaps=gaps if gaps.any() else None,
            missing=self.missing(side),
            negative=self._negative(side),
        )

    def levels(self, side: int) -> NDArray[np.uint8]:
        """uint8 [rows, M]: normalised scores, or absolute differences; 0 in gaps."""
        shown, other, index = self._map(side), self.subtracted[side], self._index[side]
        levels = shown.scores[index]
        if other is not None:
            less = other.scores[index]
            levels = np.maximum(levels, less) - np.minimum(levels, less)
        levels[index < 0] = 0
        return levels

    def _negative(self, side: int) -> Mask | None:
        """bool [rows, M]: where a difference is negative; None if nothing is subtracted."""
        shown, other, index = self._map(side), self.subtracted[side], self._index[side]
        if other is None:
            return None
        return np.asarray(shown.scores[index] < other.scores[index], dtype=np.bool_)

    def density(self, side: int) -> NDArray[np.float64] | None:
        """float64 [rows]: importance density, 0 in gaps; None while the map is incomplete."""
        shown, index = self._map(side), self._index[side]
        return np.where(index < 0, 0.0, shown.density[index]) if shown.complete else None

    def totals(self, side: int) -> NDArray[np.uint8] | None:
        """uint8 [rows]: levels of row totals, 0 in gaps; None if unknown or in a difference."""
        scores, index = self._map(side).total_scores, self._index[side]
        if scores is None or self.subtracted[side] is not None:
            return None
        return np.where(index < 0, np.uint8(0), scores[index])

    def marked(self, side: int) -> Mask:
        """bool [rows]: instruction tokens; gaps follow the other model's token."""
        marked = np.zeros(len(self.rows), np.bool_)
        for each in (side, 1 - side):
            mask, index = self.masks[each], self._index[each]
            if mask is not None and self.maps[each] is not None:
                use = index >= 0 if each == side else (index >= 0) & (self._index[side] < 0)
                marked[use] = mask[index[use]]
        return marked

    def _special(self, side: int) -> Mask:
        """bool [rows]: tokens that the user did not write; False in gaps."""
        written, index = self._map(side).prompt_tokens.written_by_user(), self._index[side]
        return np.asarray((index >= 0) & ~written[index], dtype=np.bool_)

    def missing(self, side: int) -> Mask | None:
        """bool [rows, M]: cells not computed yet; None if there are none."""
        index = self._index[side]
        missing = ~self._computed(side)[index]
        missing[index < 0] = False
        return missing if missing.any() else None

    def _computed(self, side: int) -> Mask:
        """bool [N, M]: cells of a side that can be shown."""
        computed, other = self._map(side).computed, self.subtracted[side]
        return computed if other is None else computed & other.computed

    def provisional(self, side: int) -> bool:
        """Whether any score shown may still change."""
        shown = self.maps[side]
        if shown is None:
            return False
        provisional, other = shown.provisional, self.subtracted[side]
        if other is not None:
            provisional = (provisional | other.provisional) & self._computed(side).any(axis=0)
        return bool(provisional.any())

    @property
    def there(self) -> list[SaliencyMap]:
        """The existing maps."""
        return [shown for shown in self.maps if shown is not None]

    def _map(self, side: int) -> SaliencyMap:
        shown = self.maps[side]
        assert shown is not None
        return shown

    def row_of(self, side: int, token: int) -> int | None:
        """The row of a prompt token; None if it is hidden."""
        found = np.flatnonzero(self._index[side] == token)
        return int(found[0]) if len(found) else None

    def row_kept(self, token: tuple[int, int] | None, row: int) -> int:
        """The row of a token (see `token_at`) that was in a row before, else the nearest to it."""
        found = None if token is None else self.row_of(*token)
        return max(0, min(row if found is None else found, len(self.rows) - 1))

    def token_at(self, row: int) -> tuple[int, int] | None:
        """(side, prompt token) of a row, preferring the base model's token."""
        if not 0 <= row < len(self.rows):
            return None
        base, tuned = self.rows[row]
        if base is not None:
            return 0, base
        return None if tuned is None else (1, tuned)

    def sentence_at(self, row: int) -> Span | None:
        """The sentence of the user's text at a row; None for special tokens."""
        token = self.token_at(row)
        if token is None:
            return None
        span = self._map(token[0]).prompt_tokens.spans[token[1]]
        if span is None:
            return None
        for start, end in sentences(self.prompt):
            if span[0] < end and span[1] > start:
                return start, end
        return None

    def toggle(self, sentence: Span) -> bool:
        """Mark a sentence's tokens as instruction, or unmark them if most are; True if marked."""
        inside = [
            None if each is None else instruction_mask(each.prompt_tokens, [sentence])
            for each in self.maps
        ]
        pairs = [
            (mask, part)
            for mask, part in zip(self.masks, inside, strict=True)
            if mask is not None and part is not None
        ]
        on = not any(2 * np.count_nonzero(m & p) > np.count_nonzero(p) for m, p in pairs[:1])
        self.masks = [
            mask if mask is None or part is None else (mask | part if on else mask & ~part)
            for mask, part in zip(self.masks, inside, strict=True)
        ]
        return on

    def read(self, side: int, row: int, column: int) -> Reading | None:
        """The values of a cell; None for a gap or a missing map."""
        shown = self.maps[side]
        if shown is None or not 0 <= row < len(self.rows):
            return None
        n = self.rows[row][side]
        if n is None:
            return None
        columns = len(shown.response_tokens)
        known = column < columns and bool(shown.computed[n, column])
        other = self.subtracted[side]
        less = other is not None and column < columns and bool(other.computed[n, column])
        maps = [each for each in (shown, other) if each is not None]
        density = float(shown.density[n]) if shown.complete else None
        return Reading(
            prompt_token=shown.prompt_tokens.texts[n],
            response_token=shown.response_tokens.texts[column] if column < columns else None,
            column=column,
            columns=columns,
            importance=(
                float(shown.importance[n, column])
                if known and shown.importance is not None
                else None
            ),
            score=int(shown.scores[n, column]) if known else None,
            provisional=column < columns and any(bool(m.provisional[column]) for m in maps),
            density=density,
            rank=1 + int(np.count_nonzero(shown.density[shown.visible] > (density or 0.0))),
            rows=int(np.count_nonzero(shown.visible)),
            compared=other is not None,
            subtracted=int(other.scores[n, column]) if other is not None and less else None,
            total=None if shown.totals is None else float(shown.totals[n]),
        )

    def instruction_score(self, side: int) -> float | None:
        """The instruction score (METHODS 1) of a side.

        None while its map is incomplete, and if no token is marked, which is not a score of 0.
        """
        shown, mask = self.maps[side], self.masks[side]
        if shown is None or mask is None or not shown.complete:
            return None
        marked = mask & shown.visible
        return shown.instruction_score(marked) if marked.any() else None

    def marked_tokens(self) -> int:
        """Number of rows marked as instruction."""
        sides = [side for side in (0, 1) if self.maps[side] is not None]
        return int(np.count_nonzero(self.marked(sides[0]))) if sides else 0

    def find(self, words: str) -> list[Place]:
        """The places of words, ignoring case: in the prompt's rows first, then in the responses."""
        if not words:
            return []
        pattern = re.compile(re.escape(words), re.IGNORECASE)
        texts = []
        for row in range(len(self.rows)):
            token = self.token_at(row)
            texts.append("" if token is None else self._map(token[0]).prompt_tokens.texts[token[1]])
        places = [Place(row=row) for row in _hits(pattern, texts)]
        for side, shown in enumerate(self.maps):
            if shown is not None:
                hits = _hits(pattern, shown.response_tokens.texts)
                places.extend(Place(side=side, column=column) for column in hits)
        return places


def _hits(pattern: re.Pattern[str], texts: Iterable[str]) -> list[int]:
    """Tokens in which a match begins, in the running text of the tokens."""
    starts: list[int] = []
    length = 0
    pieces = list(texts)
    for piece in pieces:
        starts.append(length)
        length += len(piece)
    found = [match.start() for match in pattern.finditer("".join(pieces))]
    tokens = np.searchsorted(np.array(starts), np.array(found), side="right") - 1
    # An empty token shares its start with the next token, which is the one to take.
    return sorted(set(tokens.tolist())) if found else []
