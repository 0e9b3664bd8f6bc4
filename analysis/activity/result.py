"""Results: the prompts on which a neuron or a head is most active."""

from __future__ import annotations

import msgspec


class ActivePrompt(msgspec.Struct, frozen=True):
    """One prompt, and where in it the neuron or head is most active.

    Attributes:
        index: The prompt's place in the request.
        value: The neuron's activation there, signed; or the head's attention weight, from 0 to 1.
        position: The token's position in what the model read, special tokens counted; of a head,
            the token that attends.
        token: Its text.
        attended: The position of the token that a head attends to; -1 for a neuron.
        attended_token: Its text; empty for a neuron.
    """

    index: int
    value: float
    position: int
    token: str
    attended: int = -1
    attended_token: str = ""


class Activity(msgspec.Struct, frozen=True, tag="activity"):
    """Where a neuron or a head is most active.

    Attributes:
        model: The model's name.
        prompts: How many prompts were asked about.
        read: How many of them have a value: they fit the model, have both words of a pair, or a
            token that is routed to the expert.
        top: The first of those, by falling |value|, then as asked.
        notes: What the user should know, in words.
        seconds: Computing time.
        device: The device that computed it.
        dtype: The precision of the pass.
    """

    model: str
    prompts: int
    read: int
    top: tuple[ActivePrompt, ...]
    notes: tuple[str, ...]
    seconds: float
    device: str
    dtype: str
