"""Greedy generation, token by token, so that it can be watched and stopped (METHODS 1)."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Sequence
from typing import Any, Literal

import torch

from analysis.models.loading import LoadedModel
from analysis.models.non_finite import explain_non_finite

Ending = Literal["end", "length"]


def generate(
    loaded: LoadedModel, prompt_ids: Sequence[int], max_new_tokens: int
) -> Generator[int, None, Ending]:
    """The response a model gives, the most probable token at every step.

    The same ids as ``model.generate(do_sample=False)`` gives without the sampling settings that a
    checkpoint may bring (temperature, repetition penalty): the paper's responses are plain greedy
    ones, and only those let the importance of a token explain why the model chose it.

    Args:
        loaded: The model.
        prompt_ids: N token ids.
        max_new_tokens: Upper bound of the response; the context window is another.

    Yields:
        Token ids without the end token.

    Raises:
        NotFiniteError: ``model`` where the model gives no numbers to choose by.

    Returns:
        ``end`` when the model ended the response, ``length`` when a bound did.
    """
    window = loaded.facts.context_window
    room = min(max_new_tokens, window - len(prompt_ids)) if window else max_new_tokens
    ends = end_tokens(loaded)
    state = _State(loaded, list(prompt_ids))
    for _ in range(room):
        token = state.next_token()
        if token in ends:
            return "end"
        yield token
    return "length"


def end_tokens(loaded: LoadedModel) -> frozenset[int]:
    """The ids that end a response: the generation configuration's, else the tokenizer's."""
    configured = getattr(loaded.model.generation_config, "eos_token_id", None)
    if configured is None:
        configured = loaded.tokenizer.eos_token_id
    if configured is None:
        return frozenset()
    return frozenset([configured] if isinstance(configured, int) else configured)


class _State:
    """A text under way: what the model has read, and the tokens it has not read yet."""

    def __init__(self, loaded: LoadedModel, ids: list[int]) -> None:
        self._loaded = loaded
        self._ids = ids
        self._unread = ids
        self._cache: object = None
        self._options: dict[str, Any] = {"use_cache": True}
        # A head over the whole prompt would be thrown away but for its last row.
        if "logits_to_keep" in inspect.signature(loaded.model.forward).parameters:
            self._options["logits_to_keep"] = 1

    def next_token(self) -> int:
        """Read what is unread and append the most probable token."""
        unread = torch.tensor([self._unread], device=self._loaded.device)
        # Not around a yield: gradients must be as the caller left them between two tokens.
        with torch.no_grad():
            output = self._loaded.model(
                input_ids=unread, past_key_values=self._cache, **self._options
            )
            logits = output.logits[0, -1].float()
            token = int(logits.argmax())
        # The largest of numbers of which one is none is that one.
        if not logits[token].isfinite():
            raise explain_non_finite(self._loaded.model, self._ids, self._loaded.facts.name)
        self._ids = [*self._ids, token]
        self._cache = getattr(output, "past_key_values", None)
        # A model without such a cache reads everything again.
        self._unread = self._ids if self._cache is None else [token]
        return token
