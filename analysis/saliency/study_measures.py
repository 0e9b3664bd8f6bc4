"""What the study of faithfulness asks about a case, and what it measures there (METHODS 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.events import Progress
from analysis.saliency.agreement import Agreement
from analysis.saliency.asking import CaseAsker
from analysis.saliency.cases.prompt_sets import StudyPrompt
from analysis.saliency.correlations import spearman
from analysis.saliency.curves import Judged, Orders, removable, token_weights
from analysis.saliency.faithfulness import FEWEST
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest, Method
from analysis.saliency.result import Attribution
from analysis.session.drive import Asking


class Compared(NamedTuple):
    """A way to explain a response whose agreement with deletion is measured.

    Attributes:
        name: What tables call it.
        method: The method of its map; ``auto`` for the plain gradient, however it is computed.
        totals: Only its totals are looked at, as weights of the prompt tokens.
    """

    name: str
    method: Method
    totals: bool = False


PLAIN = Compared("plain gradient", "auto")
FROZEN = Compared("frozen norms", "frozen_norms")

COMPARED = (
    PLAIN,
    FROZEN,
    Compared("totals", "auto", totals=True),
    Compared("zeroed embeddings", "occlusion_zeroed"),
)

DELETION = Compared("single deletions", "occlusion")
"""What they are compared with. As an order of tokens it is itself no more than a guess."""

MEASURES = {
    "pearson": "Pearson's r of the whole map with that of deletion",
    "spearman": "Spearman's ρ of the same",
    "ranking": "Spearman's ρ of the tokens' weights with those of deletion",
    "deletion": "gain over random orders under deletion, in nats a response token",
    "insertion": "gain over random orders under insertion, in nats a response token",
}
"""What is measured of each in a case: the more, the better."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The measures of one model's response to one prompt.

    Attributes:
        case: The prompt's name.
        dataset: Where it comes from.
        prompt_tokens: Tokens that were deleted and inserted.
        response_tokens: Length of the response.
        values: By the names of `COMPARED` and of `DELETION`, then of `MEASURES`; None where a side
            does not vary, or where a measure does not apply.
        judged: The curves.
        explained: The answer that gave the response; its importance is not kept.
    """

    case: str
    dataset: str
    prompt_tokens: int
    response_tokens: int
    values: dict[str, dict[str, float | None]]
    judged: Judged
    explained: Attribution


def measured(
    cases: CaseAsker, index: int, prompt: StudyPrompt, step: Progress
) -> Asking[Measured | None]:
    """Ask all about the response of one model of the pair, and measure.

    Returns:
        None if an answer is missing or there is too little to measure; `cases.left_out` says why.
    """
    request = yield from cases.own(index, prompt, step)
    if request is None:
        return None
    first = yield from cases.ask(request, prompt, step)
    if first is None:
        return None
    explained = yield from cases.as_written(first.result, index, prompt, step)
    tokens = int(removable(explained.prompt_tokens).sum())
    if not len(explained.response_tokens) or tokens < FEWEST:
        why = "The response is empty." if tokens >= FEWEST else "The prompt is too short."
        cases.left_out[prompt.id] = f"{request.model.name}: {why}"
        return None
    maps: dict[Method, Attribution] = {"auto": explained}
    for each in (*COMPARED, DELETION):
        if each.method not in maps:
            ending = yield from cases.ask(again(request, explained, each.method), prompt, step)
            if ending is None:
                return None
            maps[each.method] = ending.result
    weights = {
        each.name: _weights(maps[each.method], totals=each.totals) for each in (*COMPARED, DELETION)
    }
    orders = Orders.of(request, explained, weights)
    ending = yield from cases.ask(orders.request, prompt, step)
    if ending is None:
        return None
    judged = orders.judged(ending.result)
    return Measured(
        case=prompt.id,
        dataset=prompt.dataset,
        prompt_tokens=tokens,
        response_tokens=len(explained.response_tokens),
        values={each.name: _values(each, maps, weights, judged) for each in (*COMPARED, DELETION)},
        judged=judged,
        explained=msgspec.structs.replace(explained, importance=np.zeros((0, 0), np.float32)),
    )


def again(
    request: AttributionRequest, explained: Attribution, method: Method
) -> AttributionRequest:
    """The same response, explained in another way."""
    ids = explained.response_tokens.ids
    return msgspec.structs.replace(request, response=None, response_ids=ids, method=method)


def _weights(explained: Attribution, *, totals: bool) -> NDArray[np.float64]:
    if totals:
        return explained.totals.astype(np.float64)
    return token_weights(explained.importance, explained.prompt_tokens.written_by_user())


def _values(
    each: Compared,
    maps: dict[Method, Attribution],
    weights: dict[str, NDArray[np.float64]],
    judged: Judged,
) -> dict[str, float | None]:
    gains: dict[str, float | None] = {
        kind: judged.gain(each.name, kind) for kind in ("deletion", "insertion")
    }
    if each is DELETION:
        return dict.fromkeys(("pearson", "spearman", "ranking")) | gains
    r = rho = None
    if not each.totals:
        found, deleted = (SaliencyMap.from_attribution(maps[of.method]) for of in (each, DELETION))
        r, rho = Agreement(found, deleted).overall
    rows = maps["auto"].prompt_tokens.written_by_user()
    ranking = spearman(weights[each.name][rows], weights[DELETION.name][rows])
    return {"pearson": r, "spearman": rho, "ranking": ranking, **gains}
