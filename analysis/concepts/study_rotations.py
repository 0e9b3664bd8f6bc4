"""Fig. 8 of the paper, and how tuning rotated components: rows, figures, sentences (METHODS 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.concepts.result import Components, LayerConcepts
from analysis.concepts.tables import EXPERT_COLUMN, layer_words_table, rotation_table
from analysis.statistics.effects import cohens_d
from analysis.statistics.inference import SIGNIFICANT, Sample, mean_above_p_value
from analysis.studies.findings import Figure, NamedTable, Series
from analysis.studies.sentences import differ_over_layers, mean_in_words, p_in_words, trend
from analysis.studies.testing import Claim, Hypothesis
from analysis.table import Cell, Table

EXPLAINED_COLUMNS = ("components", "explained_base", "explained_tuned", "half_base", "half_tuned")
VARIANCE_COLUMNS = (
    "components",
    "layers",
    "base_mean",
    "base_deviation",
    "tuned_mean",
    "tuned_deviation",
)
ANGLE_COLUMNS = ("layer", "place", "angle_degrees")

# Components that turned by less count as unturned: rounding in the weights turns them by more.
_UNTURNED_DEGREES = 0.01
_WHOLE = 1 - 1e-6

UNRELATED_SEED = 0
_UNRELATED_DRAWS = 3

_Angles = Callable[[LayerConcepts], NDArray[np.float64]]


def unrelated_angle(width: int, count: int) -> float:
    """The mean angle in degrees of matched components that are unrelated.

    Among many directions each has a near one by chance, so matched angles of unrelated components
    are well below 90 degrees. Measured on random orthonormal ones with a fixed seed: `count` (R, at
    most D) directions in `width` (D) dimensions.
    """
    # Imported late: importing it is slow.
    from analysis.concepts.rotation import rotation

    random = np.random.default_rng(UNRELATED_SEED)
    found = []
    for _ in range(_UNRELATED_DRAWS):
        first, second = (
            np.linalg.qr(random.normal(size=(width, count)))[0].T for _ in ("base", "tuned")
        )
        found.append(float(rotation(first, second).angles.mean()))
    return float(np.mean(found))


@dataclass(frozen=True)
class Rotations:
    """The components of a pair.

    Attributes:
        layers: Every layer, or every expert of every layer.
        names: Of the base and the tuned model.
        unrelated: See `unrelated_angle`.
    """

    layers: tuple[LayerConcepts, ...]
    names: tuple[str, str]
    unrelated: float

    def layer_table(self) -> NamedTable:
        turned = rotation_table(self.layers)
        rows = [
            (*row, *self._explained(each)) for row, each in zip(turned, self.layers, strict=True)
        ]
        return NamedTable(
            "layers",
            "How much the components explain, and how tuning turned them",
            Table((*turned.columns, *EXPLAINED_COLUMNS), rows),
            note="Angles in degrees: mean over matched components, and mean and largest principal "
            "angle between the spaces they span. Then the share of variance that the components "
            "explain together, and how many of the first explain half of it.",
        )

    def words_table(self) -> NamedTable:
        return NamedTable(
            "layer-words",
            "Words that tuning brought to a layer's components and took from them",
            layer_words_table(self.layers),
            note="Numbers of words of all components of a layer, each counted once; then those "
            "gained and lost, by the rank of the component that has them.",
        )

    def variance_table(self) -> NamedTable:
        """Fig. 8 in numbers: the variance that the first components explain, over layers."""
        return NamedTable(
            "variance",
            "Variance explained by the first components, over layers (Fig. 8)",
            Table(VARIANCE_COLUMNS, list(self._variance_rows())),
            note="Shares from 0 to 1, added up over the first so many components; mean and "
            "population deviation over layers, or over the experts of all layers.",
        )

    def angle_table(self) -> NamedTable:
        experts = self._has_experts()
        rows: list[tuple[Cell, ...]] = [
            (each.layer, place, float(angle), *((each.expert,) if experts else ()))
            for each in self.layers
            for place, angle in enumerate(each.subspace_angles)
        ]
        return NamedTable(
            "subspace-angles",
            "Principal angles between the spaces that the components span",
            Table((*ANGLE_COLUMNS, EXPERT_COLUMN) if experts else ANGLE_COLUMNS, rows),
            note="In degrees, the largest first.",
        )

    def figures(self) -> tuple[Figure, ...]:
        rows = list(self._variance_rows())
        x = tuple(float(str(row[0])) for row in rows)
        series = tuple(
            Series(
                name,
                x,
                tuple(_percent(row[place]) for row in rows),
                tuple(_percent(row[place + 1]) for row in rows),
            )
            for name, place in zip(self.names, (2, 4), strict=True)
        )
        angles = [self._matched_by_layer()]
        if any(each.subspace_angles.max(initial=0.0) > _UNTURNED_DEGREES for each in self.layers):
            angles += [
                self._by_layer("subspaces, mean", lambda layer: layer.subspace_angles),
                self._by_layer("subspaces, largest", lambda layer: layer.subspace_angles[:1]),
            ]
        layers = angles[0].x
        angles.append(
            Series("matched, were they unrelated", layers, (self.unrelated,) * len(layers))
        )
        return (
            Figure(
                "explained-variance",
                "Variance explained by the first components, mean over layers (Fig. 8)",
                "components",
                "explained variance (%)",
                series,
            ),
            Figure(
                "rotation",
                "How far tuning turned components, by layer",
                "layer",
                "angle (degrees)",
                tuple(angles),
            ),
        )

    def sentences(self) -> tuple[str, ...]:
        """How the components turned and what they explain, including null results."""
        return (*self._turned_told(), self._explained_told())

    def _has_experts(self) -> bool:
        return any(each.expert >= 0 for each in self.layers)

    def _explained(self, layer: LayerConcepts) -> tuple[Cell, ...]:
        sides = (layer.base, layer.tuned)
        return (
            min(len(each.explained_variance) for each in sides),
            *(float(each.explained_variance.sum()) for each in sides),
            *(_half(each) for each in sides),
        )

    def _variance_rows(self) -> Iterator[tuple[Cell, ...]]:
        sums = [
            [np.cumsum(side.explained_variance) for side in (each.base, each.tuned)]
            for each in self.layers
        ]
        shortest = min((len(each) for pair in sums for each in pair), default=0)
        for rank in range(shortest):
            cells: list[Cell] = []
            for side in (0, 1):
                sample = Sample.of([float(pair[side][rank]) for pair in sums])
                cells += [sample.mean, sample.deviation]
            yield (rank + 1, len(self.layers), *cells)

    def _matched_by_layer(self) -> Series:
        return self._by_layer("matched components", lambda layer: layer.angles[layer.matched >= 0])

    def _by_layer(self, name: str, angles: _Angles) -> Series:
        """Mean and deviation of some angles by layer, pooling its experts."""
        places = sorted({each.layer for each in self.layers})
        samples = [
            Sample.of(
                [float(one) for each in self.layers if each.layer == place for one in angles(each)]
            )
            for place in places
        ]
        return Series(
            name,
            tuple(places),
            tuple(each.mean if each.count else None for each in samples),
            tuple(each.deviation if each.count else None for each in samples),
        )

    def _explained_told(self) -> str:
        shares = [
            [float(side.explained_variance.sum()) for side in (each.base, each.tuned)]
            for each in self.layers
        ]
        count = min(len(each.base.explained_variance) for each in self.layers)
        if all(share > _WHOLE for pair in shares for share in pair):
            halves = [[_half(side) or 0 for side in (e.base, e.tuned)] for e in self.layers]
            base, tuned = ([float(pair[side]) for pair in halves] for side in (0, 1))
            begin = (
                f"The {count} components span the whole space and explain all variance; half of it "
                f"is explained by the first {mean_in_words(base, 1)} in {self.names[0]} and by the "
                f"first {mean_in_words(tuned, 1)} in {self.names[1]}"
            )
        else:
            base, tuned = ([100 * pair[side] for pair in shares] for side in (0, 1))
            begin = (
                f"The first {count} components explain {mean_in_words(base, 2, ' %')} of the "
                f"variance in {self.names[0]} and {mean_in_words(tuned, 2, ' %')} in "
                f"{self.names[1]} (Fig. 8)"
            )
        return differ_over_layers(begin, "variance explained by components", base, tuned)

    def _turned_told(self) -> tuple[str, ...]:
        matched = [each.angles[each.matched >= 0] for each in self.layers]
        angles = [float(each.mean()) for each in matched if len(each)]
        if not angles:
            return ("There are no components to compare.",)
        if max(float(each.max(initial=0.0)) for each in matched) < _UNTURNED_DEGREES:
            return ("Not one component turned: base and tuned have the same components.",)
        found = [
            f"Tuning turned components by {mean_in_words(angles, 1)}° on average over layers "
            "(matched one to one; 0° is unturned)."
        ]
        distances = [self.unrelated - each for each in angles]
        nearer = mean_above_p_value(distances, 0.0)
        begin = f"Unrelated components, matched alike, would be {self.unrelated:.1f}° apart"
        if nearer is None:
            found.append(f"{begin}.")
        else:
            method = f"one-sided t-test over {len(angles)} layers"
            are = "are nearer" if nearer < SIGNIFICANT else "are not shown to be nearer"
            found.append(
                Claim(
                    f"{begin}: those of this pair {are}, {p_in_words(nearer)} ({method}).",
                    Hypothesis("nearer than unrelated", nearer, method, cohens_d(distances)),
                )
            )
        spaces = [
            float(each.subspace_angles.mean()) for each in self.layers if len(each.subspace_angles)
        ]
        if max(spaces, default=0.0) > _UNTURNED_DEGREES:
            found.append(
                "The principal angles between the spaces that the components span are "
                f"{mean_in_words(spaces, 1)}° on average over layers."
            )
        return (*found, trend("the mean angle of matched components", self._matched_by_layer()))


def _half(components: Components) -> int | None:
    """How many of the first components explain half of the variance; None if all do not."""
    sums = np.cumsum(components.explained_variance)
    reached = np.flatnonzero(sums >= 0.5)
    return int(reached[0]) + 1 if len(reached) else None


def _percent(cell: Cell) -> float:
    assert isinstance(cell, float)
    return 100 * cell
