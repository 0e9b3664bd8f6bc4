"""Checks before anything is explained: the ids fit, and the model passes a trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from analysis.engine.causality import refuse_looking_ahead
from analysis.engine.limits import (
    context_window,
    refuse_too_long,
    refuse_unknown_ids,
    vocabulary_size,
)
from analysis.problems import problem
from analysis.saliency.compute.cut_gradient import refuse_cut_gradient

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_passed: WeakKeyDictionary[nn.Module, set[tuple[str, object]]] = WeakKeyDictionary()


def refuse_what_fails(
    model: PreTrainedModel, prompt: Tensor, response: Tensor, *, gradient: bool
) -> None:
    """Check that a model is causal and, if a gradient is needed, that it is complete.

    Args:
        model: A causal language model.
        prompt: int64 [N].
        response: int64 [M], M ≥ 1.
        gradient: Whether a gradient is needed.

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
    """A key that changes with a model's configuration, precision or hooks."""
    hooks = sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.modules())
    return hash((repr(model.config.to_dict()), model.dtype, hooks))


def checked_ids(
    model: PreTrainedModel, prompt_ids: Sequence[int] | Tensor, response_ids: Sequence[int] | Tensor
) -> tuple[Tensor, Tensor]:
    """Prompt and response as int64 [N] and [M] on the CPU.

    Raises ProblemError ``input`` for an empty prompt, an unknown id or too long a sequence.
    """
    prompt, response = ([int(each) for each in ids] for ids in (prompt_ids, response_ids))
    if not prompt:
        raise problem("input", "The prompt has no tokens.", remedy="Enter some text.")
    refuse_unknown_ids([*prompt, *response], vocabulary_size(model))
    window = context_window(model.config)
    refuse_too_long(window, len(prompt), len(response), type(model).__name__)
    # New tensors outside inference mode: the given ones may not be allowed in a graph.
    with torch.inference_mode(False):
        return torch.tensor(prompt), torch.tensor(response, dtype=torch.long)
