"""What a model itself makes of a few tokens: queries and keys of its heads, and what it writes.

Nothing here knows how a family stores or splits its queries: what arrives at its attention function
is caught, or at the method that stands for one, or what its own two projections make.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

# Norms of queries and keys, which cannot be folded, and norms between the factors of latent ones.
_LEFT_OUT = (
    *("q_norm", "k_norm", "q_layernorm", "k_layernorm", "query_layernorm", "key_layernorm"),
    "qk_norm",
)
_BY_WEIGHT = ("q_a_layernorm", "kv_a_layernorm")
# Methods that make queries and keys, or are given them, in families that call no such function.
_MAKE, _ARE_GIVEN = ("_reshape", "_split_heads"), ("_attn", "rel_attn_core")
_WITHOUT = ("mpt",)
_QUERY = ("q_proj", "query", "project_q", "query_proj", "q_lin")
_KEY = ("k_proj", "key", "project_k", "key_proj", "k_lin")


@dataclass
class OwnHeads:
    """What one layer made of n tokens, each alone at position 0.

    Attributes:
        states: float64 [n, D], what entered the layer.
        query: float64 [n, H, d or more].
        key: float64 [n, H_kv, d or more].
    """

    states: Tensor
    query: Tensor
    key: Tensor


@dataclass
class _Caught:
    states: list[Tensor] = field(default_factory=list)
    query: list[Tensor] = field(default_factory=list)
    key: list[Tensor] = field(default_factory=list)


def own_heads(
    model: PreTrainedModel,
    layers: Sequence[str],
    tokens: Sequence[int],
    *,
    states: Sequence[str] = (),
    projections: bool = False,
    position: int = 0,
) -> dict[int, OwnHeads]:
    """Queries and keys of every layer that makes any, by its number.

    Args:
        model: In evaluation mode.
        layers: The beginnings of its layers' names.
        tokens: Read one at a time, so that none is rotated.
        states: The modules that the layers' states enter, where that is not the layer.
        projections: Take what the two projections make, for they are scaled after them.
        position: Which position of what a layer reads is the token's.
    """
    found = {number: _Caught() for number in range(len(layers))}
    names = {id(module): name for name, module in model.named_modules()}

    def catch(module: nn.Module, query: Tensor, key: Tensor) -> None:
        # Some models replace their attention when they read.
        if id(module) not in names:
            names.update((id(each), name) for name, each in model.named_modules())
        at = f"{names[id(module)]}."
        number = next(number for number, layer in enumerate(layers) if at.startswith(layer))
        found[number].query.append(query.detach().double())
        found[number].key.append(key.detach().double())

    with ExitStack() as stack, torch.no_grad():
        for number, name in enumerate(states or [layer.rstrip(".") for layer in layers]):

            def enter(_: Any, args: Any, kwargs: Any, number: int = number) -> None:
                state = args[0] if args else kwargs["hidden_states"]
                found[number].states.append(state.detach().double().flatten(0, -2)[position])

            module = model.get_submodule(name)
            stack.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
        stack.enter_context(_plain_norms(model))
        if projections:
            stack.enter_context(_projections(model, catch, position))
        else:
            stack.enter_context(_attention_functions(model, catch))
            stack.enter_context(_methods(model, catch))
        for token in tokens:
            model(input_ids=torch.tensor([[token]]), use_cache=False)
    return {
        # Some call it twice, for halves of the values.
        number: OwnHeads(
            *(torch.stack(each[:: len(each) // len(tokens)]) for each in vars(own).values())
        )
        for number, own in found.items()
        if own.query
    }


@contextmanager
def _attention_functions(model: PreTrainedModel, catch: Any) -> Iterator[None]:
    """Whatever is registered is called for the model, whether it supports that or not."""
    original = ALL_ATTENTION_FUNCTIONS["sdpa"]

    def attend(
        module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any
    ) -> Any:
        catch(module, query[0, :, -1], key[0, :, -1])
        # A token that is alone attends to itself.
        return value.repeat_interleave(query.shape[1] // value.shape[1], 1).transpose(1, 2), None

    configs = {
        id(each.config): each.config
        for each in model.modules()
        if hasattr(getattr(each, "config", None), "_attn_implementation")
        and each.config.model_type not in _WITHOUT
    }
    before = {key: each._attn_implementation for key, each in configs.items()}
    try:
        ALL_ATTENTION_FUNCTIONS["sdpa"] = attend
        for each in configs.values():
            each._attn_implementation = "sdpa"
        yield
    finally:
        ALL_ATTENTION_FUNCTIONS["sdpa"] = original
        for key, each in configs.items():
            each._attn_implementation = before[key]


@contextmanager
def _methods(model: PreTrainedModel, catch: Any) -> Iterator[None]:
    """Queries and keys of one position are [H, d], with ones in between or around."""
    wrapped: list[tuple[nn.Module, str]] = []
    for module in model.modules():
        for name in (*_MAKE, *_ARE_GIVEN):
            method = getattr(module, name, None)
            # Where there are both, the one that is given both is the one for both.
            if method is None or (name == "_split_heads" and hasattr(module, "_attn")):
                continue

            def call(*args: Any, _own: Any = (module, name, method), **more: Any) -> Any:
                module, name, method = _own
                result = method(*args, **more)
                query, key, *_ = result if name in _MAKE else args
                catch(module, _by_head(query), _by_head(key))
                return result

            setattr(module, name, call)
            wrapped.append((module, name))
    try:
        yield
    finally:
        for module, name in wrapped:
            delattr(module, name)


def _by_head(values: Tensor) -> Tensor:
    # Some hand over keys as [d, positions].
    return values.reshape(-1, values.shape[-1] if values.shape[-1] > 1 else values.shape[-2])


@contextmanager
def _projections(model: PreTrainedModel, catch: Any, position: int) -> Iterator[None]:
    """Both are [..., H·d]: reshaped by whatever the attention calls the width of its heads."""
    waiting: dict[str, Tensor] = {}
    with ExitStack() as stack:
        for name, module in model.named_modules():
            around, _, last = name.rpartition(".")
            if last == "Wqkv":

                def split(own: nn.Module, _: Any, output: Tensor, around: str = around) -> None:
                    query, key, _ = output.flatten(0, -2)[position].chunk(3)
                    attention: Any = model.get_submodule(around)
                    catch(attention, *(x.reshape(-1, attention.head_dim) for x in (query, key)))

                stack.callback(module.register_forward_hook(split).remove)
            if last not in (*_QUERY, *_KEY):
                continue

            def made(
                _: nn.Module, __: Any, output: Tensor, around: str = around, last: str = last
            ) -> None:
                attention = model.get_submodule(around)
                d = next(
                    getattr(attention, each)
                    for each in ("head_dim", "attention_head_size", "dim_head")
                    if hasattr(attention, each)
                )
                waiting[last] = output.flatten(0, -2)[position].reshape(-1, d)
                query, key = (
                    next((waiting[each] for each in names if each in waiting), None)
                    for names in (_QUERY, _KEY)
                )
                if query is not None and key is not None:
                    catch(attention, query, key)
                    waiting.clear()

            stack.callback(module.register_forward_hook(made).remove)
        yield


@contextmanager
def _plain_norms(model: PreTrainedModel) -> Iterator[None]:
    replaced: list[Any] = []
    for name, module in model.named_modules():
        last = name.rpartition(".")[2]
        if last in _LEFT_OUT:
            vars(module)["forward"] = lambda x, *_, **__: x
            replaced.append(module)
        elif last in _BY_WEIGHT:
            vars(module)["forward"] = lambda x, m=module: x * m.weight
            replaced.append(module)
    try:
        yield
    finally:
        for module in replaced:
            del vars(module)["forward"]
