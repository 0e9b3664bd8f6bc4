"""What can be asked of the engine: one small frozen structure a question, no torch needed."""

from __future__ import annotations

from typing import Literal

import msgspec

Target = Literal["log_probability", "probability"]
Method = Literal["auto", "forward", "reverse", "occlusion", "occlusion_zeroed"]
DType = Literal["auto", "float32", "float16", "bfloat16"]


class ModelChoice(msgspec.Struct, frozen=True):
    """A model and how to load it.

    Attributes:
        name: What the user called it: an alias, a hub id, a folder; shown, never opened.
        location: What the name stands for: a hub id or an absolute folder.
        revision: Branch, tag or commit on the hub; empty for the default branch.
        device: ``auto``, ``cpu``, ``cuda:N`` or ``mps``.
        dtype: Precision of the weights in memory; ``auto`` is float32 on a CPU, else the
            checkpoint's own.
        trust_remote_code: Run Python code that comes with the model. Off unless asked for by name.
        allow_pickle: Load pickled weights (``*.bin``). Off unless asked for by name.
    """

    name: str
    location: str
    revision: str = ""
    device: str = "auto"
    dtype: DType = "auto"
    trust_remote_code: bool = False
    allow_pickle: bool = False


class LoadRequest(msgspec.Struct, frozen=True, tag="load"):
    """Load a model and say what it is; answered by `results.ModelFacts`."""

    model: ModelChoice


class TokenizeRequest(msgspec.Struct, frozen=True, tag="tokenize"):
    """The tokens of a prompt as the model would see them; answered by `results.Tokens`."""

    model: ModelChoice
    prompt: str
    chat_template: bool = False


class AttributionRequest(msgspec.Struct, frozen=True, tag="attribution"):
    """Importance of every prompt token for every response token (METHODS 1, paper 4.1).

    Attributes:
        model: Which model answers and is explained.
        prompt: The user's text, as typed.
        chat_template: Wrap the prompt in the model's chat template first.
        response: The response to explain; None lets the model write one, greedily.
        response_ids: The response as token ids, exactly as a model wrote it; goes before `response`.
        max_new_tokens: Upper bound of a generated response.
        method: ``forward`` and ``reverse`` compute the same gradient, ``auto`` takes the cheaper;
            ``occlusion`` deletes the token, ``occlusion_zeroed`` makes its embedding zero.
        target: Differentiate log p(y_m) or p(y_m). Occlusion always compares p(y_m).
        memory_budget: Bytes that the passes may take beside the weights; None for a share of what
            is free. Part of no cache key: the numbers do not depend on it.
    """

    model: ModelChoice
    prompt: str
    chat_template: bool = False
    response: str | None = None
    response_ids: tuple[int, ...] | None = None
    max_new_tokens: int = 300
    method: Method = "auto"
    target: Target = "log_probability"
    memory_budget: int | None = None


Request = LoadRequest | TokenizeRequest | AttributionRequest
