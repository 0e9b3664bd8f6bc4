"""What is said of a case beside its map, as tables: a row a prompt token, and one for the case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.saliency.faithfulness import Faithfulness
from analysis.saliency.map import SaliencyMap
from analysis.saliency.result import Attribution
from analysis.table import Cell, Table

TOKEN_COLUMNS = (
    "model",
    "prompt_index",
    "prompt_token",
    "special",
    "instruction",
    "total",
    "density",
    "density_rank",
    "score_sum",
)
CASE_COLUMNS = (
    "model",
    "response_by",
    "instruction_score",
    "instructions",
    "instruction_tokens",
    "prompt_tokens",
    "special_tokens",
    "response_tokens",
    "ended",
    "rating",
    "unmoved_share",
    "unmoved_by",
    "min_move",
    "skip_unmoved",
    "levels",
    "floor",
    "norm",
    "method",
    "target",
    "device",
    "dtype",
    "passes_dtype",
    "largest_difference",
    "deletion_pearson",
    "deletion_spearman",
    "deleted_tokens",
    "score_difference",
)


@dataclass(frozen=True, eq=False)
class ToldCase:
    """A model's map of a case, and what is known of how it came about.

    Attributes:
        shown: The map.
        instruction: bool [N], the tokens of an instruction.
        guessed: Nobody marked them.
        attribution: What was computed; None for a stored map.
        response_by: Whose response it is: a model's name, or what else it came from.
        rating: How well the response follows the prompt; None if nobody rated it.
    """

    shown: SaliencyMap
    instruction: NDArray[np.bool_]
    guessed: bool
    attribution: Attribution | None = None
    response_by: str = ""
    rating: float | None = None

    @property
    def instructed(self) -> NDArray[np.bool_]:
        """bool [N]: the tokens of an instruction that count."""
        return np.asarray(self.instruction & self.shown.visible, dtype=np.bool_)

    @property
    def whole(self) -> bool:
        """Whether the map is of the whole response that was explained, not of its beginning."""
        found, shown = self.attribution, self.shown
        return found is None or len(shown.response_tokens) == len(found.response_tokens)

    def tokens(self) -> list[tuple[Cell, ...]]:
        """A row for every prompt token, special ones included; these have no density."""
        shown = self.shown
        whole = shown.complete
        # Equal densities have the same rank, 1 for the largest.
        falling = np.sort(-shown.density[shown.visible]) if whole else None
        return [
            (
                shown.model,
                n,
                text,
                shown.prompt_tokens.spans[n] is None,
                bool(self.instructed[n]),
                # str: the shortest digits that give the same float32 back.
                None if shown.totals is None else float(str(shown.totals[n])),
                float(shown.density[n]) if whole and shown.visible[n] else None,
                1 + int(np.searchsorted(falling, -shown.density[n]))
                if falling is not None and shown.visible[n]
                else None,
                int(shown.scores[n].sum()) if whole and shown.visible[n] else None,
            )
            for n, text in enumerate(shown.prompt_tokens.texts)
        ]

    @property
    def score(self) -> float | None:
        """The instruction score; None while the map is incomplete, and without instructions."""
        marked = self.instructed
        return (
            self.shown.instruction_score(marked) if marked.any() and self.shown.complete else None
        )

    def row(self) -> tuple[Cell, ...]:
        """The case in a row: its instruction score, and all that this depends on."""
        shown, found, scoring = self.shown, self.attribution, self.shown.scoring
        return (
            shown.model,
            self.response_by or shown.model,
            self.score,
            "guessed" if self.guessed else "marked",
            int(self.instructed.sum()),
            int(shown.visible.sum()),
            shown.prompt_tokens.spans.count(None),
            len(shown.response_tokens),
            None if found is None else (found.ended if self.whole else "cut"),
            self.rating,
            shown.unmoved_share,
            shown.unmoved_by,
            scoring.min_move,
            scoring.skip_unmoved,
            scoring.levels,
            scoring.floor,
            scoring.norm,
            *(
                (None,) * 9
                if found is None
                else (
                    found.method,
                    found.target,
                    found.device,
                    found.dtype,
                    found.passes_dtype,
                    found.difference,
                    *_agreement(found.faithfulness if self.whole else None),
                )
            ),
        )


def _agreement(found: Faithfulness | None) -> tuple[Cell, ...]:
    return (None,) * 3 if found is None else (found.pearson, found.spearman, found.sampled)


def tokens_table(cases: Sequence[ToldCase]) -> Table:
    """A row for every prompt token of every model."""
    return Table(TOKEN_COLUMNS, [row for case in cases for row in case.tokens()])


def case_table(cases: Sequence[ToldCase]) -> Table:
    """A row for every model.

    ``score_difference`` is the instruction score less that of the first model; empty for one alone,
    and for two that explain different responses, whose scores do not compare.
    """
    rows: list[tuple[Cell, ...]] = []
    for case in cases:
        score, first = case.score, None if case is cases[0] else cases[0].score
        same = _response(case) == _response(cases[0])
        less = score - first if same and score is not None and first is not None else None
        rows.append((*case.row(), less))
    return Table(CASE_COLUMNS, rows)


def _response(case: ToldCase) -> str:
    return "".join(case.shown.response_tokens.texts)
