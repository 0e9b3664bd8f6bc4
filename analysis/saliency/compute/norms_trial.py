"""Tries on a model whether all of its norms are held: frozen norms must not miss one unnoticed.

A norm ignores the length of its input: its plain derivative along the input itself is zero. With
the denominator constant it is linear but for its bias, and that derivative is what it gives for the
input less what it gives for zero. Both are asked of the model's modules, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from analysis.engine.memory import is_out_of_memory
from analysis.engine.passes import exact, frozen
from analysis.engine.whereabouts import device_of
from analysis.problems import problem
from analysis.saliency.compute.ends import body
from analysis.saliency.compute.norms import RULES, FrozenNorms, Rule
from analysis.saliency.compute.reading import agree
from analysis.saliency.compute.steps import tensors_in

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Most tokens tried.
_TRIED = 32
# Up to this share of what a linear module would have, a derivative along the input counts as zero:
# a norm's own epsilon leaves a little.
_NOTHING = 0.01
# How far the derivative with frozen norms may be off, as a share of what it must be: far above the
# roundings of half precision, far below a denominator that moves.
_OFF = 0.05


def remark_on_norms(model: PreTrainedModel, ids: Tensor) -> str:
    """What to know of a model's map with frozen norms: norms that are not held, or none at all.

    Args:
        model: A causal language model.
        ids: int64 [T], of which the first are tried.

    Returns:
        A remark; empty for nothing.

    Raises:
        ProblemError: ``model`` when holding the denominators changes what the model computes.
    """
    ids = ids[None, :_TRIED].to(device_of(model))
    with torch.inference_mode(False), torch.no_grad(), frozen(model):
        embeddings = model.get_input_embeddings()(ids)
        with _recorded(model) as calls:
            plain = body(model, ids, embeddings)
        with FrozenNorms() as norms:
            held = body(model, ids, embeddings)
        if bool(plain.isfinite().all()) and not agree(held, plain):
            raise problem(
                "model",
                f"{type(model).__name__} computes something else with frozen norms.",
                "One of its norms is written in a way that cannot be taken apart here.",
                "Explain it by its gradient or by occlusion.",
            )
        missed = sorted({type(each.module).__name__ for each in calls if _is_missed(each)})
    if missed:
        return (
            f"Not all norms are known to be frozen: {', '.join(missed)} ignores the size of its "
            "input in an unknown way, or could not be tried, and is differentiated as it is."
        )
    if not norms.held:
        return "No norm was found in this model: with frozen norms its map is the plain gradient."
    return ""


@dataclass(frozen=True)
class _Call:
    """A module and the arguments that it was called with, the first of which is a float tensor."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __call__(self, first: Tensor) -> Tensor | None:
        """The first float tensor of what it returns."""
        found = tensors_in(self.module(first, *self.args[1:], **self.kwargs))
        return next((each for each in found if each.is_floating_point()), None)


@contextmanager
def _recorded(model: nn.Module) -> Iterator[list[_Call]]:
    """Collects a call of every kind of module that consists of no others, as the model runs."""
    calls: dict[object, _Call] = {}

    def record(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        first = args[0] if args else None
        if not isinstance(first, Tensor) or not first.is_floating_point():
            return
        # Those of one class and width do the same with other weights.
        key = (type(module), first.shape[-1:], len(args), *sorted(kwargs))
        if key not in calls:
            copied = tuple(each.clone() if isinstance(each, Tensor) else each for each in args)
            calls[key] = _Call(module, copied, kwargs)

    found: list[_Call] = []
    leaves = [each for each in model.modules() if not any(each.children())]
    hooks = [each.register_forward_pre_hook(record, with_kwargs=True) for each in leaves]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
        found += calls.values()


def _is_missed(call: _Call) -> bool:
    """Whether a module ignores the length of its input, and still does with frozen norms."""
    try:
        plain = _along_itself(call, RULES["gradient"])
        if plain is None or abs(plain.moved) > _NOTHING * abs(plain.linear):
            return False
        held = _along_itself(call, RULES["frozen_norms"])
    except Exception as error:  # Some modules run only as part of their model.
        if is_out_of_memory(error):
            raise
        return "norm" in type(call.module).__name__.lower()
    return held is None or abs(held.moved - held.linear) > _OFF * abs(held.linear)


@dataclass(frozen=True)
class _Along:
    """How what a module gives, y, changes with the length of its input x.

    Attributes:
        moved: y · ∂y/∂x · x.
        linear: The same if the module is linear but for a bias: y · (y − what it gives for zero).
    """

    moved: float
    linear: float


def _along_itself(call: _Call, rule: Rule) -> _Along | None:
    """None where no derivative reaches the input, or none at all: where a module rounds."""
    first = call.args[0]
    with torch.enable_grad(), rule():
        leaf = first.detach().clone().requires_grad_()
        found = call(leaf)
        if found is None or not found.requires_grad:
            return None
        given = found.detach()
        (gradient,) = torch.autograd.grad(found, leaf, given, allow_unused=True)
    at_zero = call(torch.zeros_like(first))
    if gradient is None or at_zero is None or not bool(gradient.any()):
        return None
    precision = exact(first.dtype)
    wide = given.to(precision)
    moved = (gradient.to(precision) * first.to(precision)).sum()
    return _Along(float(moved), float((wide * (wide - at_zero)).sum()))
