"""Tables of changed weights, for the Changes view and the ``changes`` command."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from analysis.changes.request import OUTSIDE
from analysis.changes.result import Directions, LayerChanges, TensorChange
from analysis.table import Cell, Table

TENSOR_COLUMNS = (
    "layer",
    "tensor",
    "shape",
    "experts",
    "norm_base",
    "norm_change",
    "relative_change",
    "effective_rank",
    "effective_rank_error",
    "stable_rank",
    "directions_of_90_percent",
    "directions_estimated",
    "top_share",
    "side",
    "words",
    "opposite_words",
)
DIRECTION_COLUMNS = (
    "layer",
    "tensor",
    "relative_change",
    "direction",
    "singular_value",
    "share",
    "cumulative_share",
    "settled",
    "side",
    "embeddings",
    "words",
    "opposite_words",
    "cosines",
    "opposite_cosines",
)


def tensors_table(layers: Sequence[LayerChanges]) -> Table:
    """A row for every tensor, those outside the layers without a layer.

    Returns:
        `TENSOR_COLUMNS`; `shape` is [in, out] of a matrix. Cells from the effective rank on are
        empty for vectors and for what did not change; `top_share` is that of all directions kept,
        and the words are those at both ends of the first.
    """
    return Table(
        TENSOR_COLUMNS, [_tensor(layer, each) for layer in layers for each in layer.tensors]
    )


def directions_table(layers: Sequence[LayerChanges]) -> Table:
    """A row for every direction of a change, by falling singular value; counted from 0.

    Returns:
        `DIRECTION_COLUMNS`; shares are of ‖ΔW‖². A tensor without directions has one row. Words are
        separated by spaces, best first, and so are their cosines.
    """
    return Table(DIRECTION_COLUMNS, _DirectionRows(tuple(layers)))


def shares(change: TensorChange) -> list[float]:
    """The share of ‖ΔW‖² that each of the directions kept holds."""
    if change.directions is None:
        return []
    return [float(each) ** 2 / change.norm_change**2 for each in change.directions.singular_values]


def as_json(layers: Sequence[LayerChanges]) -> bytes:
    """Everything that is known of the change, one layer after the other, as indented JSON."""
    return msgspec.json.format(msgspec.json.encode([_record(each) for each in layers])) + b"\n"


def _tensor(layer: LayerChanges, change: TensorChange) -> tuple[Cell, ...]:
    start = (
        _number(layer),
        change.role,
        "×".join(map(str, change.shape)),
        change.experts or None,
        change.norm_base,
        change.norm_change,
        change.relative,
    )
    found = change.directions
    if found is None:
        return (*start, *[None] * (len(TENSOR_COLUMNS) - len(start)))
    return (
        *start,
        found.effective_rank,
        found.effective_rank_error,
        change.stable_rank,
        found.holding,
        not found.holding_exact,
        change.top_share,
        found.side or None,
        *_words(found, 0),
    )


def _number(layer: LayerChanges) -> int | None:
    return None if layer.layer == OUTSIDE else layer.layer


def _words(found: Directions, direction: int) -> tuple[str | None, str | None]:
    if not found.side:
        return None, None
    positive, negative = found.ends(direction)
    return " ".join(positive), " ".join(negative)


@dataclass(frozen=True)
class _DirectionRows:
    """The rows, recomputed tensor by tensor on every iteration."""

    layers: tuple[LayerChanges, ...]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        for layer in self.layers:
            for change in layer.tensors:
                start = (_number(layer), change.role, change.relative)
                found = change.directions
                if found is None:
                    yield (*start, *[None] * (len(DIRECTION_COLUMNS) - len(start)))
                    continue
                together = 0.0
                for direction, share in enumerate(shares(change)):
                    together += share
                    yield (
                        *start,
                        direction,
                        float(found.singular_values[direction]),
                        share,
                        together,
                        bool(found.settled[direction]),
                        found.side or None,
                        found.embeddings or None,
                        *_words(found, direction),
                        *_cosines(found, direction),
                    )


def _cosines(found: Directions, direction: int) -> tuple[str | None, str | None]:
    if not found.side:
        return None, None
    ends = found.cosines[direction].tolist()
    positive, negative = (" ".join(f"{each:.6g}" for each in end) for end in ends)
    return positive, negative


def _record(layer: LayerChanges) -> dict[str, Any]:
    return {
        "layer": _number(layer),
        "base": layer.base,
        "tuned": layer.tuned,
        "device": layer.device,
        "seconds": round(layer.seconds, 3),
        "notes": layer.notes,
        "tensors": [_tensor_record(each) for each in layer.tensors],
    }


def _tensor_record(change: TensorChange) -> dict[str, Any]:
    found = change.directions
    record: dict[str, Any] = {
        "tensor": change.role,
        "stored_as": change.tensor,
        "shape": change.shape,
        "experts": change.experts or None,
        "norm_base": change.norm_base,
        "norm_change": change.norm_change,
        # JSON has no infinity.
        "relative_change": change.relative if math.isfinite(change.relative) else None,
    }
    if found is None:
        return record
    return record | {
        "effective_rank": found.effective_rank,
        "effective_rank_error": found.effective_rank_error,
        "stable_rank": change.stable_rank,
        "directions_of_90_percent": found.holding,
        "directions_estimated": not found.holding_exact,
        "side": found.side or None,
        "embeddings": found.embeddings or None,
        "directions": [
            {
                "singular_value": float(found.singular_values[direction]),
                "share": share,
                "settled": bool(found.settled[direction]),
                "words": _end(found, direction, 0),
                "opposite_words": _end(found, direction, 1),
            }
            for direction, share in enumerate(shares(change))
        ],
    }


def _end(found: Directions, direction: int, end: int) -> list[dict[str, Any]]:
    cosines = found.cosines[direction, end].tolist()
    return [
        {"word": word, "cosine": round(cosine, 6)}
        for word, cosine in zip(found.ends(direction)[end], cosines, strict=True)
    ]
