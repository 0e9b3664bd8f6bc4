"""The model as the passes need it, and afterwards as it was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Without weight gradients, which nobody asks for, and in evaluation mode."""
    parameters = [each for each in model.parameters() if each.requires_grad]
    training = [each for each in model.modules() if each.training]
    try:
        for parameter in parameters:
            parameter.requires_grad_(False)
        model.eval()
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
        for module in training:
            module.training = True


@contextmanager
def differentiable_kernels(model: PreTrainedModel) -> Iterator[None]:
    """With attention and experts written out in operations that know their forward derivative.

    The fused attention kernels know only their backward one, and so does the grouped matrix
    product that is the default of a mixture of experts.
    """
    # The configurations are set, not the setters called: those look for kernels to install.
    wanted = {
        "_attn_implementation_internal": "eager",
        "_experts_implementation_internal": "eager",
    }
    found: list[tuple[Any, str, object]] = []
    for config in {id(each): each for each in _configurations(model)}.values():
        for name in wanted:
            if getattr(config, name, None) is not None:
                found.append((config, name, getattr(config, name)))
    try:
        for config, name, _ in found:
            setattr(config, name, wanted[name])
        yield
    finally:
        for config, name, value in found:
            setattr(config, name, value)


def _configurations(model: PreTrainedModel) -> Iterator[Any]:
    for module in model.modules():
        config = getattr(module, "config", None)
        if config is not None:
            yield config
