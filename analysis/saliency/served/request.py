"""Requests about a response that a server wrote: what to send it, and whether to believe it.

The engine writes nothing here. It cuts the prompt into tokens before it is sent, and checks what
came back against the model and its tokenizer; the session keeps what passed.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from analysis.request import ModelChoice, Request


class ServedPromptRequest(Request["ServedPrompt"], frozen=True, tag="served_prompt"):
    """Cut a prompt into the tokens that the model itself would be given."""

    analysis = "served prompt"
    function = "analysis.saliency.compute.served:served_prompt"
    result = "analysis.saliency.served.request:ServedPrompt"
    stored = False

    model: ModelChoice
    prompt: str
    chat_template: bool = False


class ServedPrompt(msgspec.Struct, frozen=True, tag="served_prompt"):
    """What a server is sent of a prompt.

    Attributes:
        ids: N token ids, those of the template and special tokens too.
        ends: The ids that end a response, ascending.
        room: Tokens that the model's context window leaves for a response; None for no limit.
    """

    ids: tuple[int, ...]
    ends: tuple[int, ...]
    room: int | None


class ServerAnswer(msgspec.Struct, frozen=True):
    """What a server sent, as it came.

    Attributes:
        text: The response as text.
        ids: Its token ids, an end token included where the server includes it.
        prompt_ids: The ids that the server says it was given; None if it does not say.
        finish: Why it ended, in the server's word; empty if it does not say.
        stop: The id of the token that ended it; None if the server does not say.
    """

    text: str
    ids: tuple[int, ...]
    prompt_ids: tuple[int, ...] | None = None
    finish: str = ""
    stop: int | None = None


class ServedResponseRequest(Request["ServedResponse"], frozen=True, tag="served_response"):
    """A response of a model behind a server, to a prompt as `AttributionRequest` has it.

    Its key names the server and the model there: batches are summed in another order than here, so
    that a server's response may differ from the one that is generated here.

    Attributes:
        model: The same model here, which is explained.
        prompt: The user's text, as typed.
        chat_template: Wrap the prompt in the model's chat template first.
        max_new_tokens: Upper bound of the response.
        place: The server's address, without user, password and query.
        server_model: The model's name there.
        answer: What the server sent, to be checked. Not in the key: it is what was asked for.
    """

    analysis = "served response"
    function = "analysis.saliency.compute.served:served_response"
    result = "analysis.saliency.served.request:ServedResponse"
    outside_key = ("answer",)

    model: ModelChoice
    prompt: str
    chat_template: bool = False
    max_new_tokens: int = 300
    place: str = ""
    server_model: str = ""
    answer: ServerAnswer | None = None


class ServedResponse(msgspec.Struct, frozen=True, tag="served_response"):
    """A response that a server wrote, once it has passed the checks.

    Attributes:
        ids: M token ids, without the end token.
        text: The text that they spell, ``U+FFFD`` for invalid bytes.
        ended: ``end`` when the model ended the response, ``length`` when a limit did.
    """

    ids: tuple[int, ...]
    text: str
    ended: Literal["end", "length"]
