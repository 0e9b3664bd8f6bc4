"""Requests about which layers carry the choice of a token (METHODS 16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from analysis.request import ModelChoice, Request

if TYPE_CHECKING:
    from analysis.patching.result import Patching

Part = Literal["stream", "attention", "feed_forward"]
PARTS: tuple[Part, ...] = ("stream", "attention", "feed_forward")


class PatchingRequest(Request["Patching"], frozen=True, tag="patching"):
    """Put one model's state at the last position of a text into the other; see `Patching`.

    Attributes:
        base: The base model.
        tuned: The tuned model; of the same layers, width and tokens.
        prompt: The user's text, as typed.
        chat_template: Wrap the tuned model's prompt in its chat template; never the base model's.
        response_ids: The response's tokens before the choice, forced through both; may be empty.
        tokens: The tokens between which the choice is, base's and tuned's; None for each model's
            own greedy choice.
        part: What is replaced: the residual stream after a layer, or what the attention or the
            feed-forward network of a layer alone adds to it.
        memory_budget: Bytes that a batch of runs may take beside the weights; None for a share of
            what is free.
    """

    analysis = "patching"
    function = "analysis.patching.compute.patching:patching"
    result = "analysis.patching.result:Patching"
    outside_key: ClassVar[tuple[str, ...]] = ("memory_budget",)

    base: ModelChoice
    tuned: ModelChoice
    prompt: str
    chat_template: bool = False
    response_ids: tuple[int, ...] = ()
    tokens: tuple[int, int] | None = None
    part: Part = "stream"
    memory_budget: int | None = None

    def renamed(self, result: Patching) -> Patching:
        """A stored answer with this request's names for the models."""
        return msgspec.structs.replace(result, base=self.base.name, tuned=self.tuned.name)
