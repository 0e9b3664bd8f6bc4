"""Puts the model into the state the passes need, and restores it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop

from analysis.engine.memory import returned_at_once
from analysis.engine.whereabouts import away_bytes
from analysis.saliency.compute.norms import Rule

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextmanager
def differentiable_kernels(model: PreTrainedModel, attention: str) -> Iterator[None]:
    """Use attention and experts made of operations with a forward derivative.

    Fused attention kernels have only a backward one, and so has the grouped matrix product that
    mixtures of experts use by default.

    Args:
        model: A causal language model.
        attention: The kernel to use, one of `attention.kernels`.
    """
    # Sets the configuration directly, because the setters look for kernels to install.
    wanted = {
        "_attn_implementation_internal": attention,
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


@contextmanager
def checkpointed(model: PreTrainedModel, rule: Rule = nullcontext) -> Iterator[None]:
    """Keep only the layers' inputs in the graph; a backward pass recomputes the rest, by a rule.

    A model whose layers are not found keeps its whole graph. Each layer is recomputed to its end:
    stopped at the last tensor that is needed, it would not let go of weights that came to run.
    """
    lists = [each for each in model.modules() if isinstance(each, nn.ModuleList)]
    layers = max(lists, key=_parameters_in, default=nn.ModuleList())
    found = [vars(layer).get("forward") for layer in layers]
    try:
        for layer in layers:
            layer.forward = partial(
                checkpoint, _by(rule, layer.forward), use_reentrant=False, preserve_rng_state=False
            )
        with returned_at_once(), set_checkpoint_early_stop(not away_bytes(model)):
            yield
    finally:
        for layer, forward in zip(layers, found, strict=True):
            if forward is None:
                vars(layer).pop("forward", None)
            else:
                layer.forward = forward


def _by(rule: Rule, forward: Callable[..., Any]) -> Callable[..., Any]:
    """A layer that follows a rule also where a backward pass computes it, out of sight."""

    def follow(*args: Any, **kwargs: Any) -> Any:
        with rule():
            return forward(*args, **kwargs)

    return forward if rule is nullcontext else follow


def _parameters_in(modules: nn.Module) -> int:
    return sum(each.numel() for each in modules.parameters())


def _configurations(model: PreTrainedModel) -> Iterator[Any]:
    for module in model.modules():
        config = getattr(module, "config", None)
        if config is not None:
            yield config
