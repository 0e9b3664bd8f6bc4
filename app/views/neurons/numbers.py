"""The numbers in the maps of the Neurons view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.terminal.text import prose
from app.views.neurons.atlas import UnitAtlas
from app.widgets.head_map import levels_of
from app.widgets.number_map import Numbers

Map = Literal["overlaps", "layers", "changes"]
MAPS: tuple[Map, ...] = ("changes", "overlaps", "layers")
Measure = Literal["jaccard", "containment"]

NOTHING = "–"
ALL_LAYERS = "all layers"
GENERAL = "general"


def numbers_of(
    atlas: UnitAtlas, shown: Map, measure: Measure, side: int, *, ascii_only: bool = False
) -> Numbers:
    """The map of the base (0) or tuned (1) model; changes concern both."""
    names = [prose(each, ascii_only=ascii_only) for each in atlas.counted]
    if shown == "overlaps":
        values = overlaps(atlas, measure, side)
        return Numbers(names, names, levels_of(values), _shares(values))
    rows = [ALL_LAYERS, *(f"layer {layer}" for layer in range(atlas.layers))]
    if shown == "changes":
        changed = 1 - changes(atlas)
        # Scaled to what is there: in a small set a few neurons are a large share.
        scale = np.nanmax(changed, initial=0.0) or 1.0
        return Numbers(rows, names, levels_of(changed / scale), _signed(atlas, ascii_only))
    both = [counts(atlas, each) for each in (0, 1)]
    # The row of all layers is scaled separately: it would leave the others no lightness.
    most = [
        max(int(each[rows].max(initial=0)) for each in both) for rows in (slice(1), slice(1, None))
    ]
    whole = np.array([most[0]] + [most[1]] * atlas.layers)[:, None]
    levels = levels_of(both[side] / np.maximum(1, whole))
    texts = [[f"{each:,}" for each in row] for row in both[side].tolist()]
    return Numbers(rows, [*names, GENERAL], levels, texts)


def overlaps(atlas: UnitAtlas, measure: Measure, side: int) -> NDArray[np.float64]:
    """float64 [C, C]; NaN if there is nothing to compare."""
    sets = atlas.sets()[side]
    return sets.jaccard() if measure == "jaccard" else sets.containment()


def counts(atlas: UnitAtlas, side: int) -> NDArray[np.int64]:
    """int64 [1 + L, C + 1]: set sizes, all layers first, general units last."""
    sets = atlas.sets()[side]
    by_layer = np.column_stack([sets.counts.T, sets.general_counts])
    return np.vstack([by_layer.sum(axis=0), by_layer])


def changes(atlas: UnitAtlas) -> NDArray[np.float64]:
    """float64 [1 + L, C]: Jaccard index of the base and tuned model's sets, all layers first."""
    found = atlas.alteration()
    both = np.column_stack([found.over_layers().jaccard(), found.jaccard()])
    return np.asarray(both.T)


def share_text(value: float) -> str:
    """A share with two digits; a dash for NaN."""
    return NOTHING if np.isnan(value) else f"{value:.2f}"


def _signed(atlas: UnitAtlas, ascii_only: bool) -> Sequence[Sequence[str]]:
    """What was lost and gained, ``−62 +83``; a dash where neither set has a unit."""
    found, minus = atlas.alteration(), "-" if ascii_only else "−"
    kept, lost, gained = (
        np.vstack([each.sum(axis=1), each.T]).tolist()
        for each in (found.kept, found.lost, found.gained)
    )
    return [
        [
            f"{minus}{less} +{more}" if same + less + more else NOTHING
            for same, less, more in zip(*row, strict=True)
        ]
        for row in zip(kept, lost, gained, strict=True)
    ]


def _shares(values: NDArray[np.float64]) -> Sequence[Sequence[str]]:
    return [[share_text(each) for each in row] for row in values.tolist()]
