"""What a model must pass before anything of it is explained, tried once a model."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from analysis.engine.causality import refuse_looking_ahead
from analysis.saliency.compute.cut_gradient import refuse_cut_gradient

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_passed: WeakKeyDictionary[nn.Module, set[tuple[str, object]]] = WeakKeyDictionary()


def refuse_what_fails(
    model: PreTrainedModel, prompt: Tensor, response: Tensor, *, gradient: bool
) -> None:
    """Make sure that a model is causal and, where one is wanted, that its gradient is whole.

    Args:
        model: A causal language model.
        prompt: int64 [N].
        response: int64 [M], one at least.
        gradient: Whether a gradient is wanted.

    Raises:
        ProblemError: ``model``; see `refuse_looking_ahead` and `refuse_cut_gradient`.
    """
    passed, now = _passed.setdefault(model, set()), _as_it_is(model)
    if ("causal", now) not in passed:
        refuse_looking_ahead(model, torch.cat([prompt, response[:-1]]))
        passed.add(("causal", now))
    if gradient and ("gradient", now) not in passed:
        refuse_cut_gradient(model, torch.cat([prompt, response]))
        passed.add(("gradient", now))


def _as_it_is(model: PreTrainedModel) -> object:
    """Changes whenever a model may have become another: its configuration, precision or hooks."""
    hooks = sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.modules())
    return hash((repr(model.config.to_dict()), model.dtype, hooks))
