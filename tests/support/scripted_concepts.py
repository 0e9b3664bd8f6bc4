"""What the scripted session answers about components: the same every time, for any layer."""

from __future__ import annotations

import numpy as np

from analysis.concepts.request import ConceptsRequest
from analysis.concepts.result import Components, LayerConcepts

RANK = 24
WORDS_EACH = 6
NOTE = "Words: 40, scripted."

_TEXT = """
the of and write essay story poem letter translate french spanish german sum add multiply number
code python function loop red green blue yellow king queen prince city paris london rome dog cat
horse run walk jump hot cold warm
"""
WORDS = tuple(_TEXT.split())


def layer_concepts(
    request: ConceptsRequest, *, rank: int = RANK, words: tuple[str, ...] = WORDS
) -> LayerConcepts:
    """A layer whose tuned components are the base ones, neighbours swapped, half the words new."""
    base = _components(request.base.name, request, rank, words, step=1)
    tuned = _components(request.tuned.name, request, rank, words, step=2)
    swapped = [each + 1 - 2 * (each % 2) for each in range(rank - rank % 2)]
    return LayerConcepts(
        layer=request.layer,
        expert=request.expert,
        base=base,
        tuned=tuned,
        matched=np.array([*swapped, *range(len(swapped), rank)], np.int32),
        angles=np.linspace(5.0, 80.0, rank) + request.layer,
        subspace_angles=np.linspace(40.0, 2.0, rank) + request.layer,
        notes=(NOTE,),
        seconds=0.1,
    )


def _components(
    model: str, request: ConceptsRequest, rank: int, words: tuple[str, ...], step: int
) -> Components:
    start = request.layer + max(0, request.expert)
    own = np.arange(rank)[:, None] + step * np.arange(min(WORDS_EACH, len(words)))
    signs = np.where((own + start) % 3, 1.0, -1.0)
    sizes = np.linspace(0.5, 0.3, own.shape[1])
    share = 0.8 ** np.arange(rank) * (0.1 + 0.01 * step)
    return Components(
        model=model,
        explained_variance=share,
        words=words,
        word_indices=((own + start) % len(words)).astype(np.int32),
        measures=(signs * sizes).astype(np.float32),
    )
