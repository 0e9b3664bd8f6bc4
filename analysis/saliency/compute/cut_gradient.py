"""Tests whether a backward pass finds a model's whole derivative.

A few networks compute part of their pass without a graph, to save memory in training. The gradient
that remains is not the derivative of what they compute.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from analysis.engine.passes import frozen
from analysis.engine.whereabouts import away_bytes, device_of
from analysis.problems import problem
from analysis.saliency.compute.ends import Run, run
from analysis.saliency.compute.switches import checkpointed

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Most tokens tried.
_TRIED = 32
# How far the two gradients may differ, as a share of the largest entry.
_SAME = 1e-3


def refuse_cut_gradient(model: PreTrainedModel, ids: Tensor) -> None:
    """Check that the gradient with respect to the embeddings is complete.

    Args:
        model: A causal language model.
        ids: int64 [T], of which the first are tried.

    Raises:
        ProblemError: ``model`` when layers that matter run without a graph.
    """
    ids = ids[:_TRIED].to(device_of(model))
    seen, answered = (ids[None, :-1], ids[1:]) if len(ids) > 1 else (ids[None], ids)
    with torch.inference_mode(False), _without_graph(model) as layers, _sparing(model):
        found = run(model, seen, answered, graph=True)
    # Some only choose what to attend to, which has no derivative.
    if not layers:
        return
    with torch.inference_mode(False), _graph_everywhere(), _sparing(model):
        whole = run(model, seen, answered, graph=True)
    one, other = (_gradient(model, each) for each in (found, whole))
    if bool((one - other).abs().max() <= _SAME * other.abs().max()):
        return
    raise problem(
        "model",
        f"{type(model).__name__} cuts its own gradient.",
        f"It passes some layers without a graph ({layers[0]}), so that a gradient is not the "
        "derivative of what it computes.",
        "Explain it by occlusion.",
    )


def _gradient(model: PreTrainedModel, found: Run) -> Tensor:
    with frozen(model):
        (gradient,) = torch.autograd.grad(found.states, found.embeddings, found.seeds)
    return gradient


def _sparing(model: PreTrainedModel) -> AbstractContextManager[None]:
    """Keeps weights that come only to run out of the graph."""
    return checkpointed(model) if away_bytes(model) else nullcontext()


@contextmanager
def _without_graph(model: nn.Module) -> Iterator[list[str]]:
    """The classes of layers run without a graph, collected as they run."""
    found: list[str] = []

    def notice(module: nn.Module, _args: object) -> None:
        if not torch.is_grad_enabled() and module in layers:
            found.append(type(module).__name__)

    weighty = (each for each in model.modules() if [*each.parameters(recurse=False)])
    layers = set(weighty)
    hook = register_module_forward_pre_hook(notice)
    try:
        yield found
    finally:
        hook.remove()


@contextmanager
def _graph_everywhere() -> Iterator[None]:
    """Build a graph even where a model turns it off."""

    def enter(self: Any) -> None:
        self.prev = torch.is_grad_enabled()

    entered = torch.no_grad.__enter__
    torch.no_grad.__enter__ = enter  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.no_grad.__enter__ = entered  # type: ignore[method-assign]
