"""Where a loaded model has what adds to its residual stream, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel

from analysis.engine.weights import ModelWeights, weights_of
from analysis.problems import ProblemError, problem

# What families call the output projection of an attention.
_OUTPUT = ("o_proj", "out_proj", "c_proj", "dense", "Wo", "linear_out")


@dataclass(frozen=True, eq=False)
class LayerParts:
    """What one layer adds to the residual stream.

    Attributes:
        layer: The module of the layer.
        attention: That of its attention.
        output: Attention's output projection; what enters it are the heads, side by side.
        heads: H.
        down: The down projection of a dense layer; what enters it are the neurons.
        mixture: The module that holds router and experts; None in a dense layer.
    """

    layer: nn.Module
    attention: nn.Module
    output: nn.Module
    heads: int
    down: nn.Module | None
    mixture: nn.Module | None


def layout(model: PreTrainedModel) -> list[LayerParts]:
    """The parts of every layer.

    Raises:
        ProblemError: ``model`` for a family that is not known, and for a layer that adds to the
            residual stream by something else than heads and a feed-forward network.
    """
    weights = weights_of(model)
    for layer, why in (*weights.without_heads, *weights.without_network):
        raise unlike(model, f"Layer {layer} {why}.")
    modules = dict(model.named_modules())
    return [_parts(model, weights, modules, layer) for layer in range(weights.layers)]


def unlike(model: PreTrainedModel, why: str) -> ProblemError:
    """The problem of a model that this method cannot take apart."""
    return problem(
        "model",
        f"What adds to the logits of {type(model).__name__} cannot be told apart.",
        why,
        "Choose another model.",
    )


def _parts(
    model: PreTrainedModel, weights: ModelWeights, modules: dict[str, nn.Module], layer: int
) -> LayerParts:
    attention = modules[weights.attention_module(layer)]
    children = dict(attention.named_children())
    output = next((children[name] for name in _OUTPUT if name in children), None)
    if output is None:
        raise unlike(model, f"The output projection of layer {layer}'s heads is not found.")
    within = modules.get(weights.layer_module(layer))
    if within is None:
        raise unlike(model, f"Layer {layer} is no module of its own.")
    down, mixture = None, None
    if experts := weights.expert_module(layer):
        mixture = modules[experts.rpartition(".")[0]]
        if mixture is within:
            raise unlike(model, f"Layer {layer} has experts beside its feed-forward network.")
    else:
        down = modules[weights.down_module(layer)]
    return LayerParts(within, attention, output, weights.heads_in(layer), down, mixture)
