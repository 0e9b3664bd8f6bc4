"""Whether a network reads from left to right, found out by trying it.

The passes take for granted that a token changes nothing before it: a map of a network that looks
ahead would be wrong without a sign of it. No class name tells: masks depend on configurations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.models.passes import exact, frozen, options
from analysis.problems import ProblemError, problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Tokens of the text that is tried, at most: some masks look ahead within a window only.
_TRIED = 32
# By how much earlier logits may move, as a share of the largest, or in roundings of half precision.
# Equal inputs of equal shape give equal outputs, but where a mixture sends other tokens along with
# them to an expert.
_SAME, _ROUNDINGS, _ROUNDINGS_OF_MIXTURES = 3e-5, 0.25, 4


def refuse_looking_ahead(
    model: PreTrainedModel, ids: Sequence[int] | Tensor, *, name: str = ""
) -> None:
    """Make sure that a later token leaves the logits of earlier positions as they are.

    Args:
        model: A model with a head.
        ids: Token ids of its vocabulary, of which the first are tried; one at least.
        name: What to call the model; empty for its class.

    Raises:
        ProblemError: ``model`` where the logits of an earlier position move.
    """
    text, other = _two_texts(model, [int(each) for each in ids])
    same = text.shape[1] // 2
    with torch.no_grad(), frozen(model):
        found, moved = (_logits(model, each, same) for each in (text, other))
        size = _share(model) * float(found.abs().max())
        if not float((found - moved).abs().max()) > size:
            return
        again = _logits(model, text, same)
    name = name or type(model).__name__
    if float((found - again).abs().max()) > size:
        raise problem(
            "model",
            f"{name} gives other numbers every time it reads the same text.",
            "What it computes depends on chance, so that nothing can be told from one run.",
            "Choose another model, or switch its sampling off in its configuration.",
        )
    raise looks_ahead(name)


def looks_ahead(name: str) -> ProblemError:
    """What is wrong with a model whose earlier positions depend on later tokens."""
    return problem(
        "model",
        f"{name} is not a causal language model.",
        "A later token changes what it predicts at an earlier position: it reads both ways.",
        "Choose a decoder that continues text; encoders can be saved as one (is_decoder).",
    )


def _share(model: PreTrainedModel) -> float:
    experts = getattr(model.config.get_text_config(), "num_experts_per_tok", None)
    roundings = _ROUNDINGS_OF_MIXTURES if experts else _ROUNDINGS
    return max(_SAME, roundings * torch.finfo(model.dtype).eps)


def _two_texts(model: PreTrainedModel, ids: list[int]) -> tuple[Tensor, Tensor]:
    """int64 [1, T] twice: the text, and one with the same first half and other tokens after it."""
    table = next(model.get_input_embeddings().parameters())
    text = (ids if len(ids) > 1 else ids * 2)[:_TRIED]
    same = len(text) // 2
    used = sorted({*text, (text[0] + 1) % len(table)})
    after = dict(zip(used, [*used[1:], used[0]], strict=True))
    other = [*text[:same], *(after[each] for each in text[same:])]
    both = torch.tensor([text, other], device=table.device)
    return both[:1], both[1:]


def _logits(model: PreTrainedModel, ids: Tensor, count: int) -> Tensor:
    """[count, V] of the first positions."""
    logits: Tensor = model(input_ids=ids, **options(model, ids, keep=0)).logits
    return logits[0, :count].to(exact(logits.dtype))
