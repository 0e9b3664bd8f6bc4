"""The model cut open at both ends: after the embeddings, and before the head (METHODS 1).

Between the two lies the body, through which derivatives are carried. The head, as large as the
vocabulary, is passed once: with g_m = ∂ log p(y_m) / ∂h_m, a row or a column of the map needs
nothing of it but the seeds g_m.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from analysis.models.non_finite import importance_problem
from analysis.problems import problem
from analysis.requests import Target
from analysis.saliency.switches import frozen

if TYPE_CHECKING:
    from transformers import Cache, PreTrainedModel


@dataclass(frozen=True)
class Run:
    """One pass over prompt and response, cut open at both ends.

    Attributes:
        embeddings: [1, T, D], what the embedding module returned.
        states: [M, D], the last hidden states that predict the response.
        seeds: [M, D], ∂ log p(y_m) / ∂ states[m] / doubts[m].
        probabilities: [M], p(y_m | x, y_<m), float32 at least.
        doubts: [M], 1 − p(y_m | x, y_<m), exact near 0 too.
    """

    embeddings: Tensor
    states: Tensor
    seeds: Tensor
    probabilities: Tensor
    doubts: Tensor

    def factors(self, target: Target) -> Tensor:
        """[M]: what the seeds' derivatives are multiplied with to be those of the target."""
        return self.doubts if target == "log_probability" else self.doubts * self.probabilities


def run(model: PreTrainedModel, ids: Tensor, answered: Tensor, *, graph: bool) -> Run:
    """Pass ids through the model.

    Args:
        model: A causal language model.
        ids: int64 [1, T], all but the last token of the response explained.
        answered: int64 [M], the tokens that the last M positions predict.
        graph: Keep the graph from the embeddings, a leaf of it, to the states.

    Raises:
        ProblemError: ``model`` where there is no way in after the embeddings or before the head.
    """
    bottom: list[Tensor] = []
    top: list[Tensor] = []
    leaves: list[Tensor] = []

    def open_embeddings(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
        bottom.append(output.detach().requires_grad_(graph))
        return bottom[-1]

    def open_head(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        top.append(args[0])
        leaves.append(args[0].detach().requires_grad_())
        return (leaves[-1], *args[1:])

    count = len(answered)
    hooks = [
        model.get_input_embeddings().register_forward_hook(open_embeddings),
        head_of(model).register_forward_pre_hook(open_head),
    ]
    try:
        with frozen(model), torch.enable_grad():
            logits = model(input_ids=ids, **options(model, ids, keep=count)).logits[0, -count:]
    finally:
        for hook in hooks:
            hook.remove()
    if len(bottom) != 1 or len(top) != 1:
        raise problem(
            "model",
            f"{type(model).__name__} does not pass its embeddings and its head exactly once.",
            remedy="Choose a decoder-only causal language model.",
        )
    chosen = answered.to(logits.device)[:, None]
    with torch.no_grad():
        # ∂ log p(y) / ∂ logits = onehot(y) − p. Where p(y) is nearly 1, 1 − p(y) would be lost to
        # rounding: it is summed from the other tokens' probabilities. Divided by that sum, the
        # gradient of a token that is nearly certain does not vanish in half precision either.
        gradient = logits.to(exact(logits.dtype)).softmax(dim=1)
        probabilities = gradient.gather(1, chosen)[:, 0]
        gradient.scatter_(1, chosen, 0.0)
        doubts = gradient.sum(dim=1)
        gradient /= -doubts.clamp_min(torch.finfo(gradient.dtype).tiny)[:, None]
        gradient.scatter_(1, chosen, 1.0)
    # A row of logits depends on its own state only, so one backward pass gives all seeds.
    (seeds,) = torch.autograd.grad(logits, leaves[0], gradient.to(logits.dtype))
    with torch.enable_grad():
        states = top[0][0, -count:]
    return Run(bottom[0], states, seeds[0, -count:], probabilities, doubts)


def seeds_of(model: PreTrainedModel, prompt: Tensor, response: Tensor, portion: int) -> Run:
    """A run without a graph over all of the response, the head being passed in portions.

    Args:
        model: A causal language model.
        prompt: int64 [N].
        response: int64 [M].
        portion: Response tokens whose logits there is memory for at a time.
    """
    runs = []
    for start in range(0, len(response), portion):
        answered = response[: start + portion]
        ids = fed_ids(model, prompt, answered)
        runs.append(run(model, ids, answered[start:], graph=False))
    return Run(
        runs[-1].embeddings,
        torch.cat([each.states for each in runs]),
        torch.cat([each.seeds for each in runs]),
        torch.cat([each.probabilities for each in runs]),
        torch.cat([each.doubts for each in runs]),
    )


class _AtHeadError(Exception):
    """The head is reached: the body is done."""


def body(
    model: PreTrainedModel, ids: Tensor, embeddings: Tensor, cache: Cache | None = None
) -> Tensor:
    """[T, D], the last hidden states for embeddings [1, T, D] of ids [1, T]; without the head.

    A function of the embeddings that torch can differentiate forward.

    Args:
        model: A causal language model.
        ids: int64 [1, T], for models that look at more than the embeddings.
        embeddings: [1, T, D].
        cache: What the model has read before; takes in what it reads now.
    """
    top: list[Tensor] = []

    def enter(_module: nn.Module, _args: object, _output: Tensor) -> Tensor:
        return embeddings

    def leave(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
        top.append(args[0])
        raise _AtHeadError

    hooks = [
        model.get_input_embeddings().register_forward_hook(enter),
        head_of(model).register_forward_pre_hook(leave),
    ]
    try:
        model(input_ids=ids, **options(model, ids, keep=0, cache=cache))
    except _AtHeadError:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return top[0][0]


def options(
    model: PreTrainedModel, ids: Tensor, *, keep: int, cache: Cache | None = None
) -> dict[str, Any]:
    """Arguments of a forward pass with logits at the last positions only, 0 for at all of them."""
    read = 0 if cache is None else cache.get_seq_length()
    mask = torch.ones(len(ids), read + ids.shape[1], dtype=torch.long, device=ids.device)
    found: dict[str, Any] = {"use_cache": cache is not None, "attention_mask": mask}
    if cache is not None:
        found["past_key_values"] = cache
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        found["logits_to_keep"] = keep
    return found


def fed_ids(model: PreTrainedModel, prompt: Tensor, response: Tensor) -> Tensor:
    """int64 [1, T] on the model's device: all but the last response token, which predicts none."""
    device = next(model.get_input_embeddings().parameters()).device
    return torch.cat([prompt, response[:-1]])[None].to(device)


def head_of(model: PreTrainedModel) -> nn.Module:
    """The module that turns states into logits.

    Raises:
        ProblemError: ``model`` when there is none.
    """
    head: nn.Module | None = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if head is None:
        raise problem(
            "model",
            f"{type(model).__name__} has no output embeddings.",
            remedy="Choose a causal language model.",
        )
    return head


def exact(dtype: torch.dtype) -> torch.dtype:
    """The precision to sum products in: float32 at least."""
    return torch.promote_types(dtype, torch.float32)


def finite(values: Tensor, dtype: torch.dtype) -> Tensor:
    """The values as float32 on the CPU.

    Raises:
        NotFiniteError: ``model`` where one is not finite.
    """
    if not bool(values.isfinite().all()):
        raise importance_problem(dtype)
    return values.to("cpu", torch.float32)
