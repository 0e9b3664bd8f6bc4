"""Requests about where base and tuned part on one response (METHODS 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from analysis.request import ModelChoice, Request

if TYPE_CHECKING:
    from analysis.divergence.result import Divergence

Side = Literal["base", "tuned"]
SIDES: tuple[Side, Side] = ("base", "tuned")


class DivergenceRequest(Request["Divergence"], frozen=True, tag="divergence"):
    """One response forced through both models; answered by `Divergence`.

    Attributes:
        base: The base model.
        tuned: The tuned model; both read the same tokens, so they need one tokenizer.
        prompt: The user's text, as typed.
        chat_template: Wrap the tuned model's prompt in its chat template; never the base model's.
        writer: Whose greedy response it is where none is given, and whose chat template and end
            tokens it follows.
        response: The response, as text; None lets `writer` generate one.
        response_ids: The response as token ids, without its end token; overrides `response`.
        ended: Whether `response_ids` are a whole response: its end is then a place, too.
        max_new_tokens: Upper bound of a generated response.
        alternatives: K, how many tokens of each model are kept at every place.
    """

    analysis = "divergence"
    function = "analysis.divergence.compute.divergence:divergence"
    result = "analysis.divergence.result:Divergence"

    base: ModelChoice
    tuned: ModelChoice
    prompt: str
    chat_template: bool = False
    writer: Side = "tuned"
    response: str | None = None
    response_ids: tuple[int, ...] | None = None
    ended: bool = False
    max_new_tokens: int = 300
    alternatives: int = 8

    def renamed(self, result: Divergence) -> Divergence:
        """A stored answer with this request's names for the models."""
        return msgspec.structs.replace(result, base=self.base.name, tuned=self.tuned.name)
