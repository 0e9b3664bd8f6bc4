"""Hooks into the feed-forward activations of a loaded model, for the families of METHODS 7.

Dense networks are observed by hooks on the activation function and the down projection. Experts run
inside kernels that hooks cannot observe: during a pass their module is replaced by the plain
implementation below, with its own weights, whichever implementation it otherwise uses. Whether that
computes the same is tried first, on random states: some families clip, add biases or store their
weights otherwise, and are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from analysis.engine.weights import ModelWeights, weights_of
from analysis.engine.whereabouts import at_hand, runs_on
from analysis.problems import ProblemError, problem

_ACTIVATIONS = ("act_fn", "activation_fn", "act", "activation", "activation_func", "gelu_impl")
# Half floats round; whatever is computed otherwise is off by much more.
_AGREES = 0.03


@dataclass(frozen=True, eq=False)
class FeedForward:
    """The feed-forward network of one layer.

    Attributes:
        activation: The activation function of the network that every token uses: the one of a dense
            layer, a mixture's shared expert, or None.
        down: Its down projection, or None.
        experts: The routed experts; None in a dense layer.
        routed: Number of experts that the router chooses from; 0 in a dense layer.
        starts: Position of each expert's first neuron in the layer, the shared expert's last, and
            the total; [0, D_ff] in a dense layer.
    """

    activation: nn.Module | None
    down: nn.Module | None
    experts: Any
    routed: int
    starts: tuple[int, ...]

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        parts = [each for each in (self.down, self.experts) if each is not None]
        return runs_on(parts[0])

    @property
    def units(self) -> int:
        """U, the number of neurons in the layer."""
        return self.starts[-1]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network at `expert`, a position in `FeedForward.starts`, computed for some tokens.

    `tokens`: int64 [n], which of the batch's tokens, counted row by row; None for all. `gate`: [n,
    F], output of the activation function; `product`: [n, F], input of the down projection.
    """

    expert: int
    tokens: Tensor | None
    gate: Tensor
    product: Tensor


See = Callable[[Seen], None]


def feed_forwards(model: PreTrainedModel) -> list[FeedForward]:
    """The feed-forward networks of a model, layer by layer.

    Raises:
        ProblemError: ``model`` for a family that cannot be read, a layer without such a network, or
            one whose units cannot be watched.
    """
    weights = weights_of(model)
    if weights.without_network:
        layer, why = weights.without_network[0]
        raise _unlike(model, f"Layer {layer} {why}.")
    return [_feed_forward(model, weights, layer) for layer in range(weights.layers)]


def _feed_forward(model: PreTrainedModel, weights: ModelWeights, layer: int) -> FeedForward:
    name, within = weights.down_module(layer), weights.expert_module(layer)
    routed = weights.experts_in(layer) - bool(name) if within else 0
    widths = [weights.units_in(layer)] * routed
    activation, down, experts = None, None, None
    if name:
        modules = dict(model.named_modules())
        down, around = modules.get(name), modules[name.rpartition(".")[0]]
        activation = _child(around, _ACTIVATIONS)
        if activation is None or not isinstance(getattr(down, "weight", None), Tensor):
            raise _unlike(model, f"In layer {layer} no module stands for the activation function.")
        assert down is not None
        widths.append(_width(down))
    if within:
        experts = _itself(model.get_submodule(within))
        if not _can_be_written_out(experts, routed, weights.width):
            raise _unlike(model, f"The experts of layer {layer} compute in a way of their own.")
    return FeedForward(activation, down, experts, routed, tuple(accumulate(widths, initial=0)))


