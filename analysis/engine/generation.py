"""Greedy generation token by token, so that it can be watched and stopped (METHODS 1).

The tokens come from transformers' own `generate`, because each family carries its own state
(positions, masks, memories) from step to step. It runs on a thread that waits after every token
until the next one is requested.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
)

from analysis.engine.loading import LoadedModel
from analysis.engine.memory import is_out_of_memory
from analysis.engine.non_finite import explain_non_finite
from analysis.engine.reasons import reason
from analysis.problems import ProblemError, problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Ending = Literal["end", "length"]


def generate(
    loaded: LoadedModel,
    prompt_ids: Sequence[int],
    max_new_tokens: int,
    ends: frozenset[int] | None = None,
) -> Generator[int, None, Ending]:
    """Generate the model's response, taking the most probable token at every step.

    Gives the same ids as ``model.generate(do_sample=False)`` without the sampling settings that a
    checkpoint may bring (temperature, repetition penalty): the paper's responses are plain greedy
    ones, and only for those does a token's importance explain why the model chose it.

    Args:
        loaded: The model.
        prompt_ids: N token ids.
        max_new_tokens: Upper bound of the response; the context window is another.
        ends: The ids that end a response; default `end_tokens`.

    Yields:
        Token ids without the end token.

    Returns:
        ``end`` when the model ended the response, ``length`` when a bound did.

    Raises:
        NotFiniteError: ``model`` when the model's logits are not finite.
        ProblemError: ``model`` when transformers cannot generate with it.
    """
    ends = end_tokens(loaded) if ends is None else ends
    window = loaded.facts.context_window
    room = min(max_new_tokens, window - len(prompt_ids)) if window else max_new_tokens
    if room <= 0:
        return "length"
    if not getattr(loaded.model, "can_generate", lambda: False)():
        raise problem(
            "model",
            f"transformers cannot generate text with {loaded.facts.name}.",
            f"It is a {type(loaded.model).__name__}.",
            "Give the response to explain, or choose a model that continues text.",
        )
    steps = _Steps()
    thread = threading.Thread(
        target=steps.run, args=(loaded, list(prompt_ids), room), name="generation", daemon=True
    )
    thread.start()
    try:
        for token in steps:
            if token in ends:
                return "end"
            yield token
        return "length"
    finally:
        # The model is in its original state again only once the thread has left it.
        steps.stop()
        thread.join()


def end_tokens(loaded: LoadedModel) -> frozenset[int]:
    """The ids that end a response: the generation configuration's, else the tokenizer's."""
    return ending_tokens(loaded.model, loaded.tokenizer)


def ending_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """As `end_tokens`, of a model that may be without its numbers."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    if configured is None:
        configured = tokenizer.eos_token_id
    if configured is None:
        return frozenset()
    return frozenset([configured] if isinstance(configured, int) else configured)


class _Steps(StoppingCriteria):
    """A generation that advances one token per request."""

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._found: queue.SimpleQueue[int | BaseException | None] = queue.SimpleQueue()
        self.begun = False

    def __iter__(self) -> Generator[int, None, None]:
        while True:
            self._wanted.put(True)
            found = self._found.get()
            if isinstance(found, BaseException):
                raise found
            if found is None:
                return
            yield found

    def stop(self) -> None:
        self._wanted.put(False)

    def run(self, loaded: LoadedModel, prompt: list[int], room: int) -> None:
        """Generate on the calling thread, as far as requested."""
        if not self._wanted.get():
            return
        try:
            _generated(loaded, prompt, room, self)
            self._found.put(None)
        except BaseException as error:
            self._found.put(error)

    def __call__(self, input_ids: Tensor, scores: Any, **options: Any) -> Tensor:
        """Pass on the token just chosen, wait, and return whether to stop."""
        self.begun = True
        self._found.put(int(input_ids[0, -1]))
        ended = not self._wanted.get()
        return torch.full((len(input_ids),), ended, dtype=torch.bool, device=input_ids.device)


