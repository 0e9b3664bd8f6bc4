"""Deletes a few prompt tokens, to estimate how far a map agrees with deletion (METHODS 1)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.engine.memory import Attempt, release
from analysis.engine.non_finite import NotFiniteError
from analysis.engine.whereabouts import device_of
from analysis.saliency.compute.cost import Plan, budget_of, shape_of
from analysis.saliency.compute.occlusion import occlusion
from analysis.saliency.compute.trials import checked_ids
from analysis.saliency.faithfulness import (
    FEWEST,
    SHARE,
    UNNOTICED_S,
    Faithfulness,
    estimated,
    sampled_rows,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The size of the sample must not depend on how much memory happens to be free.
_AMPLE = 1 << 62


def agreement_with_deletion(
    model: PreTrainedModel,
    prompt_ids: Sequence[int],
    response_ids: Sequence[int],
    importance: NDArray[np.float32],
    visible: NDArray[np.bool_],
    *,
    memory_budget: int | None = None,
) -> Generator[tuple[int, int], None, Faithfulness]:
    """Estimate the agreement of a map with deletion in a share of the time that the map took.

    How many tokens fit into that time is estimated as `Plan` does, so that the same model, prompt
    and response on the same kind of device have the same sample.

    Args:
        model: The model explained.
        prompt_ids: N token ids.
        response_ids: M token ids.
        importance: float32 [N, M], the map, complete.
        visible: bool [N], the rows that count.
        memory_budget: As in `importance`.

    Yields:
        Tokens deleted so far, and how many will be.

    Returns:
        The estimate, or why there is none: a map that is right is not lost for want of it.
    """
    of = int(visible.sum())
    if not len(response_ids):
        return Faithfulness(of, why="the response is empty")
    if of < FEWEST:
        return Faithfulness(of, why=f"the prompt has fewer than {FEWEST} tokens")
    prompt, response = checked_ids(model, prompt_ids, response_ids)
    shape = shape_of(model)
    ample = Plan(shape, len(prompt), len(response), _AMPLE)
    count = min(ample.deletions(SHARE, UNNOTICED_S), of)
    if count < FEWEST:
        why = f"fewer than {FEWEST} tokens can be deleted in {SHARE:.0%} of the time of this map"
        return Faithfulness(of, why=why)
    plan = Plan(shape, len(prompt), len(response), budget_of(memory_budget, model))
    rows = sampled_rows(visible, count)
    found = np.zeros((count, len(response)), np.float32)
    why = ""
    yield 0, count
    with Attempt() as attempt:
        try:
            for piece in occlusion(model, prompt, response, plan, zeroed=False, rows=rows.tolist()):
                found[piece.rows] = piece.values.numpy()
                yield piece.rows.stop, count
        except NotFiniteError:
            why = "without some of its tokens the model gives no finite numbers"
    if attempt.failed:
        release(device_of(model))
        why = "memory ran out"
    return Faithfulness(of, why=why) if why else estimated(importance, found, rows, visible)
