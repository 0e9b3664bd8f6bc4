"""How much heads, or neuron pairs, changed: Fig. 2 of the paper as rows, figures and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.heads.verbs import layers_in_words
from analysis.statistics.inference import Sample
from analysis.studies.findings import Figure, Series
from analysis.studies.sentences import mean_in_words, trend
from analysis.table import Cell

GROUP_COLUMNS = ("level", "layers", "count", "mean", "deviation", "median")

_BINS = 10


@dataclass(frozen=True)
class Changes:
    """How much each head, or each neuron pair, changed: 1 − M, 0 to 1.

    `name` is the singular of what changed, `layers` the layer of each; groups are first and last
    layer; `top` first word pairs of either model were compared.
    """

    name: str
    layers: tuple[int, ...]
    values: tuple[float, ...]
    groups: tuple[tuple[int, int], ...]
    top: int

    def within(self, first: int, last: int) -> list[float]:
        pairs = zip(self.layers, self.values, strict=True)
        return [value for layer, value in pairs if first <= layer <= last]

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """A row of `GROUP_COLUMNS` for each group, then one for all layers."""
        for first, last in self.groups:
            yield self._row(layers_in_words(first, last), self.within(first, last))
        yield self._row("all", list(self.values))

    def distribution(self) -> Figure:
        """Fig. 2: histogram of the changes, by group of layers."""
        edges = np.linspace(0.0, 1.0, _BINS + 1)
        middles = tuple(((edges[1:] + edges[:-1]) / 2).tolist())
        series = []
        for first, last in self.groups:
            values = self.within(first, last)
            counts, _ = np.histogram(values, edges)
            shares = tuple((100 * counts / max(1, len(values))).tolist())
            series.append(Series(f"layers {layers_in_words(first, last)}", middles, shares))
        return Figure(
            f"{self.name.replace(' ', '-')}-changes",
            f"Change of {self.name}s from base to tuned, by group of layers (Fig. 2)",
            f"change, 1 − M of the first {self.top} word pairs",
            f"{self.name}s of the group (%)",
            tuple(series),
        )

    def by_layer(self) -> Series:
        layers = sorted(set(self.layers))
        samples = [Sample.of(self.within(layer, layer)) for layer in layers]
        return Series(
            f"{self.name}s",
            tuple(layers),
            tuple(each.mean for each in samples),
            tuple(each.deviation for each in samples),
        )

    def sentences(self) -> tuple[str, ...]:
        """How much they changed, and whether that depends on the layer."""
        count, name = len(self.values), self.name
        if not any(self.values):
            return (
                f"None of the {count:,} {name}s changed: base and tuned have the same word pairs.",
            )
        return (
            f"{name[:1].upper()}{name[1:]}s changed by {mean_in_words(self.values)} on average "
            f"(n={count:,}; 0: the same first {self.top} word pairs, 1: all others).",
            # Layers are the samples: changes within one layer are not independent.
            trend(f"the mean change of {name}s", self.by_layer()),
        )

    def _row(self, layers: str, values: list[float]) -> tuple[Cell, ...]:
        if not values:
            return self.name, layers, 0, None, None, None
        sample = Sample.of(values)
        median = float(np.median(values))
        return self.name, layers, sample.count, sample.mean, sample.deviation, median
