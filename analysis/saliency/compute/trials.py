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
from analysis.saliency.compute.norms_trial import remark_on_norms
from analysis.saliency.methods import Quantity, Way

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_passed: WeakKeyDictionary[nn.Module, dict[tuple[str, object], str]] = WeakKeyDictionary()


def refuse_what_fails(
    model: PreTrainedModel, prompt: Tensor, response: Tensor, quantity: Quantity
) -> str:
    """Check that a model is causal and, if it is differentiated, that it can be.

    Args:
        model: A causal language model.
        prompt: int64 [N].
        response: int64 [M], M ≥ 1.
        quantity: What is to be computed.

    Returns:
        What the user should know of it; empty for nothing.

    Raises:
        ProblemError: ``model``; see `refuse_looking_ahead`, `refuse_cut_gradient` and
            `remark_on_norms`.
    """
    passed, now = _passed.setdefault(model, {}), _as_it_is(model)
    ids = torch.cat([prompt, response])
    if ("causal", now) not in passed:
        refuse_looking_ahead(model, ids[:-1])
        passed["causal", now] = ""
    if Way(quantity).is_derivative and ("gradient", now) not in passed:
        refuse_cut_gradient(model, ids)
        passed["gradient", now] = ""
    if quantity == "frozen_norms" and ("norms", now) not in passed:
        passed["norms", now] = remark_on_norms(model, ids)
    return passed["norms", now] if quantity == "frozen_norms" else ""


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
