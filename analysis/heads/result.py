"""The word pairs of heads and of neuron pairs."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray


class HeadPairs(msgspec.Struct, frozen=True, tag="head_pairs"):
    """The word pairs of every head of a layer, those found by more than one neuron pair.

    Attributes:
        model: The model's name.
        layer: From 0.
        heads: H.
        words: The words that occur, as they are written.
        first: int32 [P], index of the query's word.
        second: int32 [P], index of the key's word.
        count: int32 [P], number of neuron pairs that found it; falling within a head.
        starts: int64 [H + 1]; the word pairs of head h stand at ``starts[h]:starts[h + 1]``.
        neuron_pairs: d, neuron pairs of a head.
        vocabulary: Number of words that were looked at: with a vector and with tokens.
        notes: What the user should know, in words.
        seconds: Time it took.
        device: Where it was computed.
    """

    model: str
    layer: int
    heads: int
    words: tuple[str, ...]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    count: NDArray[np.int32]
    starts: NDArray[np.int64]
    neuron_pairs: int
    vocabulary: int
    notes: tuple[str, ...]
    seconds: float
    device: str = ""


class NeuronPairs(msgspec.Struct, frozen=True, tag="neuron_pairs"):
    """The word pairs of every neuron pair of one head, by falling q · k.

    Attributes:
        model: The model's name.
        layer: From 0.
        head: From 0.
        words: The words that occur.
        first: int32 [P], index of the query's word.
        second: int32 [P], index of the key's word.
        score: float32 [P], q · k; falling within a neuron pair.
        starts: int64 [d + 1]; the word pairs of neuron pair i stand at ``starts[i]:starts[i + 1]``.
        notes: What the user should know, in words.
    """

    model: str
    layer: int
    head: int
    words: tuple[str, ...]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    score: NDArray[np.float32]
    starts: NDArray[np.int64]
    notes: tuple[str, ...]
