"""Facts about a model, loaded or by its configuration alone, and the tokens of a prompt."""

from __future__ import annotations

from analysis.engine.pool import ModelPool
from analysis.engine.tokenizing import tokenize
from analysis.events import ModelFacts, Steps
from analysis.models.request import (
    Architecture,
    ArchitectureRequest,
    Gap,
    LoadRequest,
    TokenizeRequest,
)
from analysis.models.tokens import Tokens


def load(request: LoadRequest, models: ModelPool) -> Steps[ModelFacts]:
    return (yield from models.get(request.model)).facts


def tokenize_prompt(request: TokenizeRequest, models: ModelPool) -> Steps[Tokens]:
    """Tokenize a prompt, without loading the weights."""
    tokenizer = yield from models.tokenizer(request.model)
    return tokenize(tokenizer, request.prompt, chat_template=request.chat_template)


def describe(request: ArchitectureRequest, models: ModelPool) -> Steps[Architecture]:
    """A model's architecture, from its configuration and the names of its tensors."""
    weights = yield from models.weights(request.model)
    heads = tuple(weights.heads_in(layer) for layer in range(weights.layers))
    return Architecture(
        model=request.model.name,
        family=weights.family,
        layers=weights.layers,
        heads=max(heads),
        key_value_heads=weights.key_value_heads,
        head_dim=weights.head_dim,
        width=weights.width,
        feed_forward=weights.feed_forward,
        experts=weights.experts + weights.shared_experts if weights.experts else 0,
        notes=weights.notes,
        dense_layers=tuple(
            layer
            for layer in range(weights.layers)
            if weights.experts and not weights.experts_in(layer)
        ),
        layer_heads=heads if len(set(heads)) > 1 else (),
        without_heads=tuple(Gap(*each) for each in weights.without_heads),
        without_network=tuple(Gap(*each) for each in weights.without_network),
    )
