"""One layer of a model, read from its weights without building it."""

from __future__ import annotations

from torch import Tensor

from analysis.engine.pool import ModelPool
from analysis.engine.weights import ModelWeights, open_weights
from analysis.events import Steps
from analysis.problems import problem
from analysis.request import ModelChoice


def layer_weights(choice: ModelChoice, layer: int, models: ModelPool) -> Steps[ModelWeights]:
    """The model's weights; ProblemError if it lacks the layer or is unavailable."""
    weights = open_weights((yield from models.folder(choice)))
    if not 0 <= layer < weights.layers:
        raise problem(
            "input",
            f"There is no layer {layer}.",
            f"{choice.name} has {weights.layers} layers, 0 to {weights.layers - 1}.",
        )
    return weights


def layer_patterns(weights: ModelWeights, choice: ModelChoice, layer: int, expert: int) -> Tensor:
    """W_p [D_ff, D] of a dense layer, or of one of its experts; ProblemError if there is none."""
    experts = weights.experts_in(layer)
    if expert < 0 and not experts:
        return weights.down_projection(layer)
    if not 0 <= expert < experts:
        asked = f"expert {expert}" if expert >= 0 else "dense feed-forward network"
        raise problem(
            "input",
            f"Layer {layer} of {choice.name} has no {asked}.",
            f"It has {experts} experts." if experts else "It is dense.",
        )
    return weights.expert_down_projection(layer, expert)
