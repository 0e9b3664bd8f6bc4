"""What can be asked of a model: that it be loaded, its tokens of a prompt, what it is built of.

Whether the models of a pair are built alike is asked before anything else about their weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from analysis.problems import problem
from analysis.request import Ask, ModelChoice, Request

if TYPE_CHECKING:
    from analysis.events import ModelFacts
    from analysis.models.tokens import Tokens


class LoadRequest(Request["ModelFacts"], frozen=True, tag="load"):
    """Load a model; answered by `ModelFacts`."""

    analysis = "load"
    function = "analysis.engine.facts:load"
    result = "analysis.events:ModelFacts"
    stored = False

    model: ModelChoice


class TokenizeRequest(Request["Tokens"], frozen=True, tag="tokenize"):
    """Tokenize a prompt as the model would see it; answered by `Tokens`."""

    analysis = "tokenize"
    function = "analysis.engine.facts:tokenize_prompt"
    result = "analysis.models.tokens:Tokens"
    stored = False

    model: ModelChoice
    prompt: str
    chat_template: bool = False


class ArchitectureRequest(Request["Architecture"], frozen=True, tag="architecture"):
    """Describe a model's architecture without its weights; answered by `Architecture`."""

    analysis = "architecture"
    function = "analysis.engine.facts:describe"
    result = "analysis.models.request:Architecture"

    model: ModelChoice


class Gap(msgspec.Struct, frozen=True):
    """A layer that lacks its heads, or its feed-forward network, or has one that cannot be read.

    Attributes:
        layer: From 0.
        why: For people, after "layer 3".
    """

    layer: int
    why: str


class Architecture(msgspec.Struct, frozen=True, tag="architecture"):
    """A model's architecture, as needed to read its weights one by one.

    Attributes:
        model: The model's name.
        family: The configuration's ``model_type``.
        layers: L, the number of layers.
        heads: H, query heads of a layer; the most that any layer has.
        key_value_heads: Key heads per layer.
        head_dim: d, the width of a head.
        width: D, the hidden size.
        feed_forward: D_ff; of one expert if there are several.
        experts: Experts per layer, including a shared one; 0 in a dense model.
        notes: What cannot be read from the weights alone, in words.
        dense_layers: The layers of a mixture of experts that have no experts.
        layer_heads: H of each layer, where that is not the same for all.
        without_heads: The layers without heads.
        without_network: The layers without a feed-forward network.
    """

    model: str
    family: str
    layers: int
    heads: int
    key_value_heads: int
    head_dim: int
    width: int
    feed_forward: int
    experts: int
    notes: tuple[str, ...] = ()
    dense_layers: tuple[int, ...] = ()
    layer_heads: tuple[int, ...] = ()
    without_heads: tuple[Gap, ...] = ()
    without_network: tuple[Gap, ...] = ()

    def heads_in(self, layer: int) -> int:
        """H of a layer; 0 if it has no heads."""
        return self.layer_heads[layer] if self.layer_heads else self.heads

    def attending(self, layers: Iterable[int]) -> list[int]:
        """Those of some layers that have heads.

        Raises ProblemError ``input`` if none of them has any.
        """
        wanted = list(layers)
        found = [layer for layer in wanted if self.heads_in(layer)]
        if wanted and not found:
            raise problem(
                "input",
                f"{self.model} has no heads to compare there.",
                passed_over(self.without_heads, wanted),
                "Choose other layers, or another model.",
            )
        return found

    def experts_in(self, layer: int) -> tuple[int, ...]:
        """The experts of a layer by number; only -1 if there are none; none without a network."""
        if any(gap.layer == layer for gap in self.without_network):
            return ()
        if not self.experts or layer in self.dense_layers:
            return (-1,)
        return tuple(range(self.experts))

    def is_built_like(self, other: Architecture) -> bool:
        """Whether the heads and layers of both can be compared one by one."""
        return msgspec.structs.replace(self, model="", notes=()) == msgspec.structs.replace(
            other, model="", notes=()
        )

    def shape(self) -> str:
        """The shape in words."""
        parts = [
            f"{self.family} with {self.layers} layers "
            + (f"of {self.heads} heads of {self.head_dim}" if self.heads else "without heads"),
            f"width {self.width}",
            f"feed-forward width {self.feed_forward}",
        ]
        return ", ".join([*parts, f"{self.experts} experts"] if self.experts else parts)


def passed_over(gaps: Iterable[Gap], layers: Iterable[int]) -> str:
    """Why some layers are left out, in a sentence for each reason; empty if none is."""
    wanted = set(layers)
    reasons: dict[str, list[int]] = {}
    for gap in gaps:
        if gap.layer in wanted:
            reasons.setdefault(gap.why, []).append(gap.layer)
    return " ".join(
        f"{_named(numbers)} left out: {'it' if len(numbers) == 1 else 'each'} {why}."
        for why, numbers in reasons.items()
    )


def _named(layers: list[int]) -> str:
    """Layer 3 is; layers 0-2 and 4 are."""
    if len(layers) == 1:
        return f"Layer {layers[0]} is"
    runs: list[list[int]] = []
    for layer in layers:
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    said = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return f"Layers {' and '.join(filter(None, [', '.join(said[:-1]), said[-1]]))} are"


def opening(base: ModelChoice, tuned: ModelChoice) -> list[Ask[Architecture]]:
    """What both models are built of."""
    return [Ask(model.name, (ArchitectureRequest(model),)) for model in (base, tuned)]


def built_alike(base: Architecture, tuned: Architecture) -> Architecture:
    """What both models of a pair are built of.

    Raises ProblemError, ``input``, if layers and heads do not correspond, with both shapes in
    words.
    """
    if not base.is_built_like(tuned):
        raise problem(
            "input",
            f"{base.model} and {tuned.model} cannot be compared weight by weight.",
            f"{base.model} is {base.shape()}; {tuned.model} is {tuned.shape()}.",
            "Choose a tuned model that was trained from this base model.",
        )
    return base
