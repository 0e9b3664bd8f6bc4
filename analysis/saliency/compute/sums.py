"""Weighted sums of a map's columns, each by one backward pass (METHODS 1).

Σ_m w_m I[n, m] is E[x_n] · ∂ (Σ_m w_m log p(y_m)) / ∂E[x_n]: the gradient of one number, whatever
the response's length. With weights of one it is a token's total; with random weights it checks a
map computed another way.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from analysis.engine.memory import Attempt, release, returned_at_once
from analysis.engine.passes import exact, frozen
from analysis.saliency.compute.cost import Plan
from analysis.saliency.compute.ends import Run, fed_ids
from analysis.saliency.compute.head import run_in_portions
from analysis.saliency.compute.norms import Rule
from analysis.saliency.compute.reading import refuse_changed_beginning
from analysis.saliency.compute.switches import checkpointed

if TYPE_CHECKING:
    from transformers import PreTrainedModel


T = TypeVar("T")


class Sums:
    """A text read once, keeping what backward passes need.

    Args:
        model: A causal language model.
        prompt: int64 [N].
        response: int64 [M], M ≥ 1.
        plan: Tells whether the graph of all layers fits into memory.
        rule: What differentiation follows.
        nudged: Read embeddings off by one rounding, to measure the effect of rounding.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        prompt: Tensor,
        response: Tensor,
        plan: Plan,
        rule: Rule = nullcontext,
        *,
        nudged: bool = False,
    ) -> None:
        self._model, self._prompt, self._response, self._plan = model, prompt, response, plan
        self._rule, self._nudged = rule, nudged
        self._sparing = plan.checkpointed()
        self._run: Run | None = None
        self._within_memory(self._read)

    def known(self) -> Run:
        """The text as it was read, with states detached from the graph."""
        run = self._read()
        return replace(run, embeddings=run.embeddings.detach(), states=run.states.detach())

    def refuse_changed_beginning(self) -> None:
        """Check that later tokens did not change earlier states; see `reading`."""
        known, ids = self.known(), fed_ids(self._model, self._prompt, self._response)
        refuse_changed_beginning(self._model, ids, known.embeddings, known.states)

    def along(self, weights: Tensor) -> Tensor:
        """What each number of the embeddings contributes to a weighted sum of columns.

        Args:
            weights: float [M], w.

        Returns:
            [N, D], at least float32: E ∘ ∂(Σ_m w_m seeds_m · h_m) / ∂E. Its row sums are
            Σ_m w_m I[n, m] if w includes the target's factors.
        """
        return self._within_memory(lambda: self._along(self._read(), weights))

    def _read(self) -> Run:
        if self._run is None:
            portion = self._plan.head()
            with (
                torch.inference_mode(False),
                self._rule(),
                checkpointed(self._model, self._rule) if self._sparing else nullcontext(),
            ):
                self._run = run_in_portions(
                    self._model,
                    self._prompt,
                    self._response,
                    portion,
                    graph=True,
                    embeddings=self._nudged_embeddings() if self._nudged else None,
                )
        return self._run

    def _nudged_embeddings(self) -> Tensor:
        """The embeddings [1, T, D], each number rounded up or down by one step."""
        with torch.no_grad():
            exact_ones: Tensor = self._model.get_input_embeddings()(
                fed_ids(self._model, self._prompt, self._response)
            )
        random = torch.Generator().manual_seed(0)
        signs = torch.randint(0, 2, exact_ones.shape, generator=random) * 2 - 1
        rounding = torch.finfo(exact_ones.dtype).eps
        return exact_ones * (1 + rounding * signs.to(exact_ones))

    def _along(self, run: Run, weights: Tensor) -> Tensor:
        seeds = run.seeds.to(exact(run.seeds.dtype)) * weights.to(run.seeds.device)[:, None]
        # Scaling keeps both the smallest and the largest within half precision.
        size = seeds.abs().max().clamp_min(torch.finfo(seeds.dtype).tiny)
        # Recomputed layers need the same modes as in the forward pass.
        with (
            torch.inference_mode(False),
            frozen(self._model),
            returned_at_once() if self._sparing else nullcontext(),
        ):
            (gradient,) = torch.autograd.grad(
                run.states,
                run.embeddings,
                (seeds / size).to(run.states.device, run.states.dtype),
                retain_graph=True,
            )
        length = len(self._prompt)
        embedded = run.embeddings.detach()[0, :length].to(seeds.dtype)
        return embedded * gradient[0, :length].to(seeds.dtype) * size.to(embedded.device)

    def _within_memory(self, compute: Callable[[], T]) -> T:
        """Compute; if memory runs out, again with one layer's graph at a time."""
        with Attempt(final=self._sparing):
            return compute()
        self._run, self._sparing = None, True
        release(self._plan.shape.device)
        return compute()
