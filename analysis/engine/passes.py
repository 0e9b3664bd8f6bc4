"""Passes through a model as every analysis makes them: evaluation mode, no weight gradients."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import Cache, PreTrainedModel


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Turn off weight gradients and switch to evaluation mode."""
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


def options(
    model: PreTrainedModel, ids: Tensor, *, keep: int, cache: Cache | None = None, read: int = 0
) -> dict[str, Any]:
    """Arguments of a forward pass that gives the last `keep` positions' logits, 0 for all."""
    mask = torch.ones(len(ids), read + ids.shape[1], dtype=torch.long, device=ids.device)
    found: dict[str, Any] = {"use_cache": cache is not None, "attention_mask": mask}
    accepted = inspect.signature(model.forward).parameters
    if cache is not None:
        found["past_key_values"] = cache
        if "position_ids" in accepted:
            # Not every model asks the cache how many tokens it holds.
            found["position_ids"] = torch.arange(read, mask.shape[1], device=ids.device)[None]
    if "logits_to_keep" in accepted:
        found["logits_to_keep"] = keep
    return found


def head_of(model: PreTrainedModel) -> nn.Module:
    """The module that turns hidden states into logits; ProblemError ``model`` if there is none."""
    head: nn.Module | None = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if head is None:
        raise problem(
            "model",
            f"{type(model).__name__} has no output embeddings.",
            remedy="Choose a causal language model.",
        )
    return head


def exact(dtype: torch.dtype) -> torch.dtype:
    """The precision for sums of products: at least float32."""
    return torch.promote_types(dtype, torch.float32)
