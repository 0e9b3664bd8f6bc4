"""Cuts the model open at both ends: after the embeddings and before the head (METHODS 1).

Derivatives are carried through the body in between. The head, as large as the vocabulary, runs
once: with g_m = ∂ log p(y_m) / ∂h_m, a row or a column of the map needs only the seeds g_m from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from analysis.engine.non_finite import importance_problem
from analysis.engine.passes import exact, frozen, head_of, options
from analysis.engine.whereabouts import device_of
from analysis.problems import problem
from analysis.saliency.request import Target

if TYPE_CHECKING:
    from transformers import Cache, PreTrainedModel


@dataclass(frozen=True)
class Run:
    """One pass over prompt and response, cut open at both ends.

    Attributes:
        embeddings: [1, T, D], from the embedding module.
        states: [M, D], the last hidden states that predict the response.
        seeds: [M, D], ∂ log p(y_m) / ∂ states[m] / doubts[m].
        probabilities: [M], p(y_m | x, y_<m), at least float32.
        doubts: [M], 1 − p(y_m | x, y_<m), exact even near 0.
    """

    embeddings: Tensor
    states: Tensor
    seeds: Tensor
    probabilities: Tensor
    doubts: Tensor

    def factors(self, target: Target) -> Tensor:
        """[M]: turn the seeds' derivatives into the target's by multiplication."""
        return self.doubts if target == "log_probability" else self.doubts * self.probabilities


def run(
    model: PreTrainedModel,
    ids: Tensor,
    answered: Tensor,
    *,
    graph: bool,
    embeddings: Tensor | None = None,
) -> Run:
    """Run ids through the model.

    Args:
        model: A causal language model.
        ids: int64 [1, T], all but the last token of the response explained.
        answered: int64 [M], the tokens that the last M positions predict.
        graph: Keep the graph from the embeddings, which are a leaf of it, to the states.
        embeddings: [1, T, D], used instead of those of the ids.

    Raises:
        ProblemError: ``model`` when it cannot be cut after the embeddings and before the head.
    """
    bottom: list[Tensor] = []
    top: list[Tensor] = []
    leaves: list[Tensor] = []

    def open_embeddings(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
        given = output if embeddings is None else embeddings
        bottom.append(given.detach().requires_grad_(graph))
        # A copy, since some models write into their embeddings.
        return bottom[-1].clone()

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
    checked_embeddings(model, bottom[0], ids)
    seeds, probabilities, doubts = seeded(logits, leaves[0], answered)
    with torch.enable_grad():
        states = top[0][0, -count:]
    return Run(bottom[0], states, seeds[0, -count:], probabilities, doubts)


def checked_embeddings(model: PreTrainedModel, embeddings: Tensor, ids: Tensor) -> Tensor:
    """The embedding module's output; ProblemError ``model`` unless [B, T, D] for ids [B, T]."""
    if embeddings.shape[:-1] != ids.shape:
        raise problem(
            "model",
            f"{type(model).__name__} orders its embeddings in its own way.",
            f"For {tuple(ids.shape)} tokens they are {tuple(embeddings.shape)}.",
            "Choose a decoder-only causal language model.",
        )
    return embeddings


def seeded(logits: Tensor, states: Tensor, answered: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The seeds from one pass of the head.

    Args:
        logits: [M, V], with a graph from the states.
        states: A leaf of any shape, each row of which decides one row of logits.
        answered: int64 [M], the tokens they predict.

    Returns:
        The seeds in the states' shape, and [M] twice, p and 1 − p; see `Run`.
    """
    chosen = answered.to(logits.device)[:, None]
    with torch.no_grad():
        # ∂ log p(y) / ∂ logits = onehot(y) − p. If p(y) is nearly 1, rounding would lose 1 − p(y),
        # so it is summed from the other tokens' probabilities. Dividing by that sum keeps the
        # gradient of a nearly certain token from vanishing in half precision.
        gradient = logits.to(exact(logits.dtype)).softmax(dim=1)
        probabilities = gradient.gather(1, chosen)[:, 0]
        gradient.scatter_(1, chosen, 0.0)
        doubts = gradient.sum(dim=1)
        gradient /= -doubts.clamp_min(torch.finfo(gradient.dtype).tiny)[:, None]
        gradient.scatter_(1, chosen, 1.0)
    # A row of logits depends only on its own state, so one backward pass gives all seeds.
    (seeds,) = torch.autograd.grad(logits, states, gradient.to(logits.dtype))
    return seeds, probabilities, doubts


class _AtHeadError(Exception):
    """Stops a pass that has reached the head."""


def body(
    model: PreTrainedModel,
    ids: Tensor,
    embeddings: Tensor,
    cache: Cache | None = None,
    *,
    read: int = 0,
) -> Tensor:
    """The last hidden states [T, D] for embeddings [1, T, D], without running the head.

    A function of the embeddings that torch can differentiate in forward mode.

    Args:
        model: A causal language model.
        ids: int64 [1, T], for models that use more than the embeddings.
        embeddings: [1, T, D].
        cache: The model's state after earlier tokens; extended by these.
        read: Number of those earlier tokens.
    """
    top: list[Tensor] = []

    def enter(_module: nn.Module, _args: object, _output: Tensor) -> Tensor:
        # A copy, since some models write into their embeddings.
        return embeddings.clone()

    def leave(_module: nn.Module, args: tuple[Tensor, ...]) -> None:
        top.append(args[0])
        raise _AtHeadError

    hooks = [
        model.get_input_embeddings().register_forward_hook(enter),
        head_of(model).register_forward_pre_hook(leave),
    ]
    try:
        model(input_ids=ids, **options(model, ids, keep=0, cache=cache, read=read))
    except _AtHeadError:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return top[0][0]


def fed_ids(model: PreTrainedModel, prompt: Tensor, response: Tensor) -> Tensor:
    """int64 [1, T] on the model's device: all but the last response token, which predicts none."""
    return torch.cat([prompt, response[:-1]])[None].to(device_of(model))


def finite(values: Tensor, dtype: torch.dtype) -> Tensor:
    """The values as float32 on the CPU; NotFiniteError ``model`` if one is not finite."""
    if not bool(values.isfinite().all()):
        raise importance_problem(dtype)
    return values.to("cpu", torch.float32)
