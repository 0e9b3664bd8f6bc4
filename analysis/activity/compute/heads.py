"""The prompts in which an attention head attends most between two words (METHODS 18)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn
from transformers import PreTrainedModel

from analysis.activity.compute.reading import (
    most_active,
    number,
    refuse_layer,
    run_model,
    texts_of,
    tokens_of,
)
from analysis.activity.compute.words import anywhere, between
from analysis.activity.request import HeadActivityRequest
from analysis.activity.result import ActivePrompt, Activity
from analysis.engine.pool import ModelPool
from analysis.engine.weights import weights_of
from analysis.events import Steps
from analysis.neurons.compute.batches import Text
from analysis.problems import ProblemError, problem
from analysis.saliency.compute.switches import differentiable_kernels


def head_activity(request: HeadActivityRequest, models: ModelPool) -> Steps[Activity]:
    """Where a head's attention weight between two words is largest, or between any two tokens.

    A prompt without both words is not read.

    Raises:
        ProblemError: ``input`` for an unusable prompt, or if there is no such head, ``model`` for a
            model whose attention weights cannot be seen, ``memory``, and errors from loading.
    """
    started = time.monotonic()
    loaded = yield from models.get(request.model)
    attention = _attention(request, loaded.model)
    tokens = tokens_of(request, loaded)
    fitting = texts_of(tokens, loaded)

    def places(text: Text) -> Tensor:
        own = tokens[text.index]
        if request.pair is None:
            return anywhere(own)
        return between(request.prompts[text.index], own, request.pair)

    def look(
        ids: Tensor, mask: Tensor, _counted: Tensor, batch: Sequence[Text]
    ) -> list[ActivePrompt]:
        with _weights(attention, loaded.model, request.head, len(batch)) as seen:
            run_model(loaded, ids, mask, batch)
        if len(seen) != 1 or seen[0].shape != (*ids.shape, ids.shape[1]):
            raise _unseen(loaded.model)
        return [_largest(seen[0][row], text, places(text)) for row, text in enumerate(batch)]

    def _largest(weights: Tensor, text: Text, where: Tensor) -> ActivePrompt:
        values = weights.cpu()[where[:, 0], where[:, 1]]
        at = int(values.argmax())
        query, key = where[at].tolist()
        own = tokens[text.index].texts
        return ActivePrompt(text.index, number(values[at]), query, own[query], key, own[key])

    texts = [text for text in fitting if len(places(text))]
    notes = []
    if missing := len(fitting) - len(texts):
        what = "only one token" if request.pair is None else "not both words"
        notes.append(f"{missing:,} of {len(request.prompts):,} prompts have {what}.")
    answer = yield from most_active(request, loaded, models, look, texts, fitting, notes, started)
    return answer


def _attention(request: HeadActivityRequest, model: PreTrainedModel) -> nn.Module:
    """The attention module of the layer."""
    weights = weights_of(model)
    refuse_layer(request, weights.layers)
    for layer, why in weights.without_heads:
        if layer == request.layer:
            raise problem("model", f"Layer {layer} {why}.", "It has no attention weights.")
    heads = weights.heads_in(request.layer)
    if not 0 <= request.head < heads:
        raise problem(
            "input",
            f"There is no head {request.head}.",
            f"Layer {request.layer} of {request.model.name} has {heads}, 0 to {heads - 1}.",
        )
    return model.get_submodule(weights.attention_module(request.layer))


@contextmanager
def _weights(
    attention: nn.Module, model: PreTrainedModel, head: int, rows: int
) -> Iterator[list[Tensor]]:
    """Run attention written out, and keep one head's weights of one layer, [B, T, T]."""
    seen: list[Tensor] = []

    def keep(_module: nn.Module, _args: object, output: object) -> None:
        parts = output if isinstance(output, tuple) else ()
        for each in parts[1:]:
            if isinstance(each, Tensor) and each.dim() == 4 and len(each) == rows:
                # A copy, so that the other heads' weights go.
                seen.append(each[:, head].clone())
                return

    hook = attention.register_forward_hook(keep)
    try:
        with differentiable_kernels(model, "eager"):
            yield seen
    finally:
        hook.remove()


def _unseen(model: PreTrainedModel) -> ProblemError:
    return problem(
        "model",
        f"The attention weights of {type(model).__name__} cannot be seen.",
        "Its attention does not return them.",
        "Choose another model.",
    )
