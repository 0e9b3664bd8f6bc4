"""Occlusion: the drop of a response token's probability without a prompt token (eq. 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from analysis.engine.passes import exact, frozen, options
from analysis.problems import problem
from analysis.saliency.compute.batches import in_batches
from analysis.saliency.compute.cost import Plan
from analysis.saliency.compute.ends import checked_embeddings, fed_ids, finite
from analysis.saliency.compute.pieces import Pieces

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Well below the two seconds after which an engine that does not answer a cancel is killed.
_BATCH_S = 0.5


def occlusion(
    model: PreTrainedModel,
    prompt: Tensor,
    response: Tensor,
    plan: Plan,
    *,
    zeroed: bool,
    rows: Sequence[int] | None = None,
    first: int = 0,
) -> Pieces:
    """I[n, m] = p(y_m | x, y_<m) − p(y_m | x without x_n, y_<m), in blocks of rows.

    Args:
        model: A causal language model.
        prompt: int64 [N].
        response: int64 [M].
        plan: How many prompt tokens share a pass, each left out of its own sequence.
        zeroed: Zero the embedding of x_n in place, instead of deleting x_n.
        rows: The prompt tokens to leave out, each once; the pieces count these. None for all.
        first: The first of them to compute.

    Raises:
        ProblemError: ``input`` when nothing is left once the only prompt token is deleted.
    """
    if len(prompt) == 1 and not zeroed:
        raise problem(
            "input",
            "The prompt has one token; without it nothing is left to predict the response from.",
            remedy="Choose occlusion that zeroes the embedding, or a longer prompt.",
        )
    ids = fed_ids(model, prompt, response)
    with torch.inference_mode(False):
        known = _Chances(model, ids, response, None)

    every = torch.tensor(range(len(prompt)) if rows is None else rows, device=ids.device)

    def without(start: int, stop: int) -> Tensor:
        left_out = every[start:stop]
        with torch.inference_mode(False):
            if zeroed:
                changed = _Chances(model, ids.expand(stop - start, -1), response, left_out)
            else:
                kept = torch.arange(ids.shape[1], device=ids.device) != left_out[:, None]
                shorter = ids.expand(stop - start, -1)[kept].view(stop - start, -1)
                changed = _Chances(model, shorter, response, None)
        return finite(known.minus(changed), model.dtype)

    return (
        yield from in_batches(
            [len(every)],
            plan.sequences(),
            ids.device,
            without,
            start=first,
            # Where weights come from afar, a batch of one takes as long as a full one.
            seconds=None if plan.shape.away else _BATCH_S,
        )
    )


class _Chances:
    """p(y_m) and 1 − p(y_m) of every response token, [B, M] each, both exact near 0."""

    def __init__(
        self, model: PreTrainedModel, ids: Tensor, response: Tensor, zeroed: Tensor | None
    ) -> None:
        def change(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
            checked_embeddings(model, output, ids)
            if zeroed is None:
                return output
            output = output.clone()
            output[torch.arange(len(output)), zeroed] = 0
            return output

        count = len(response)
        hook = model.get_input_embeddings().register_forward_hook(change)
        try:
            with frozen(model), torch.no_grad():
                logits = model(input_ids=ids, **options(model, ids, keep=count)).logits
        finally:
            hook.remove()
        shares = logits[:, -count:].to(exact(logits.dtype)).softmax(dim=-1)
        chosen = response.to(shares.device).expand(len(ids), -1)[..., None]
        self._chance = shares.gather(2, chosen)[..., 0]
        self._doubt = shares.scatter_(2, chosen, 0.0).sum(dim=-1)

    def minus(self, other: _Chances) -> Tensor:
        """[B, M]: these probabilities minus the others."""
        # Near 1 the difference of probabilities has fewer digits than that of their complements.
        return torch.where(
            self._chance > 0.5, other._doubt - self._doubt, self._chance - other._chance
        )
