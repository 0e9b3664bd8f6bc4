"""Requests about a prompt and its response: importance, token by token (METHODS 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from analysis.request import ModelChoice, Request

if TYPE_CHECKING:
    from analysis.saliency.result import Attribution, Curves
    from analysis.saliency.segments import Segments


Target = Literal["log_probability", "probability"]
Method = Literal[
    "auto",
    "forward",
    "reverse",
    "frozen_norms",
    "frozen_norms_forward",
    "frozen_norms_reverse",
    "occlusion",
    "occlusion_zeroed",
]


class AttributionRequest(Request["Attribution"], frozen=True, tag="attribution"):
    """Importance of every prompt token for every response token (METHODS 1, paper 4.1).

    Attributes:
        model: The model that answers and is explained.
        prompt: The user's text, as typed.
        chat_template: Wrap the prompt in the model's chat template first.
        response: The response to explain; None lets the model generate one, greedily.
        response_ids: The response as token ids, as a model generated it; overrides `response`.
        max_new_tokens: Upper bound of a generated response.
        method: ``forward`` and ``reverse`` compute the same gradient, ``auto`` takes the cheaper;
            ``frozen_norms`` is a gradient too, with the denominators of all norms constant;
            ``occlusion`` deletes the token, ``occlusion_zeroed`` zeroes its embedding.
        target: Differentiate log p(y_m) or p(y_m). Occlusion always compares p(y_m).
        memory_budget: Bytes that the passes may take besides the weights; None for a share of free
            memory. Not in the cache key, since the numbers do not depend on it.
        totals_only: Compute only the totals of a gradient, without the map.
        written_by: The model whose tokens `response_ids` are, if it is another one. Where its
            tokenizer is another one too, the text of `response` is cut into tokens anew.
    """

    analysis = "attribution"
    version = 2
    function = "analysis.saliency.compute.attribution:attribute"
    result = "analysis.saliency.result:Attribution"
    outside_key = ("memory_budget",)

    model: ModelChoice
    prompt: str
    chat_template: bool = False
    response: str | None = None
    response_ids: tuple[int, ...] | None = None
    max_new_tokens: int = 300
    method: Method = "auto"
    target: Target = "log_probability"
    memory_budget: int | None = None
    totals_only: bool = False
    # Unset, it is not encoded, so that the keys of results stored before it existed hold.
    written_by: ModelChoice | msgspec.UnsetType = msgspec.UNSET


class CurvesRequest(Request["Curves"], frozen=True, tag="curves"):
    """A response's log-probability while prompt tokens are deleted, and inserted, in some orders.

    Attributes:
        model: The model that gave the response.
        prompt: The user's text, as typed.
        response_ids: M ≥ 1 token ids, as the model generated them.
        orders: Each the same prompt tokens, by index, the ones to delete first before the others.
            All other tokens of the prompt stay, at least one.
        steps: In how many steps, about equal, all of them are deleted.
        chat_template: Wrap the prompt in the model's chat template first.
        memory_budget: Bytes that the passes may take besides the weights; None for a share of free
            memory. Not in the cache key, since the numbers do not depend on it.
    """

    analysis = "curves"
    function = "analysis.saliency.compute.curves:curves"
    result = "analysis.saliency.result:Curves"
    outside_key = ("memory_budget",)

    model: ModelChoice
    prompt: str
    response_ids: tuple[int, ...]
    orders: tuple[tuple[int, ...], ...]
    steps: int
    chat_template: bool = False
    memory_budget: int | None = None


class SegmentsRequest(Request["Segments"], frozen=True, tag="segments"):
    """How prompt, thinking and answer of a response weigh for each other; answered by `Segments`.

    Attributes:
        model: The model that is explained.
        prompt: The user's text, as typed.
        response_ids: M ≥ 1 token ids, as the model generated them, marks of thinking included.
        chat_template: Wrap the prompt in the model's chat template first.
        method: A gradient, plain or with the denominators of all norms constant.
        memory_budget: Bytes that the passes may take besides the weights; None for a share of free
            memory. Not in the cache key, since the numbers do not depend on it.
    """

    analysis = "segments"
    function = "analysis.saliency.compute.segments:segments"
    result = "analysis.saliency.segments:Segments"
    outside_key = ("memory_budget",)

    model: ModelChoice
    prompt: str
    response_ids: tuple[int, ...]
    chat_template: bool = False
    method: Literal["gradient", "frozen_norms"] = "frozen_norms"
    memory_budget: int | None = None
