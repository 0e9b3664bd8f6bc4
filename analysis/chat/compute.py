"""A model as a partner in conversation: it annotates where no endpoint is at hand."""

from __future__ import annotations

from typing import Any

import torch
from jinja2 import TemplateError
from transformers import LogitsProcessor, LogitsProcessorList, set_seed

from analysis.chat.request import ChatRequest, Reply
from analysis.engine.generation import end_tokens
from analysis.engine.loading import LoadedModel
from analysis.engine.non_finite import explain_non_finite
from analysis.engine.pool import ModelPool
from analysis.events import Progress, Steps
from analysis.problems import problem


class _Finite(LogitsProcessor):
    """Refuses logits that are no numbers: the largest of them would be whichever comes first."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        if not bool(scores.max().isfinite()):
            ids = input_ids[0].tolist()
            raise explain_non_finite(self._loaded.model, ids, self._loaded.facts.name)
        return scores


def chat(request: ChatRequest, models: ModelPool) -> Steps[Reply]:
    """The next turn of a conversation.

    Raises:
        ProblemError: ``model`` where the model has no chat template or computes numbers that are
            not finite; ``input`` where the conversation does not fit into its context window; what
            loading raises.
    """
    loaded = yield from models.get(request.model)
    if not loaded.facts.has_chat_template:
        raise problem(
            "model",
            f"{request.model.name} cannot hold a conversation.",
            "Its tokenizer has no chat template.",
            "Choose an instruction-tuned model.",
        )
    turns = [{"role": role, "content": content} for role, content in request.turns]
    try:
        encoded: Any = loaded.tokenizer.apply_chat_template(turns, add_generation_prompt=True)
    except TemplateError as error:
        raise problem(
            "model",
            f"The chat template of {request.model.name} refuses the conversation.",
            f"It says: {error}.",
            "Where it knows no system role, set system_role = false in a templates file of your "
            "own; or choose another model.",
        ) from None
    loaded.refuse_unknown(encoded["input_ids"])
    prompt = torch.tensor([encoded["input_ids"]], device=loaded.device)
    given = prompt.shape[1]
    window = loaded.facts.context_window
    if window and given + request.max_tokens > window:
        raise problem(
            "input",
            f"The conversation is too long for {request.model.name}.",
            f"It has {given:,} tokens and wants up to {request.max_tokens:,} more; "
            f"the model reads at most {window:,}.",
            "Choose a model with a longer context window.",
        )
    yield Progress("generate", 0, request.max_tokens, "response tokens")
    sampled = (
        {"do_sample": True, "temperature": request.temperature, "top_p": request.top_p}
        if request.temperature > 0
        # A checkpoint may bring these, and transformers warns of what greedy search ignores.
        else {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    )
    set_seed(request.seed)
    model: Any = loaded.model
    with torch.inference_mode():
        output = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=request.max_tokens,
            logits_processor=LogitsProcessorList([_Finite(loaded)]),
            **sampled,
        )
    written: list[int] = output[0, given:].tolist()
    return Reply(
        text=str(loaded.tokenizer.decode(written, skip_special_tokens=True)),
        cut=len(written) >= request.max_tokens and written[-1] not in end_tokens(loaded),
        input_tokens=given,
        output_tokens=len(written),
    )
