"""What a model's feed-forward networks make of a text: their units, and what they write of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


def dense_network(
    model: PreTrainedModel, down: str, tokens: Sequence[int]
) -> tuple[Tensor, Tensor] | None:
    """What enters a down projection and what comes out, without its bias.

    Args:
        model: In evaluation mode.
        down: The module's name.
        tokens: A text.

    Returns:
        float64 [n, F] and [n, D]; None where the text never gets there.
    """
    seen: list[tuple[Tensor, Tensor]] = []

    def keep(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        # Some add to it in place afterwards.
        entered, left = (each.detach().flatten(0, -2).double() for each in (args[0], output))
        seen.append((entered, left.clone()))

    with _without_biases(model), torch.no_grad():
        handle = model.get_submodule(down).register_forward_hook(keep)
        model(input_ids=torch.tensor([list(tokens)]), use_cache=False)
        handle.remove()
    return seen[0] if seen else None


def experts_network(
    model: PreTrainedModel, module: str, weight: str, experts: int, tokens: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Each expert's units for each token, times the router's weight, and what they write together.

    What a unit amounts to is how much a number that is written changes with the weight between the
    two: experts run in kernels into which nobody sees.

    Args:
        model: In evaluation mode.
        module: The module of the routed experts.
        weight: The parameter with all their down projections.
        experts: E.
        tokens: A text.

    Returns:
        float64 [n, E, F] and [n, D].
    """
    parameter = model.get_parameter(weight)
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        seen.append((output[0] if isinstance(output, tuple) else output).clone())

    with _without_biases(model):
        handle = model.get_submodule(module).register_forward_hook(keep)
        model(input_ids=torch.tensor([list(tokens)]), use_cache=False)
        handle.remove()
        written = seen[0].flatten(0, -2)
        slopes = torch.stack(
            [torch.autograd.grad(row[0], parameter, retain_graph=True)[0] for row in written]
        )
    slopes = slopes.reshape(len(written), experts, -1, parameter.shape[-1])
    # All of a slope lies where the first number of D is written.
    units = slopes[..., 0] if bool(slopes[:, :, 1:].any()) else slopes[:, :, 0]
    assert int(units.count_nonzero()) == int(slopes.count_nonzero())
    return units.double(), written.detach().double()


@contextmanager
def _without_biases(model: PreTrainedModel) -> Iterator[None]:
    biases = [
        (each, each.detach().clone())
        for name, each in model.named_parameters()
        if name.rpartition(".")[2].endswith("bias")
    ]
    with torch.no_grad():
        for each, _ in biases:
            each.zero_()
    try:
        yield
    finally:
        with torch.no_grad():
            for each, value in biases:
                each.copy_(value)
