"""The neurons that add most, and the principal components that their directions are nearest to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.concepts.compute.principal import principal_components
from analysis.concepts.rotation import suited_to
from analysis.contributions.compute.linearised import Position
from analysis.contributions.compute.sums import Sums


class Best(NamedTuple):
    """The neurons of every layer by falling |contribution|; padded with -1 and NaN."""

    neurons: NDArray[np.int32]
    activations: NDArray[np.float32]
    contributions: NDArray[np.float32]


def best(position: Position, found: Sums, count: int) -> Best:
    """The first `count` neurons of every dense layer, [L, count] at most."""
    count = min(count, max(len(each) for each in found.neurons))
    shape = (len(found.neurons), count)
    neurons = np.full(shape, -1, np.int32)
    activations, contributions = (np.full(shape, np.nan, np.float32) for _ in range(2))
    for layer, (added, seen) in enumerate(zip(found.neurons, position.layers, strict=True)):
        if seen.neurons is None:
            continue
        first = added.abs().argsort(descending=True, stable=True)[:count]
        own = slice(len(first))
        neurons[layer, own] = first.numpy()
        values = seen.neurons.detach().flatten(0, -2)[-1].to("cpu", torch.float32)
        activations[layer, own] = values[first].numpy()
        contributions[layer, own] = added[first].numpy()
    return Best(neurons, activations, contributions)


def nearest_components(
    patterns: Tensor, neurons: NDArray[np.int32], rank: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The component with the largest |cos| to what each neuron writes, and that cosine, signed.

    Args:
        patterns: [D_ff, D], the layer's down projection.
        neurons: int32 [K].
        rank: R, how many components are compared.
    """
    with torch.no_grad(), suited_to(patterns.shape[1]):
        directions, _ = principal_components(patterns, rank)
        if not len(directions):
            return np.full(len(neurons), -1, np.int32), np.full(len(neurons), np.nan, np.float32)
        chosen = torch.from_numpy(neurons).long().to(patterns.device)
        written = torch.nn.functional.normalize(patterns[chosen].to(directions.dtype), dim=1)
        cosines = written @ directions.T
        at = cosines.abs().argmax(dim=1)
        signed = cosines.gather(1, at[:, None])[:, 0]
    return at.to("cpu", torch.int32).numpy(), signed.to("cpu", torch.float32).numpy()
