"""Requests about the prompts on which one neuron or one head is most active (METHODS 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.request import ModelChoice, Request

if TYPE_CHECKING:
    from analysis.activity.result import Activity


class NeuronActivityRequest(Request["Activity"], frozen=True, tag="neuron_activity"):
    """The prompts on which a feed-forward neuron is most active; answered by `Activity`.

    Attributes:
        model: The model.
        prompts: The users' texts, as typed.
        layer: From 0.
        neuron: Number of the neuron in the layer, or in the expert, from 0.
        expert: The expert of a mixture, the shared one last; -1 in a dense layer.
        chat_template: Wrap every prompt in the model's chat template first.
        top: How many prompts are kept.
    """

    analysis = "neuron activity"
    function = "analysis.activity.compute.neurons:neuron_activity"
    result = "analysis.activity.result:Activity"

    model: ModelChoice
    prompts: tuple[str, ...]
    layer: int
    neuron: int
    expert: int = -1
    chat_template: bool = False
    top: int = 20


class HeadActivityRequest(Request["Activity"], frozen=True, tag="head_activity"):
    """The prompts in which a head attends most from one word to another; see `Activity`.

    Attributes:
        model: The model.
        prompts: The users' texts, as typed.
        layer: From 0.
        head: Number of the query head in the layer, from 0.
        pair: Two words, in either order and whatever their case; None for whatever the head
            attends to most, but for the first token and tokens that the user did not write.
        chat_template: Wrap every prompt in the model's chat template first.
        top: How many prompts are kept.
    """

    analysis = "head activity"
    function = "analysis.activity.compute.heads:head_activity"
    result = "analysis.activity.result:Activity"

    model: ModelChoice
    prompts: tuple[str, ...]
    layer: int
    head: int
    pair: tuple[str, str] | None = None
    chat_template: bool = False
    top: int = 20
