"""A conversation with a model, turn by turn."""

from __future__ import annotations

import msgspec

from analysis.request import ModelChoice, Request


class ChatRequest(Request["Reply"], frozen=True, tag="chat"):
    """A model's next turn in a conversation; answered by `Reply`.

    Attributes:
        model: Who speaks.
        turns: (role, content) of the turns so far, the user's last.
        temperature: 0 takes the likeliest token every time.
        top_p: Share of probability that is sampled from; of no effect at temperature 0.
        seed: Of the sampling.
        max_tokens: Most tokens of the answer.
    """

    analysis = "chat"
    function = "analysis.chat.compute:chat"
    result = "analysis.chat.request:Reply"
    stored = False

    model: ModelChoice
    turns: tuple[tuple[str, str], ...]
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    max_tokens: int = 300


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """A turn of a conversation.

    Attributes:
        text: As the model wrote it, without special tokens.
        cut: It reached the limit of tokens before its end.
        input_tokens: What the conversation came to.
        output_tokens: What the turn came to.
    """

    text: str
    cut: bool
    input_tokens: int
    output_tokens: int
