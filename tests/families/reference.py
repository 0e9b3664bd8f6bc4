"""What the definitions say, by plain loops over whole passes: nothing here knows of `analysis`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel

_STEP = 1e-5


def importance(
    model: PreTrainedModel, prompt: list[int], response: list[int]
) -> tuple[Tensor, Tensor]:
    """E[x_n] · ∂ log p(y_m | x, y_<m) / ∂E[x_n] in the model's precision, and what was summed.

    One forward and one backward pass a response token, over all that comes before it.

    Returns:
        [N, M], and [M], the largest sum of absolute terms in a column: families that normalise
        their embeddings first have terms that cancel out, and rounding is a share of the terms.
    """
    columns, terms = [], []
    for m, token in enumerate(response):
        leaves: list[Tensor] = []

        def cut(embeddings: Tensor, leaves: list[Tensor] = leaves) -> Tensor:
            leaves.append(embeddings.detach().requires_grad_())
            # A model may write into what it is given, which no leaf allows.
            return leaves[-1].clone()

        with _embeddings(model, cut):
            logits = last_logits(model, [*prompt, *response[:m]])
        gradients = torch.autograd.grad(logits.log_softmax(-1)[token], leaves)
        assert len(leaves) == 1, f"the embeddings are looked up {len(leaves)} times"
        products = _positions(leaves[0].detach()) * _positions(gradients[0])
        columns.append(products[: len(prompt)].sum(-1))
        terms.append(products[: len(prompt)].abs().sum(-1).max())
    return torch.stack(columns, dim=1), torch.stack(terms)


def slope(
    model: PreTrainedModel, prompt: list[int], response: list[int], row: int, column: int
) -> float:
    """The same derivative from two passes in float64, without any: by central differences."""
    ids = [*prompt, *response[:column]]

    def log_probability(factor: float) -> float:
        def scale(embeddings: Tensor) -> Tensor:
            scaled = embeddings.clone()
            _positions(scaled)[row] *= factor
            return scaled

        with torch.no_grad(), _embeddings(model, scale):
            return float(last_logits(model, ids).log_softmax(-1)[response[column]])

    return (log_probability(1 + _STEP) - log_probability(1 - _STEP)) / (2 * _STEP)


def slopes(model: PreTrainedModel, prompt: list[int], response: list[int]) -> Tensor:
    """[N, M], every `slope`: for a model in which no backward pass finds the derivative."""
    columns, rows = range(len(response)), range(len(prompt))
    found = [[slope(model, prompt, response, row, column) for column in columns] for row in rows]
    return torch.tensor(found, dtype=torch.float64)


def occlusion(
    model: PreTrainedModel, prompt: list[int], response: list[int], *, zeroed: bool
) -> tuple[Tensor, Tensor]:
    """p(y_m | x, y_<m) less the same without x_n, or with E[x_n] zero.

    Returns:
        [N, M], and [M], p(y_m | x, y_<m).
    """
    whole = _probabilities(model, prompt, response)
    rows = []
    for n in range(len(prompt)):
        if not zeroed:
            rows.append(whole - _probabilities(model, prompt[:n] + prompt[n + 1 :], response))
            continue

        def zero(embeddings: Tensor, n: int = n) -> Tensor:
            changed = embeddings.clone()
            _positions(changed)[n] = 0
            return changed

        with _embeddings(model, zero):
            rows.append(whole - _probabilities(model, prompt, response))
    return torch.stack(rows), whole


def greedy(model: PreTrainedModel, prompt: list[int], count: int) -> list[int]:
    """The response that transformers itself generates, greedily; without a cache if it has none."""
    ids = torch.tensor([prompt])
    try:
        found = model.generate(ids, do_sample=False, max_new_tokens=count)
    except Exception:
        found = model.generate(ids, do_sample=False, max_new_tokens=count, use_cache=False)
    return [int(each) for each in found[0, len(prompt) :]]


def foresight(model: PreTrainedModel, ids: list[int]) -> float:
    """How much later tokens, left out or changed, change earlier logits, as a share of the largest.

    Args:
        model: Any.
        ids: All different.
    """
    with torch.no_grad():
        whole = all_logits(model, ids)
        apart = [0.0]
        for stop in range(1, len(ids)):
            for later in ([], [ids[-1], *ids[stop + 1 :]]):
                change = all_logits(model, [*ids[:stop], *later])[:stop] - whole[:stop]
                apart.append(float(change.abs().max()))
    assert bool(whole.isfinite().all())
    return max(apart) / float(whole.abs().max())


def last_logits(model: PreTrainedModel, ids: list[int]) -> Tensor:
    """[V] after the last token."""
    return all_logits(model, ids)[-1]


def all_logits(model: PreTrainedModel, ids: list[int]) -> Tensor:
    """[T, V]."""
    with throughout(next(model.parameters()).dtype):
        logits: Tensor = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    return logits


@contextmanager
def throughout(dtype: torch.dtype) -> Iterator[None]:
    """With float64 wherever a model says float32, if float64 is its precision."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with _Double() if dtype == torch.float64 else nullcontext():
            yield
    finally:
        torch.set_default_dtype(usual)


def _probabilities(model: PreTrainedModel, prompt: list[int], response: list[int]) -> Tensor:
    """[M], from one pass: what comes after a position does not concern it."""
    with torch.no_grad():
        shares = all_logits(model, [*prompt, *response[:-1]])[len(prompt) - 1 :].softmax(-1)
    return shares.gather(1, torch.tensor(response)[:, None])[:, 0]


def _positions(embeddings: Tensor) -> Tensor:
    """[T, D], a view of the embeddings of one sequence."""
    # One family puts positions before sequences.
    return embeddings.view(-1, embeddings.shape[-1])


class _Double(TorchFunctionMode):
    """Most models ask for float32 inside norms, softmaxes and rotations."""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if function is Tensor.float:
            function = Tensor.double
        wide = {name: _wide(each) for name, each in (kwargs or {}).items()}
        return function(*(_wide(each) for each in args), **wide)


def _wide(argument: Any) -> Any:
    return torch.float64 if argument is torch.float32 else argument


@contextmanager
def _embeddings(model: PreTrainedModel, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """With what the embedding module returns changed."""

    def hook(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
        return change(output)

    handle = model.get_input_embeddings().register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
