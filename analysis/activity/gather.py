"""What is asked of both models about one neuron, for a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.activity.request import NeuronActivityRequest
from analysis.request import Ask, ModelChoice

if TYPE_CHECKING:
    from analysis.activity.result import Activity


def neuron_activity_ask(
    models: Sequence[ModelChoice], prompts: tuple[str, ...], place: tuple[int, int, int]
) -> Ask[Activity]:
    """Ask how active a neuron is on every prompt, none of which is dropped.

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
