"""What the scripted session answers about changed weights: the same every time, for any layer."""

from __future__ import annotations

import numpy as np

from analysis.changes.request import OUTSIDE, ChangesRequest
from analysis.changes.result import Directions, LayerChanges, TensorChange
from tests.support.scripted_concepts import WORDS

RANK = 6
WORDS_EACH = 4
NOTE = "Words: 40, scripted."
MATRICES = ("query", "key", "value", "output", "gate", "up", "down")


def layer_changes(
    request: ChangesRequest,
    *,
    words: tuple[str, ...] = WORDS,
    scale: float = 1.0,
    roles: tuple[str, ...] = MATRICES,
) -> LayerChanges:
    """Every matrix changed by as many percent as its place and its layer say; `scale` 0: none."""
    start = max(0, request.layer)
    if request.layer == OUTSIDE:
        tensors = [_matrix("embeddings", 7, scale, words), _vector("norm", scale)]
    else:
        tensors = [_matrix(role, start + n, scale, words) for n, role in enumerate(roles)]
        tensors.append(_vector("input_layernorm", scale))
    return LayerChanges(
        layer=request.layer,
        base=request.base.name,
        tuned=request.tuned.name,
        tensors=tuple(tensors),
        notes=(NOTE,),
        seconds=0.1,
        device="cpu",
    )


def _matrix(role: str, number: int, scale: float, words: tuple[str, ...]) -> TensorChange:
    side = "writes" if role in ("output", "down", "embeddings") else "reads"
    values = 2.0 ** -np.arange(RANK) * (1 + number)
    places = number + np.arange(RANK * 2 * min(WORDS_EACH, len(words)))
    indices = places.reshape(RANK, 2, -1) % len(words)
    cosines = np.broadcast_to(np.linspace(0.5, 0.3, indices.shape[2]), indices.shape)
    directions = Directions(
        singular_values=values,
        settled=np.arange(RANK) != 3,
        effective_rank=40.0 + number,
        effective_rank_error=2.0 if role == "gate" else 0.0,
        holding=25,
        holding_exact=role != "gate",
        side=side,
        embeddings="output" if side == "writes" else "input",
        words=words,
        word_indices=indices.astype(np.int32),
        cosines=(cosines * np.array([1.0, -1.0])[:, None]).astype(np.float32),
    )
    norm = float(np.sqrt((values**2).sum())) * 1.25
    return TensorChange(
        role=role,
        tensor=f"{role}.weight",
        shape=(128, 512),
        experts=0,
        norm_base=100 * norm / (1 + number),
        norm_change=norm * scale,
        directions=directions if scale else None,
    )


def _vector(role: str, scale: float) -> TensorChange:
    return TensorChange(
        role=role,
        tensor=f"{role}.weight",
        shape=(128,),
        experts=0,
        norm_base=10.0,
        norm_change=0.02 * scale,
        directions=None,
    )
