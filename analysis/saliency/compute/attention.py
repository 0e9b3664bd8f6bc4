"""Attention for forward mode: written out, and no larger than causality allows."""

from __future__ import annotations

import sys
from math import ceil
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Queries that attend together, and the most portions to divide them into: smaller portions save
# scores but cost more calls.
_QUERIES, _PORTIONS = 64, 8
_NAME = "insttui_by_portions"


def kernels(model: PreTrainedModel) -> tuple[str, ...]:
    """transformers' names of attention that supports forward differentiation, cheapest first."""
    by_portions = hasattr(sys.modules[type(model).__module__], _EAGER)
    return (_NAME, "eager") if by_portions else ("eager",)


_EAGER = "eager_attention_forward"


def _by_portions(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """The model's own eager attention, for a portion of the queries at a time.

    Queries see no later keys, so the first portions can skip most keys.
    """
    eager = getattr(sys.modules[type(module).__module__], _EAGER)
    count = query.shape[2]
    before = key.shape[2] - count
    size = max(_QUERIES, ceil(count / _PORTIONS)) if attention_mask is not None else count
    found = []
    for start in range(0, count, size):
        stop = min(start + size, count)
        seen = before + stop
        mask = None if attention_mask is None else attention_mask[:, :, start:stop, :seen]
        attended, _ = eager(
            module,
            query[:, :, start:stop],
            key[:, :, :seen],
            value[:, :, :seen],
            mask,
            **options,
        )
        found.append(attended)
    return torch.cat(found, dim=1) if len(found) > 1 else found[0], None


AttentionInterface.register(_NAME, _by_portions)
AttentionMaskInterface.register(_NAME, eager_mask)
