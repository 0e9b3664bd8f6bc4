"""Tests whether a network reads from left to right.

The passes assume that a token changes nothing before it; for a network that looks ahead, the map
would be silently wrong. Class names do not tell: masks depend on the configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.engine.memory import is_out_of_memory
from analysis.engine.passes import exact, frozen, options
from analysis.engine.reasons import reason
from analysis.engine.whereabouts import device_of
from analysis.problems import ProblemError, problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Most tokens tried: some masks look ahead only within a window.
_TRIED = 32
# How far earlier logits may move, as a share of the largest, or in roundings of half precision.
# Equal inputs of equal shape give equal outputs, except in a mixture, where other tokens may share
# an expert with them.
_SAME, _ROUNDINGS, _ROUNDINGS_OF_MIXTURES = 3e-5, 0.25, 4
# For a text of another length sums are computed in another order.
_SAME_IN_LENGTH, _ROUNDINGS_IN_LENGTH = 1e-3, 8


def refuse_looking_ahead(
    model: PreTrainedModel, ids: Sequence[int] | Tensor, *, name: str = ""
) -> None:
    """Check that later tokens leave the logits of earlier positions unchanged.

    Args:
        model: A model with a head.
        ids: Token ids of its vocabulary, at least one; the first few are tried.
        name: What errors call the model; empty for its class.

    Raises:
        ProblemError: ``model`` when the logits of an earlier position move.
    """
    name = name or type(model).__name__
    text, other = _two_texts(model, [int(each) for each in ids])
    same = text.shape[1] // 2
    found = _logits(model, text, same, name)
    largest = float(found.abs().max())
    moved = float((found - _logits(model, other, same, name)).abs().max())
    apart = float((found - _logits(model, text[:, :same], same, name)).abs().max())
    share, share_of_lengths = _shares(model)
    # NaNs pass here and are reported where they matter.
    if not (moved > share * largest or apart > share_of_lengths * largest):
        return
    again = float((found - _logits(model, text, same, name)).abs().max())
    if again > share * largest:
        raise problem(
            "model",
            f"{name} gives other numbers every time it reads the same text.",
            "What it computes depends on chance, so that nothing can be told from one run.",
            "Choose another model, or switch its sampling off in its configuration.",
        )
    raise looks_ahead(name)


def looks_ahead(name: str) -> ProblemError:
    """The problem of a model whose earlier positions depend on later tokens."""
    return problem(
        "model",
        f"{name} is not a causal language model.",
        "A later token changes what it predicts at an earlier position: it reads both ways.",
        "Choose a decoder that continues text; encoders can be saved as one (is_decoder).",
    )


def _shares(model: PreTrainedModel) -> tuple[float, float]:
    """How far logits may move with later tokens and with their number, relative to the largest."""
    eps = torch.finfo(model.dtype).eps
    experts = getattr(model.config.get_text_config(), "num_experts_per_tok", None)
    roundings = _ROUNDINGS_OF_MIXTURES if experts else _ROUNDINGS
    return max(_SAME, roundings * eps), max(_SAME_IN_LENGTH, _ROUNDINGS_IN_LENGTH * eps)


def _two_texts(model: PreTrainedModel, ids: list[int]) -> tuple[Tensor, Tensor]:
    """The text, int64 [1, T], and a copy with other tokens in its second half."""
    table = next(model.get_input_embeddings().parameters())
    text = (ids if len(ids) > 1 else ids * 2)[:_TRIED]
    same = len(text) // 2
    used = sorted({*text, (text[0] + 1) % len(table)})
    after = dict(zip(used, [*used[1:], used[0]], strict=True))
    other = [*text[:same], *(after[each] for each in text[same:])]
    both = torch.tensor([text, other], device=device_of(model))
    return both[:1], both[1:]


def _logits(model: PreTrainedModel, ids: Tensor, count: int, name: str) -> Tensor:
    """Logits [count, V] of the first positions."""
    try:
        with torch.no_grad(), frozen(model):
            logits: Tensor = model(input_ids=ids, **options(model, ids, keep=0)).logits
    except Exception as error:
        if is_out_of_memory(error) or isinstance(error, ProblemError):
            raise
        raise problem(
            "model",
            f"transformers cannot run {name} on text alone.",
            reason(error),
            "Choose a model that continues text; a newer transformers may run this one.",
        ) from error
    return logits[0, :count].to(exact(logits.dtype))