class _NoNumbersError(Exception):
    """The logits after these token ids have no finite maximum."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__()
        self.ids = ids


class _Numbers(LogitsProcessor):
    """Refuses logits without a finite maximum; leaves others unchanged."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        largest = scores.max()
        # The maximum of numbers that include a NaN is NaN.
        if not bool(largest.isfinite()):
            raise _NoNumbersError(input_ids[0].tolist())
        return scores


def _generated(loaded: LoadedModel, prompt: list[int], room: int, steps: _Steps) -> None:
    """Run transformers' generation; without a cache for the few models that cannot create one."""
    for use_cache in (True, False):
        try:
            _generated_once(loaded, prompt, room, steps, use_cache=use_cache)
        except _NoNumbersError as error:
            raise explain_non_finite(loaded.model, error.ids, loaded.facts.name) from None
        except Exception as error:
            if isinstance(error, ProblemError) or is_out_of_memory(error):
                raise
            if steps.begun or not use_cache:
                raise problem(
                    "model",
                    f"transformers cannot generate text with {loaded.facts.name}.",
                    reason(error),
                    "Give the response to explain, or choose another model.",
                ) from error
        else:
            return


def _generated_once(
    loaded: LoadedModel, prompt: list[int], room: int, steps: _Steps, *, use_cache: bool
) -> None:
    model: Any = loaded.model
    ids = torch.tensor([prompt], device=loaded.device)
    brought = model.generation_config
    # The checkpoint's settings fill every gap in those given, so they are set aside.
    special = {"bos_token_id": brought.bos_token_id, "pad_token_id": brought.pad_token_id}
    model.generation_config = GenerationConfig(**special)  # type: ignore[no-untyped-call]
    settings: Any = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=room, do_sample=False, use_cache=use_cache
    )
    try:
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            generation_config=settings,
            logits_processor=LogitsProcessorList([_Numbers()]),
            stopping_criteria=StoppingCriteriaList([steps]),
        )
    finally:
        model.generation_config = brought


# Stands in for the model's answer, to find what the template puts after it.
_ANSWER = "\ue000the answer\ue001"


@dataclass(frozen=True)
class TurnEnd:
    """What follows an answer in a conversation.

    Attributes:
        token: The single token that ends the turn; None if no single token does.
        text: What the template writes after an answer; empty for nothing or without a template.
    """

    token: int | None
    text: str


def turn_end(tokenizer: PreTrainedTokenizerBase) -> TurnEnd:
    """How the tokenizer's chat template ends a turn of the model.

    Checkpoints do not always list this token among those that end a response; the model then
    continues and plays the user as well.
    """
    text = _after_answer(tokenizer)
    if not text:
        return TurnEnd(None, "")
    added = {index: token.content for index, token in tokenizer.added_tokens_decoder.items()}
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    first = next((token for token in tokens if str(tokenizer.decode([token])).strip()), None)
    return TurnEnd(first if first in added else None, text)


def answer_turn(loaded: LoadedModel, *, chat_template: bool) -> TurnEnd:
    """How an answer's turn ends; nothing follows one without the chat template."""
    return turn_end(loaded.tokenizer) if chat_template else TurnEnd(None, "")


def response_ends(loaded: LoadedModel, turn: TurnEnd) -> frozenset[int]:
    """The ids that end a response: the model's `end_tokens`, and the token that ends the turn."""
    return end_tokens(loaded) | (frozenset() if turn.token is None else {turn.token})


def _after_answer(tokenizer: PreTrainedTokenizerBase) -> str:
    if not tokenizer.chat_template:
        return ""
    turns = [{"role": "user", "content": "a question"}, {"role": "assistant", "content": _ANSWER}]
    try:
        chat = str(tokenizer.apply_chat_template(turns, tokenize=False))
    except Exception:  # A template may refuse anything; using it on the prompt says why.
        return ""
    return chat.rpartition(_ANSWER)[2].strip() if _ANSWER in chat else ""
