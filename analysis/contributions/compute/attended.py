"""What the last position's heads attend to: their weights, and the values that they mix."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from analysis.saliency.compute.switches import differentiable_kernels

if TYPE_CHECKING:
    from transformers import Cache, PreTrainedModel

Attended = tuple[Tensor, Tensor]
"""Weights [1, H, 1, S] of the last query and values [1, H_kv, S, d] of the last S positions."""

_NAME, _EAGER = "insttui_recorded", "eager_attention_forward"
_SEEN: ContextVar[dict[nn.Module, Attended] | None] = ContextVar("seen", default=None)


@contextmanager
def recorded(model: PreTrainedModel) -> Iterator[dict[nn.Module, Attended]]:
    """Run attention written out, and keep what it attends to by module.

    A model that does not hand its attention to transformers' interface leaves nothing; see
    `returned`.
    """
    known = hasattr(sys.modules[type(model).__module__], _EAGER)
    seen: dict[nn.Module, Attended] = {}
    token = _SEEN.set(seen)
    try:
        with differentiable_kernels(model, _NAME if known else "eager"):
            yield seen
    finally:
        _SEEN.reset(token)


def returned(output: object, cache: Cache | None, layer: int) -> Attended | None:
    """The same from what an attention module returned and the cache; None if it is not there."""
    parts = output if isinstance(output, tuple) else ()
    layers = getattr(cache, "layers", ())
    values = getattr(layers[layer], "values", None) if layer < len(layers) else None
    for each in parts[1:]:
        if isinstance(each, Tensor) and each.dim() == 4 and isinstance(values, Tensor):
            return each.detach(), values.detach()
    return None


def by_source(attended: Attended, gradient: Tensor, length: int) -> Tensor | None:
    """What every head adds by attending to every token.

    Args:
        attended: Of one layer.
        gradient: float64 [H·d], of the heads side by side.
        length: T, tokens read; a sliding window has fewer, the last ones.

    Returns:
        float64 [H, T], α · (v · gradient); None where the shapes are of another kind of attention.
    """
    weights, values = (each[0].to("cpu", torch.float64) for each in attended)
    heads, seen = weights.shape[0], weights.shape[-1]
    groups, width = values.shape[0], values.shape[-1]
    if heads % groups or heads * width != len(gradient) or values.shape[1] != seen:
        return None
    # Heads that share values follow one another.
    along = torch.einsum("gsd,grd->grs", values, gradient.view(groups, heads // groups, width))
    found = torch.zeros(heads, length, dtype=torch.float64)
    found[:, length - seen :] = weights[:, -1] * along.reshape(heads, seen)
    return found


def _recording(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """The model's own eager attention."""
    eager = getattr(sys.modules[type(module).__module__], _EAGER)
    found, weights = eager(module, query, key, value, attention_mask, **options)
    seen = _SEEN.get()
    if seen is not None and weights is not None:
        seen[module] = weights.detach(), value.detach()
    return found, weights


AttentionInterface.register(_NAME, _recording)
AttentionMaskInterface.register(_NAME, eager_mask)
