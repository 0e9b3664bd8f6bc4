"""Reads one position as a linear function of what is added to its residual stream (METHODS 17).

What enters an output projection (the heads), a down projection (the neurons), or leaves a mixture,
is a leaf: derivatives do not go on into the branch that made it. With the denominators of norms
held, the rest is linear up to biases: the residual stream, the projections and the norms in it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from analysis.contributions.compute.attended import Attended, recorded, returned
from analysis.contributions.compute.layout import LayerParts, unlike
from analysis.engine.memory import is_out_of_memory
from analysis.engine.passes import exact, frozen, head_of, options
from analysis.engine.reasons import reason
from analysis.problems import ProblemError
from analysis.saliency.compute.norms import FrozenNorms
from analysis.saliency.compute.reading import agree

if TYPE_CHECKING:
    from transformers import Cache, PreTrainedModel

# How many roundings logits may be apart from multiples of what the head gives.
_ROUNDINGS = 16


@dataclass(eq=False)
class LayerSeen:
    """What a layer adds: leaves [1, S, any], and outputs with a graph to the head.

    The last of S positions is the one that counts; usually it is the only one.

    Attributes:
        heads: The heads, side by side.
        attended: What attention's output projection makes of them.
        neurons: Of a dense layer; None in a mixture.
        written: What the down projection makes of them.
        mixture: What a mixture gives; None in a dense layer.
    """

    heads: Tensor | None = None
    attended: Tensor | None = None
    neurons: Tensor | None = None
    written: Tensor | None = None
    mixture: Tensor | None = None


@dataclass(eq=False)
class Position:
    """The last position of a text, read with norms held.

    Attributes:
        stream: Leaf [1, S, D], what enters the first layer.
        layers: What each layer adds.
        sources: By layer, what its heads attended to; None where that is not known.
        biases: Parameters outside the projections that are added on the way to the logits.
        logits: float32 at least, [V], with a graph: those that are linear in the leaves.
        final: float32 at least, [V], without: the model's.
        capped: Whether the two differ by more than a factor: the model has a soft cap.
    """

    stream: Tensor
    layers: list[LayerSeen]
    sources: list[Attended | None]
    biases: list[nn.Parameter]
    logits: Tensor
    final: Tensor
    capped: bool


@dataclass(eq=False)
class _Seen:
    layers: list[LayerSeen]
    stream: list[Tensor] = field(default_factory=list)
    head: list[Tensor] = field(default_factory=list)
    outputs: dict[int, object] = field(default_factory=dict)


def read(model: PreTrainedModel, parts: list[LayerParts], ids: Tensor) -> Position:
    """Read a text up to its last position, and that one as a function of leaves.

    A model that gives other logits with its attention written out has it as usual, and one that
    reads the last position otherwise behind a cache reads the whole text: the derivatives are the
    same, but what is attended to is not seen, or the pass takes more memory.

    Args:
        model: A causal language model.
        parts: Its `layout`.
        ids: int64 [1, T].

    Raises:
        ProblemError: ``model`` when the logits are not those of the model as it usually runs, or a
            part is not met exactly once.
    """
    usual, before = _usual(model, ids)
    cached = ids.shape[1] > 1 and "past_key_values" in inspect.signature(model.forward).parameters
    ways = [(True, True), (True, False)] if cached else []
    failed: list[_OtherwiseError] = []
    for behind_cache, written_out in (*ways, (False, True), (False, False)):
        try:
            cache = None
            if behind_cache:
                # It grows by the last position: each way needs one of its own.
                cache, before = before or _before(model, ids[:, :-1]), None
            return _read(model, parts, ids, usual, cache, written_out=written_out)
        except _OtherwiseError as error:
            failed.append(error)
    raise unlike(model, str(failed[-1])) from failed[-1].__cause__


class _OtherwiseError(Exception):
    """A model does not give its usual logits when it is read this way."""


def _read(
    model: PreTrainedModel,
    parts: list[LayerParts],
    ids: Tensor,
    usual: Tensor,
    cache: Cache | None,
    *,
    written_out: bool,
) -> Position:
    """Read the last position alone, behind a cache, or the whole text, as a function of leaves.

    With attention written out, so that what it attends to is seen, or as the model usually has it.
    """
    earlier = 0 if cache is None else ids.shape[1] - 1
    seen, biases = _Seen([LayerSeen() for _ in parts]), _biases(model, parts)
    try:
        with ExitStack() as stack:
            attended = stack.enter_context(recorded(model)) if written_out else {}
            stack.enter_context(_hooked(model, parts, seen))
            stack.enter_context(frozen(model))
            stack.enter_context(differentiable(biases))
            stack.enter_context(torch.enable_grad())
            stack.enter_context(FrozenNorms())
            last = ids[:, earlier:]
            given = options(model, last, keep=1, cache=cache, read=earlier)
            final = model(input_ids=last, **given).logits[0, -1]
    except Exception as error:
        if is_out_of_memory(error) or isinstance(error, ProblemError):
            raise
        raise _OtherwiseError(reason(error)) from error
    apart = float((final.detach() - usual).abs().max())
    if not agree(final.detach(), usual) and math.isfinite(apart):
        raise _OtherwiseError(
            f"Read again, it gives other logits: they differ by up to {apart:.3g}."
        )
    if len(seen.stream) != 1 or len(seen.head) != 1:
        raise unlike(model, "It does not pass its first layer and its head exactly once.")
    sources = [
        attended.get(each.attention) or returned(seen.outputs.get(number), cache, number)
        for number, each in enumerate(parts)
    ]
    logits, capped = _linear(model, seen.head[0][0, -1], final)
    wide = exact(logits.dtype)
    return Position(
        seen.stream[0],
        seen.layers,
        sources,
        biases,
        logits.to(wide),
        final.detach().to(wide),
        capped,
    )


def _usual(model: PreTrainedModel, ids: Tensor) -> tuple[Tensor, Cache | None]:
    """A model's logits [V] behind a text, and what it keeps of all but the last position.

    The latter where that comes with the former: a window that has slid cannot be shortened.
    """
    cache: Any = DynamicCache(config=model.config)
    plain = all(type(each) is DynamicLayer for each in cache.layers)
    with torch.no_grad(), frozen(model):
        if plain and cache.layers and ids.shape[1] > 1:
            found = model(input_ids=ids, **options(model, ids, keep=1, cache=cache))
            if all(each.get_seq_length() == ids.shape[1] for each in cache.layers):
                cache.crop(-1)
                return found.logits[0, -1], cache
        return model(input_ids=ids, **options(model, ids, keep=1)).logits[0, -1], None


def _before(model: PreTrainedModel, ids: Tensor) -> Cache:
    """What a model keeps of a text."""
    cache = DynamicCache(config=model.config)
    try:
        with torch.no_grad(), frozen(model):
            model(input_ids=ids, **options(model, ids, keep=1, cache=cache))
    except Exception as error:
        if is_out_of_memory(error) or isinstance(error, ProblemError):
            raise
        raise _OtherwiseError(reason(error)) from error
    return cache


def _linear(model: PreTrainedModel, head: Tensor, final: Tensor) -> tuple[Tensor, bool]:
    """The logits that are linear in the head's input, and whether the model caps them."""
    if len(head) < len(final):
        raise unlike(model, "Its head gives fewer numbers than it has logits.")
    head = head[: len(final)]
    raw, last = head.detach().double(), final.detach().double()
    factor = float(raw @ last) / float(raw @ raw)
    apart = float((last - factor * raw).abs().max())
    if apart <= _ROUNDINGS * torch.finfo(final.dtype).eps * float(last.abs().max()):
        return final, False
    return head, True


