"""Hooks into the feed-forward activations of a loaded model, for any family of METHODS 7.

Dense networks are observed by hooks on the activation function and the down projection. Experts run
inside kernels that hooks cannot observe: during a pass their module is replaced by the plain
implementation below, with its own weights, whichever implementation it otherwise uses.
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

from analysis.engine.weights import weights_of
from analysis.engine.whereabouts import at_hand, runs_on
from analysis.problems import ProblemError, problem

_ACTIVATIONS = ("act_fn", "activation_fn", "act")
_DOWN_PROJECTIONS = ("down_proj", "c_proj", "fc_out", "dense_4h_to_h")


@dataclass(frozen=True, eq=False)
class FeedForward:
    """The feed-forward network of one layer.

    Attributes:
        block: The whole network.
        plain: The network that every token uses: the block itself, a mixture's shared expert, or
            None.
        experts: The routed experts; None in a dense layer.
        starts: Position of each expert's first neuron in the layer, the shared expert's last, and
            the total; [0, D_ff] in a dense layer.
    """

    block: nn.Module
    plain: nn.Module | None
    experts: Any
    starts: tuple[int, ...]

    @property
    def routed(self) -> int:
        """Number of experts that the router chooses from; 0 in a dense layer."""
        return 0 if self.experts is None else int(self.experts.num_experts)

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
        ProblemError: ``model`` for a family without an adapter, or an unexpected structure.
    """
    weights = weights_of(model)
    found: list[FeedForward] = []
    for layer in range(weights.layers):
        block = getattr(model.get_submodule(weights.layer_module(layer)), "mlp", None)
        if not isinstance(block, nn.Module):
            raise _unknown(model)
        experts = _itself(getattr(block, "experts", None))
        plain = block if experts is None else getattr(block, "shared_expert", None)
        widths: list[int] = []
        if experts is not None:
            widths += [experts.down_proj.shape[2]] * experts.num_experts
        if plain is not None:
            if _child(plain, _ACTIVATIONS) is None or _child(plain, _DOWN_PROJECTIONS) is None:
                raise _unknown(model)
            widths.append(_width(_down(plain)))
        found.append(FeedForward(block, plain, experts, tuple(accumulate(widths, initial=0))))
    return found


@contextmanager
def watched(network: FeedForward, see: See) -> Iterator[None]:
    """Call `see` with what a layer's neurons compute; the hooks are removed afterwards."""
    with ExitStack() as stack:
        if network.plain is not None:
            gates: list[Tensor] = []

            def activation(_module: nn.Module, _args: object, output: Tensor) -> None:
                gates.append(output)

            def down(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
                gate, product = gates.pop().flatten(0, -2), args[0].flatten(0, -2)
                see(Seen(len(network.starts) - 2, None, gate, product))

            stack.callback(_activation(network.plain).register_forward_hook(activation).remove)
            stack.callback(_down(network.plain).register_forward_pre_hook(down).remove)
        if network.experts is not None:
            stack.enter_context(_written_out(network.experts, see, None))
        yield


@contextmanager
def silenced(network: FeedForward, neurons: Sequence[int]) -> Iterator[None]:
    """Silence some neurons of a layer, given by position; the hooks are removed afterwards."""
    silent = torch.zeros(network.units, dtype=torch.bool, device=runs_on(network.block))
    silent[list(neurons)] = True
    with ExitStack() as stack:
        if network.plain is not None:
            own = silent[network.starts[-2] :]

            def down(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
                return (args[0].masked_fill(own, 0.0), *args[1:])

            stack.callback(_down(network.plain).register_forward_pre_hook(down).remove)
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


def _activation(network: nn.Module) -> nn.Module:
    found = _child(network, _ACTIVATIONS)
    assert found is not None
    return found


def _down(network: nn.Module) -> nn.Module:
    found = _child(network, _DOWN_PROJECTIONS)
    assert found is not None
    return found


def _child(network: nn.Module, names: Sequence[str]) -> nn.Module | None:
    children = dict(network.named_children())
    return next((children[name] for name in names if name in children), None)


def _width(down: nn.Module) -> int:
    """D_ff. Linear layers store [out, in], Conv1D [in, out]."""
    down = _itself(down)
    weight = down.get_parameter("weight")
    return int(weight.shape[0] if isinstance(down, Conv1D) else weight.shape[1])


def _unknown(model: PreTrainedModel) -> ProblemError:
    return problem(
        "model",
        f"The feed-forward networks of {type(model).__name__} have an unknown structure.",
        remedy="Choose a model whose architecture transformers implements itself.",
    )
