"""Whether an adapter's weights make the model's own queries and keys (METHODS 7)."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from analysis.engine.weights.adapter import ModelWeights
from analysis.engine.weights.registry import weights_of
from analysis.problems import ProblemError, problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOLERANCE = 1e-3
_HALF_TOLERANCE = 0.05


def check(weights: ModelWeights, model: PreTrainedModel) -> None:
    """Compare an adapter with the model itself: shapes, and q and k of one token.

    One token passes through the model. In the first and the last layer its queries and keys,
    before rotation and q/k norms, are compared head by head with what the adapter's W_q and W_k
    make of the same residual stream.

    Args:
        weights: Read from disk or from memory.
        model: The same model, loaded; left as it was found.

    Raises:
        ProblemError: ``model`` when they differ, saying where and by how much.
    """
    loaded = weights_of(model)
    facts = ("family", "layers", "heads", "key_value_heads", "head_dim", "width", "vocabulary")
    for fact in facts:
        there, here = getattr(weights, fact), getattr(loaded, fact)
        if there != here:
            raise _differ(weights, f"The {fact.replace('_', ' ')} is {there} there, {here} here.")
    exact = next(model.parameters()).dtype in (torch.float32, torch.float64)
    tolerance = _TOLERANCE if exact else _HALF_TOLERANCE
    group, d = weights.heads // weights.key_value_heads, weights.head_dim
    for layer, seen in _captured(model, loaded, sorted({0, weights.layers - 1})).items():
        made = weights.query_key(layer)
        ready = weights.standardise(seen.states)
        for head in range(weights.heads):
            w_q, w_k = made.head(head)
            query, key = ready @ w_q, ready @ w_k
            if (biases := made.biases(head)) is not None:
                query, key = query + biases[0], key + biases[1]
            errors = {
                "queries": _relative(query, seen.query[head * d :][:d]),
                "keys": _relative(key, seen.key[head // group * d :][:d]),
            }
            for name, error in errors.items():
                # Written so that a result that is no number fails as well.
                if not error <= tolerance:
                    raise _differ(
                        weights, f"The {name} of layer {layer}, head {head} differ by {error:.2g}."
                    )


def _relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


@dataclass(frozen=True, eq=False)
class _Seen:
    """What passed through one layer for one token.

    Attributes:
        states: float32 [D], the residual stream that enters.
        query: float32 [H·d], before rotation and norms.
        key: float32 [H_kv·d], likewise.
    """

    states: Tensor
    query: Tensor
    key: Tensor


def _captured(model: PreTrainedModel, loaded: ModelWeights, layers: list[int]) -> dict[int, _Seen]:
    """What one token is in these layers of the model."""
    seen: dict[str, Tensor] = {}

    def keep(name: str, tensor: Tensor) -> None:
        seen[name] = tensor.detach()[0, -1].to("cpu", torch.float32, copy=True)

    def before(name: str) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            keep(name, args[0] if args else kwargs["hidden_states"])

        return hook

    def after(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Tensor) -> None:
            keep(name, output)

        return hook

    with ExitStack() as hooks, torch.no_grad():
        for layer in layers:
            name = loaded.layer_module(layer)
            module = model.get_submodule(name)
            handle = module.register_forward_pre_hook(before(name), with_kwargs=True)
            hooks.callback(handle.remove)
            for name in loaded.query_key_modules(layer):
                handle = model.get_submodule(name).register_forward_hook(after(name))
                hooks.callback(handle.remove)
        token = torch.tensor([[loaded.vocabulary // 2]], device=model.device)
        model(input_ids=token, use_cache=False)
    return {
        layer: _Seen(
            seen[loaded.layer_module(layer)],
            *loaded.split(tuple(seen[name] for name in loaded.query_key_modules(layer))),
        )
        for layer in layers
    }


def _differ(weights: ModelWeights, why: str) -> ProblemError:
    return problem(
        "model",
        f"The weights read from {weights.where} are not what the loaded model computes with.",
        why,
        "Views of single weights would mislead; the transformers version may store this family "
        "in a new way.",
    )
