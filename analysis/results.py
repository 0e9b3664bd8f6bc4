"""What the engine answers: frozen structures of numpy arrays and strings, each with its table."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]


class Tokens(msgspec.Struct, frozen=True, tag="tokens"):
    """Token ids with their text and their place in the user's text.

    Attributes:
        ids: Vocabulary ids, as the model saw them.
        texts: The exact text of each token; a byte that is no whole character is ``<0xF0>``.
        spans: Per token the characters ``[start, end)`` of the user's text it covers; None for
            tokens that the user did not write (BOS, chat template).
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    spans: tuple[Span | None, ...]

    def __len__(self) -> int:
        """Number of tokens."""
        return len(self.ids)

    def written_by_user(self) -> NDArray[np.bool_]:
        """[N] bool: True for the tokens of the user's own text."""
        return np.array([span is not None for span in self.spans], dtype=np.bool_)


class ModelFacts(msgspec.Struct, frozen=True, tag="model"):
    """What a loaded model is.

    Attributes:
        name: The name it was asked for under.
        family: The configuration's ``model_type``.
        parameters: Number of parameters.
        layers: Number of transformer blocks.
        vocabulary: Size of the vocabulary.
        context_window: Longest sequence the model takes, in tokens; 0 where it has no limit.
        device: Where it is, as torch says it.
        dtype: Precision of its weights in memory.
        has_chat_template: Its tokenizer has a chat template.
        tokenizer_digest: Equal for two models that cut text into the same tokens.
        seconds: Time it took to load.
    """

    name: str
    family: str
    parameters: int
    layers: int
    vocabulary: int
    context_window: int
    device: str
    dtype: str
    has_chat_template: bool
    tokenizer_digest: str
    seconds: float


class Attribution(msgspec.Struct, frozen=True, tag="attribution"):
    """Importance I[n, m] of prompt token n for response token m (METHODS 1).

    Attributes:
        model: The model's name as the user knows it.
        prompt: The user's text.
        prompt_tokens: All tokens the model was given, template and special tokens included.
        response_tokens: The response without its end token; their spans lie in the response text.
        importance: float32 [N, M], signed; NaN where not computed yet.
        target: What was differentiated.
        method: The algorithm that ran.
        device: Where it ran.
        dtype: Precision of the weights it ran on.
        ended: ``end`` when the model ended the response, ``length`` when the limit did, ``given``
            when the response was the user's, ``running`` while it is still being written.
        seconds: Time the attribution took, generation and loading excluded.
        response: The response as text; U+FFFD stands for bytes that make no character.
        passes_dtype: Precision that the passes of the method ran in; empty until they ran.
        note: What the user should know of how it was computed, such as a method that the model
            cannot do; empty for nothing.
    """

    model: str
    prompt: str
    prompt_tokens: Tokens
    response_tokens: Tokens
    importance: NDArray[np.float32]
    target: str
    method: str
    device: str
    dtype: str
    ended: Literal["end", "length", "given", "running"]
    seconds: float
    response: str = ""
    passes_dtype: str = ""
    note: str = ""


Result = ModelFacts | Tokens | Attribution
