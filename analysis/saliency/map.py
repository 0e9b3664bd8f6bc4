"""A saliency map as shown: tokens, scores and density, from a result or a stored case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.models.tokens import Tokens
from analysis.problems import problem
from analysis.saliency.density import (
    PAPER,
    Scoring,
    importance_density,
    instruction_score,
    normalize,
    raise_floor,
)
from analysis.saliency.result import Attribution
from analysis.table import Cell, Table

COLUMNS = (
    "model",
    "prompt_index",
    "prompt_token",
    "response_index",
    "response_token",
    "importance",
    "score",
)
TOTALS_COLUMNS = ("model", "prompt_index", "prompt_token", "total")


@dataclass(frozen=True, eq=False)
class SaliencyMap:
    """How much every prompt token mattered for every response token, for one model.

    Attributes:
        model: The model's name.
        prompt_tokens: N tokens, special ones included.
        response_tokens: M tokens.
        scores: uint8 [N, M], normalised scores S of equation 2 with b = 0.
        importance: float32 [N, M], signed importance I, NaN where not computed yet; None if only
            scores were published.
        visible: bool [N], the rows that are shown and counted. The others have score 0.
        totals: float32 [N], the row sums, which may be available before the map; None if not.
        moves: float32 [M], the largest |p(y_m | x) − p(y_m | x without x_n)| over the visible
            rows, NaN where a row is missing; None if unknown (METHODS 1).
        moves_exact: `moves` are measured by occlusion; otherwise linearised from a gradient.
        scoring: The numbers that scores and density are made with.
    """

    model: str
    prompt_tokens: Tokens
    response_tokens: Tokens
    scores: NDArray[np.uint8]
    importance: NDArray[np.float32] | None
    visible: NDArray[np.bool_]
    totals: NDArray[np.float32] | None = None
    moves: NDArray[np.float32] | None = None
    moves_exact: bool = False
    scoring: Scoring = PAPER

    def __post_init__(self) -> None:
        """Refuse arrays that disagree with the tokens."""
        shape = (len(self.prompt_tokens), len(self.response_tokens))
        if self.scores.shape != shape or self.visible.shape != shape[:1]:
            raise ValueError(f"scores {self.scores.shape} do not fit {shape} tokens")
        if self.importance is not None and self.importance.shape != shape:
            raise ValueError(f"importance {self.importance.shape} does not fit {shape} tokens")
        if self.moves is not None and self.moves.shape != shape[1:]:
            raise ValueError(f"moves {self.moves.shape} do not fit {shape} tokens")

    @classmethod
    def from_attribution(
        cls,
        attribution: Attribution,
        *,
        include_special: bool = False,
        scoring: Scoring = PAPER,
    ) -> SaliencyMap:
        """The map of an attribution, complete or partial.

        With `include_special` it also shows and counts the tokens that the user did not write.
        """
        tokens = attribution.prompt_tokens
        visible = np.ones(len(tokens), np.bool_) if include_special else tokens.written_by_user()
        totals = attribution.totals
        known = len(totals) == len(tokens) and not np.isnan(totals).any()
        return cls(
            model=attribution.model,
            prompt_tokens=tokens,
            response_tokens=attribution.response_tokens,
            scores=normalize(attribution.importance, scoring.levels, rows=visible),
            importance=attribution.importance,
            visible=visible,
            totals=totals if known else None,
            moves=_moves(attribution, visible),
            moves_exact=attribution.method.startswith("occlusion"),
            scoring=scoring,
        )

    def scored(self, scoring: Scoring) -> SaliencyMap:
        """The same map with scores and density made with other numbers.

        Raises:
            ProblemError: ``input`` for other levels if only scores were published.
        """
        scores = self.scores
        if scoring.levels != self.scoring.levels:
            if self.importance is None:
                raise problem(
                    "input",
                    f"The stored maps have scores in {self.scoring.levels} levels.",
                    f"Scores in {scoring.levels} need the importance they were made of, which is "
                    "not stored.",
                    "Leave out --levels, or ask the models again.",
                )
            scores = normalize(self.importance, scoring.levels, rows=self.visible)
        return replace(self, scores=scores, scoring=scoring)

    def beginning(self, count: int) -> SaliencyMap:
        """The map of the response's first tokens, at most `count` of them.

        Nothing in a column depends on later response tokens, so these are the first columns; only
        totals are summed again.
        """
        if count >= len(self.response_tokens):
            return self
        tokens, importance = self.response_tokens, self.importance
        kept = None if importance is None else importance[:, :count]
        totals = None if kept is None else kept.sum(axis=1, dtype=np.float64).astype(np.float32)
        return replace(
            self,
            response_tokens=Tokens(tokens.ids[:count], tokens.texts[:count], tokens.spans[:count]),
            scores=self.scores[:, :count],
            importance=kept,
            totals=None if totals is None or np.isnan(totals).any() else totals,
            moves=None if self.moves is None else self.moves[:count],
        )

    @cached_property
    def total_scores(self) -> NDArray[np.uint8] | None:
        """uint8 [N]: the totals, normalised like a column in equation 2; None if there are none."""
        if self.totals is None:
            return None
        return normalize(self.totals[:, None], self.scoring.levels, rows=self.visible)[:, 0]

    @cached_property
    def unmoved(self) -> NDArray[np.bool_] | None:
        """bool [M]: the response tokens that no visible prompt token moves; None if unknown."""
        if self.moves is None:
            return None
        return np.asarray(self.moves < self.scoring.min_move, dtype=np.bool_)

    @property
    def unmoved_share(self) -> float | None:
        """Share of unmoved response tokens; None if unknown, or without a response."""
        if self.unmoved is None or not len(self.unmoved):
            return None
        return float(self.unmoved.mean())

    @property
    def unmoved_by(self) -> str | None:
        """How the unmoved response tokens were found; None if they are unknown."""
        if self.moves is None:
            return None
        return "occlusion" if self.moves_exact else "linearisation"

    @cached_property
    def density(self) -> NDArray[np.float64]:
        """float64 [N]: importance density (paper 4.2); 0 for hidden rows.

        b = 7 and p = 4 unless `scoring` says otherwise. For an incomplete map it is not final.

        Raises:
            ProblemError: ``input`` if unmoved columns are to be left out, and it is unknown which
                they are.
        """
        scores = raise_floor(self.scores, self.scoring.floor)
        if self.scoring.skip_unmoved:
            if self.unmoved is None:
                raise problem(
                    "input",
                    f"It is not known which response tokens of {self.model} no prompt token moves.",
                    "A map that was stored without their probabilities does not say.",
                    "Leave out --skip-unmoved, or ask the models by --method occlusion, whose "
                    "maps always say it.",
                )
            scores[:, self.unmoved] = 0
        return importance_density(scores, self.scoring.norm)

    @cached_property
    def computed(self) -> NDArray[np.bool_]:
        """bool [N, M]: the cells whose importance, or published score, is known."""
        if self.importance is None:
            return np.ones(self.scores.shape, np.bool_)
        return ~np.isnan(self.importance)

    @cached_property
    def final(self) -> NDArray[np.bool_]:
        """bool [M]: the columns whose scores are final because all visible cells are known."""
        return np.asarray(self.computed[self.visible].all(axis=0), dtype=np.bool_)

    @cached_property
    def provisional(self) -> NDArray[np.bool_]:
        """bool [M]: the columns with some, but not all, visible cells known.

        Their largest importance may be yet to come; until then their scores can only fall.
        """
        return np.asarray(self.computed[self.visible].any(axis=0) & ~self.final, dtype=np.bool_)

    @property
    def complete(self) -> bool:
        return bool(self.final.all())

    def instruction_score(self, instruction: NDArray[np.bool_]) -> float:
        """Instruction score under a bool [N] mask of instruction tokens (METHODS 1)."""
        return instruction_score(self.density, instruction)

    def totals_table(self) -> Table:
        """One row per visible prompt token: its weight for the whole response."""
        texts, totals = self.prompt_tokens.texts, self.totals
        rows = [
            # str: the shortest digits that give the same float32 back.
            (self.model, n, texts[n], None if totals is None else float(str(totals[n])))
            for n in np.flatnonzero(self.visible).tolist()
        ]
        return Table(TOTALS_COLUMNS, rows)

    def table(self) -> Table:
        """One row per visible prompt token and response token; indices count hidden rows too.

        Cells are empty for an importance not published or computed yet, and for the score of a
        column that is not final.
        """
        return Table(COLUMNS, _Pairs(self))


def _moves(attribution: Attribution, visible: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """float32 [M]: how far any visible prompt token moves p(y_m); None if unknown.

    An occlusion is that move; a gradient of p times the embedding its linearisation, and so is
    p(y_m) times the gradient of log p.
    """
    rows = np.abs(attribution.importance[visible])
    if not len(rows):
        return None
    largest: NDArray[np.float32] = rows.max(axis=0)
    if attribution.method.startswith("occlusion") or attribution.target == "probability":
        return largest
    if len(attribution.probabilities) != len(largest):
        return None
    return np.asarray(largest * attribution.probabilities, dtype=np.float32)


@dataclass(frozen=True)
class _Pairs:
    """The rows of a map's table, generated on each iteration."""

    map: SaliencyMap

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        shown = self.map
        responses = shown.response_tokens.texts
        final = shown.final.tolist()
        for n in np.flatnonzero(shown.visible).tolist():
            scores, computed = shown.scores[n].tolist(), shown.computed[n].tolist()
            for m, response in enumerate(responses):
                value = None
                if shown.importance is not None and computed[m]:
                    # str: the shortest digits that give the same float32 back.
                    value = float(str(shown.importance[n, m]))
                yield (
                    shown.model,
                    n,
                    shown.prompt_tokens.texts[n],
                    m,
                    response,
                    value,
                    scores[m] if final[m] else None,
                )
