"""The places in a model where states are recorded and replaced, and the hooks that do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from analysis.engine.weights import ModelWeights, weights_of
from analysis.patching.request import Part
from analysis.problems import ProblemError, problem

Visit = Callable[[int, Tensor], Tensor | None]
"""Sees the states [B, T, D] at a site, by number, and may return others in their place."""


@dataclass(frozen=True, eq=False)
class Site:
    """One place in a model.

    Attributes:
        name: The module.
        module: The module itself.
        enters: What enters the module is meant, not what leaves it.
    """

    name: str
    module: nn.Module
    enters: bool = False


@dataclass(frozen=True, eq=False)
class Sites:
    """All places of one part.

    Attributes:
        stream: They are of the residual stream.
        every: By point; None where a layer has no such part.
        layers: L.
        width: D.
        notes: Why layers are left out.
    """

    stream: bool
    every: tuple[Site | None, ...]
    layers: int
    width: int
    notes: tuple[str, ...] = ()


def sites_of(model: PreTrainedModel, part: Part) -> Sites:
    """The places of a part in a model.

    Raises:
        ProblemError: ``model`` for a family that cannot be read or whose part cannot be told apart;
            ``input`` when no layer has such a part.
    """
    weights = weights_of(model)
    # Some families have two attentions and two networks in what they call a layer.
    names = dict.fromkeys(weights.layer_module(layer) for layer in range(weights.layers))
    layers = [(name, model.get_submodule(name)) for name in names]
    if part == "stream":
        first = Site(*layers[0], enters=True)
        return Sites(True, (first, *(Site(*each) for each in layers)), len(layers), weights.width)
    find = _attention if part == "attention" else _network
    found = tuple(find(model, weights, layer) for layer in range(weights.layers))
    gaps = weights.without_heads if part == "attention" else weights.without_network
    notes = tuple(f"Layer {gap.layer} is left out: it {gap.why}." for gap in gaps)
    if not any(found):
        raise problem(
            "input",
            f"No layer of {type(model).__name__} has {_NAMES[part]} to be replaced.",
            notes[0] if notes else "",
            "Choose another part.",
        )
    return Sites(False, found, weights.layers, weights.width, notes)


@contextmanager
def visited(sites: Sites, model: PreTrainedModel, rows: int, visit: Visit) -> Iterator[None]:
    """Show every site's states to `visit` while the model runs on `rows` texts.

    Raises:
        ProblemError: ``model`` at the end unless every site was passed exactly once, and while it
            runs for states of another shape than [B, T, D].
    """
    passed = [0] * len(sites.every)
    with ExitStack() as stack:
        for point, site in enumerate(sites.every):
            if site is None:
                continue

            def see(states: Any, point: int = point, name: str = site.name) -> Tensor | None:
                passed[point] += 1
                if not isinstance(states, Tensor):
                    raise _unlike(model, f"{name} gives its states in a form of its own.")
                seen = states
                if states.dim() == 2 and len(states) % rows == 0:
                    # Some flatten their positions before the feed-forward network.
                    seen = states.reshape(rows, -1, states.shape[1])
                if seen.dim() != 3 or len(seen) != rows or seen.shape[2] != sites.width:
                    raise _unlike(model, f"At {name} they are {tuple(states.shape)}.")
                other = visit(point, seen)
                return None if other is None else other.reshape(states.shape)

            if site.enters:
                hook: Any = partial(_entering, see)
                handle = site.module.register_forward_pre_hook(hook, with_kwargs=True)
            else:
                handle = site.module.register_forward_hook(partial(_leaving, see))
            stack.callback(handle.remove)
        yield
    for count, site in zip(passed, sites.every, strict=True):
        if site is not None and count != 1:
            raise _unlike(model, f"{site.name} runs {count} times for one token.")


def _entering(
    see: Callable[[Any], Tensor | None],
    _module: nn.Module,
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    other = see(args[0] if args else options.get("hidden_states"))
    if other is None:
        return None
    if args:
        return (other, *args[1:]), options
    return args, {**options, "hidden_states": other}


def _leaving(
    see: Callable[[Any], Tensor | None], _module: nn.Module, _args: object, output: Any
) -> Any:
    if not isinstance(output, tuple):
        return see(output)
    other = see(output[0])
    return None if other is None else (other, *output[1:])


_NAMES = {"attention": "an attention", "feed_forward": "a feed-forward network"}


def _attention(model: PreTrainedModel, weights: ModelWeights, layer: int) -> Site | None:
    name = weights.attention_module(layer)
    if not name:
        return None
    module = model.get_submodule(name)
    if "residual" in signature(module.forward).parameters:
        raise _unlike(model, f"{name} adds the residual stream to what it writes.")
    return Site(name, module)


def _network(model: PreTrainedModel, weights: ModelWeights, layer: int) -> Site | None:
    """What the network of a layer writes leaves its down projection, or what holds its experts."""
    experts, down = weights.expert_module(layer), weights.down_module(layer)
    if not experts:
        return Site(down, model.get_submodule(down)) if down else None
    around = f"{weights.layer_module(layer)}."
    name = around + experts.removeprefix(around).split(".")[0]
    if down and not down.startswith(f"{name}."):
        raise _unlike(model, f"A network that all tokens use runs beside the experts of {name}.")
    return Site(name, model.get_submodule(name))


def _unlike(model: PreTrainedModel, why: str) -> ProblemError:
    return problem(
        "model",
        f"The states of {type(model).__name__} cannot be replaced one by one.",
        why,
        "Choose another part, or another model.",
    )
