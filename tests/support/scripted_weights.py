"""What the scripted session answers about weights: the same pairs every time, for any layer."""

from __future__ import annotations

import zlib

import numpy as np

from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.heads.result import HeadPairs, NeuronPairs
from analysis.models.request import Architecture, ArchitectureRequest

HEADS = 8
LAYERS = 8
NEURON_PAIRS = 16


def words_paired(text: str) -> tuple[tuple[str, str], ...]:
    """The word pairs of a text such as "one=two hot=cold"."""
    return tuple((a, b) for a, _, b in (pair.partition("=") for pair in text.split()))


PAIRS = words_paired(
    "write=essay rewrite=sentence translate=language verb=noun bright=dense red=green king=queen "
    "France=Paris classify=category create=story one=two hot=cold say=tell dog=cat give=take "
    "north=south"
)


def architecture(
    request: ArchitectureRequest, *, layers: int = LAYERS, heads: int = HEADS
) -> Architecture:
    """A small Llama."""
    return Architecture(
        model=request.model.name,
        family="llama",
        layers=layers,
        heads=heads,
        key_value_heads=heads,
        head_dim=NEURON_PAIRS,
        width=heads * NEURON_PAIRS,
        feed_forward=4 * heads * NEURON_PAIRS,
        experts=0,
    )


def head_pairs(
    request: HeadPairsRequest, *, heads: int = HEADS, pairs: tuple[tuple[str, str], ...] = PAIRS
) -> HeadPairs:
    """Every head relates half of the pairs; the tuned model's heads other ones here and there.

    Head 0 is the same in both models.
    """
    words, indices = _vocabulary(pairs)
    first, second, count, starts = [], [], [], [0]
    for head in range(heads):
        chosen, counts = _chosen(request.model.name if head else "", request.layer, head, pairs)
        first.extend(indices[chosen, 0])
        second.extend(indices[chosen, 1])
        count.extend(counts)
        starts.append(len(first))
    return HeadPairs(
        model=request.model.name,
        layer=request.layer,
        heads=heads,
        words=words,
        first=np.array(first, np.int32),
        second=np.array(second, np.int32),
        count=np.array(count, np.int32),
        starts=np.array(starts, np.int64),
        neuron_pairs=NEURON_PAIRS,
        vocabulary=len(words),
        notes=(),
        seconds=0.1,
    )


def neuron_pairs(request: NeuronPairsRequest) -> NeuronPairs:
    """Neuron pair i relates i modulo 4 pairs, by falling score."""
    words, indices = _vocabulary(PAIRS)
    first, second, score, starts = [], [], [], [0]
    for neuron in range(NEURON_PAIRS):
        chosen, _ = _chosen(request.model.name, request.layer, 100 * request.head + neuron, PAIRS)
        chosen = chosen[::-1]
        for place, pair in enumerate(chosen[: neuron % 4]):
            first.append(indices[pair, 0])
            second.append(indices[pair, 1])
            score.append(10.0 - place)
        starts.append(len(first))
    return NeuronPairs(
        model=request.model.name,
        layer=request.layer,
        head=request.head,
        words=words,
        first=np.array(first, np.int32),
        second=np.array(second, np.int32),
        score=np.array(score, np.float32),
        starts=np.array(starts, np.int64),
        notes=(),
    )


def _vocabulary(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, ...], np.ndarray]:
    """The words once each, and the pairs as indices, int [pairs, 2]."""
    words = tuple(dict.fromkeys(word for pair in pairs for word in pair))
    return words, np.array([[words.index(a), words.index(b)] for a, b in pairs])


def _chosen(
    model: str, layer: int, head: int, pairs: tuple[tuple[str, str], ...]
) -> tuple[np.ndarray, list[int]]:
    """Some of the pairs and their counts, falling, the same on every machine."""
    random = np.random.default_rng(zlib.crc32(f"{layer} {head}".encode()))
    chosen = random.permutation(len(pairs))[: (len(pairs) + 1) // 2]
    if model == "demo-tuned":
        other = random.permutation(len(pairs))[: len(chosen)]
        chosen = np.array(list(dict.fromkeys([*chosen[: len(chosen) // 2], *other])))
        chosen = chosen[: (len(pairs) + 1) // 2]
    counts = np.sort(random.integers(2, NEURON_PAIRS, len(chosen)))[::-1]
    return chosen, counts.tolist()


def counted_pairs(*heads: dict[str, int], layer: int = 0) -> HeadPairs:
    """A layer from the pairs of its heads, each a dictionary "a=b" → count."""
    rows = [(*pair.split("="), count) for head in heads for pair, count in head.items()]
    words = tuple(dict.fromkeys(word for row in rows for word in row[:2]))
    first, second = ([words.index(row[side]) for row in rows] for side in (0, 1))
    return HeadPairs(
        model="model",
        layer=layer,
        heads=len(heads),
        words=words,
        first=np.array(first, dtype=np.int32),
        second=np.array(second, dtype=np.int32),
        count=np.array([row[2] for row in rows], dtype=np.int32),
        starts=np.cumsum([0, *(len(head) for head in heads)], dtype=np.int64),
        neuron_pairs=8,
        vocabulary=100,
        notes=(),
        seconds=0.0,
    )