@contextmanager
def watched(network: FeedForward, see: See) -> Iterator[None]:
    """Call `see` with what a layer's neurons compute; the hooks are removed afterwards."""
    with ExitStack() as stack:
        if network.activation is not None and network.down is not None:
            gates: list[Tensor] = []

            def activation(_module: nn.Module, _args: object, output: Tensor) -> None:
                gates.append(output)

            def down(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
                gate, product = gates[-1].flatten(0, -2), args[0].flatten(0, -2)
                if len(gates) != 1 or gate.shape != product.shape:
                    raise problem(
                        "model",
                        "The neurons of this model cannot be watched.",
                        "One of its networks applies its activation function to something else.",
                        "Choose another model.",
                    )
                gates.clear()
                see(Seen(len(network.starts) - 2, None, gate, product))

            stack.callback(network.activation.register_forward_hook(activation).remove)
            stack.callback(network.down.register_forward_pre_hook(down).remove)
        if network.experts is not None:
            stack.enter_context(_written_out(network.experts, see, None))
        yield


@contextmanager
def silenced(network: FeedForward, neurons: Sequence[int]) -> Iterator[None]:
    """Silence some neurons of a layer, given by position; the hooks are removed afterwards."""
    silent = torch.zeros(network.units, dtype=torch.bool, device=network.device)
    silent[list(neurons)] = True
    with ExitStack() as stack:
        if network.down is not None:
            own = silent[network.starts[-2] :]

            def down(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
                return (args[0].masked_fill(own, 0.0), *args[1:])

            stack.callback(network.down.register_forward_pre_hook(down).remove)
        if network.experts is not None:
            routed = silent[: network.starts[network.routed]].view(network.routed, -1)
            stack.enter_context(_written_out(network.experts, None, routed))
        yield


@contextmanager
def _written_out(experts: Any, see: See | None, silent: Tensor | None) -> Iterator[None]:
    """Replace the experts' arithmetic with a plain loop over experts.

    Their fused weights are gate_up_proj [E, 2·F, D] and down_proj [E, D, F]; `see` is called for
    every expert that has tokens; `silent`, bool [E, F], are silenced neurons.
    """

    def forward(states: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        output = torch.zeros_like(states)
        with at_hand(experts):
            # Once: an adapter adds its change to all experts each time that one asks for them.
            gate_up, down = experts.gate_up_proj, experts.down_proj
        for expert in sorted(set(chosen.flatten().tolist())):
            tokens, rank = (chosen == expert).nonzero(as_tuple=True)
            both = linear(states[tokens], gate_up[expert])
            gate, up = both.chunk(2, dim=-1)
            gate = experts.act_fn(gate)
            product = gate * up
            if see is not None:
                see(Seen(expert, tokens, gate, product))
            if silent is not None:
                product = product.masked_fill(silent[expert], 0.0)
            written = linear(product, down[expert]) * weights[tokens, rank, None]
            output.index_add_(0, tokens, written.to(output.dtype))
        return output

    before = vars(experts).get("forward")
    try:
        experts.forward = forward
        yield
    finally:
        if before is None:
            vars(experts).pop("forward", None)
        else:
            experts.forward = before


def _itself(module: Any) -> Any:
    """A module without the layers that peft puts around it.

    Those around experts change their weights while they run, so that what is in them sees the
    changed ones; a projection keeps its layer, which adds its change to the output.
    """
    while hasattr(module, "base_layer"):
        module = module.base_layer
    return module


def _can_be_written_out(experts: Any, count: int, width: int) -> bool:
    """Whether the plain loop computes what the experts do, for a few random states.

    Of experts without numbers, whether they have what the loop takes.
    """
    device, dtype = runs_on(experts), next(iter(experts.parameters())).dtype
    if device.type == "meta":
        return all(hasattr(experts, name) for name in ("gate_up_proj", "down_proj", "act_fn"))
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(4, width, generator=generator)
    shares = torch.rand(4, min(2, count), generator=generator)
    # The latter half is large enough for what clips its units.
    states[2:] *= 30
    chosen = torch.tensor([[0, count - 1], [count - 1, 0], [0, count // 2], [count // 2, 0]])
    asked = (
        states.to(device, dtype),
        chosen[:, : shares.shape[1]].to(device),
        shares.to(device, dtype),
    )
    try:
        with torch.no_grad():
            own = experts(*asked)
            with _written_out(experts, None, None):
                ours = experts(*asked)
    except (AttributeError, TypeError, RuntimeError, ValueError, IndexError):
        return False
    if not isinstance(own, Tensor) or own.shape != ours.shape:
        return False
    off, size = ((each.abs().amax(dim=1)) for each in (own - ours, own))
    return bool((off <= _AGREES * size).all())


def _child(network: nn.Module, names: Sequence[str]) -> nn.Module | None:
    children = dict(network.named_children())
    return next((children[name] for name in names if name in children), None)


def _width(down: nn.Module) -> int:
    """D_ff. Conv1D stores [in, out]; the weight of a quantised layer may have any shape."""
    down = _itself(down)
    if isinstance(down, Conv1D):
        return int(down.get_parameter("weight").shape[0])
    return int(getattr(down, "in_features", None) or down.get_parameter("weight").shape[1])


def _unlike(model: PreTrainedModel, why: str) -> ProblemError:
    return problem(
        "model",
        f"The neurons of {type(model).__name__} cannot be watched.",
        why,
        "Choose another model; its weights alone may still be read.",
    )
