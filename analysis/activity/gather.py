"""What is asked of both models about one neuron or head, for a view: no prompt is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.activity.request import HeadActivityRequest, NeuronActivityRequest
from analysis.request import Ask, ModelChoice

if TYPE_CHECKING:
    from analysis.activity.result import Activity


def neuron_activity_ask(
    models: Sequence[ModelChoice], prompts: tuple[str, ...], place: tuple[int, int, int]
) -> Ask[Activity]:
    """Ask how active a neuron is on every prompt.

    `place` is its layer, expert (-1 in a dense layer) and number.
    """
    layer, expert, neuron = place
    return Ask(
        f"prompts of layer {layer}, neuron {neuron}",
        tuple(
            NeuronActivityRequest(each, prompts, layer, neuron, expert, top=len(prompts))
            for each in models
        ),
    )


def head_activity_ask(
    models: Sequence[ModelChoice],
    prompts: tuple[str, ...],
    place: tuple[int, int],
    pair: tuple[str, str],
) -> Ask[Activity]:
    """Ask how much a head, at its layer and number, attends from either word to the other."""
    layer, head = place
    return Ask(
        f"prompts of layer {layer}, head {head}",
        tuple(
            HeadActivityRequest(each, prompts, layer, head, pair, top=len(prompts))
            for each in models
        ),
    )