@contextmanager
def _hooked(model: PreTrainedModel, parts: list[LayerParts], seen: _Seen) -> Iterator[None]:
    """Cut the branches off, and keep what they add."""
    hooks = []

    def enter(_module: nn.Module, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        if args:
            seen.stream.append(_leaf(args[0]))
            return (seen.stream[-1].clone(), *args[1:]), given
        seen.stream.append(_leaf(given["hidden_states"]))
        return args, {**given, "hidden_states": seen.stream[-1].clone()}

    hooks.append(parts[0].layer.register_forward_pre_hook(enter, with_kwargs=True))
    for number, (each, found) in enumerate(zip(parts, seen.layers, strict=True)):
        hooks += _projection(each.output, found, "heads", "attended")
        if each.down is not None:
            hooks += _projection(each.down, found, "neurons", "written")
        if each.mixture is not None:
            hooks.append(each.mixture.register_forward_hook(_mixture(found)))

        def attended(_module: nn.Module, _args: object, output: object, at: int = number) -> None:
            seen.outputs[at] = output

        hooks.append(each.attention.register_forward_hook(attended))
    head = head_of(model).register_forward_hook(lambda _module, _args, out: seen.head.append(out))
    hooks.append(head)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _leaf(values: Tensor) -> Tensor:
    return values.detach().clone().requires_grad_()


def _projection(module: nn.Module, found: LayerSeen, before: str, after: str) -> list[Any]:
    """Make a projection's input a leaf, and keep its output."""

    def cut(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        leaf = _leaf(args[0])
        setattr(found, before, leaf)
        return (leaf.clone(), *args[1:])

    def keep(_module: nn.Module, _args: object, output: Tensor) -> None:
        setattr(found, after, output)

    return [module.register_forward_pre_hook(cut), module.register_forward_hook(keep)]


def _mixture(found: LayerSeen) -> Callable[..., Any]:
    """Make what a mixture gives a leaf."""

    def cut(_module: nn.Module, _args: object, output: Any) -> Any:
        first = output[0] if isinstance(output, tuple) else output
        found.mixture = _leaf(first)
        again = found.mixture.clone()
        return (again, *output[1:]) if isinstance(output, tuple) else again

    return cut


@contextmanager
def differentiable(parameters: list[nn.Parameter]) -> Iterator[None]:
    """Let derivatives reach some parameters, and only for a while."""
    before = [each.requires_grad for each in parameters]
    try:
        for each in parameters:
            each.requires_grad_(True)
        yield
    finally:
        for each, was in zip(parameters, before, strict=True):
            each.requires_grad_(was)


def _biases(model: PreTrainedModel, parts: list[LayerParts]) -> list[nn.Parameter]:
    """The biases outside the projections."""
    own = {
        id(bias)
        for each in parts
        for module in (each.output, each.down, each.mixture)
        if module is not None
        for bias in module.parameters()
    }
    return [
        each
        for name, each in model.named_parameters()
        if name.endswith("bias") and each.dim() == 1 and not each.is_meta and id(each) not in own
    ]
