"""Tables of components, for the Concepts view, its plots and the ``concepts`` command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, get_args

import numpy as np

from analysis.concepts.changes import component_words, layer_words, mean_angle
from analysis.concepts.result import Components, LayerConcepts
from analysis.table import Cell, Table

Level = Literal["phonology", "morphology", "syntax", "semantics"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""The paper's linguistic levels of a concept."""

CONCEPT_COLUMNS = (
    "model",
    "layer",
    "component",
    "explained_variance",
    "words",
    "description",
    "scenarios",
    "level",
    "matched_component",
    "angle_degrees",
    "cosines",
    "words_kept",
    "words_gained",
    "words_lost",
)
VARIANCE_COLUMNS = (
    "component",
    "variance_base",
    "variance_tuned",
    "cumulative_base",
    "cumulative_tuned",
)
ROTATION_COLUMNS = (
    "layer",
    "mean_component_angle",
    "mean_subspace_angle",
    "largest_subspace_angle",
)
LAYER_WORD_COLUMNS = ("layer", "kept", "gained", "lost", "words_gained", "words_lost")
LEVEL_COLUMNS = ("model", "layer", "level", "percent", "descriptions")
EXPERT_COLUMN = "expert"


class Description(NamedTuple):
    """A language model's description of a component; None for what was not asked or understood.

    `scenarios` are what the concept is useful for, `level` is its linguistic level.
    """

    text: str
    scenarios: tuple[str, ...] | None = None
    level: str | None = None


class Descriptions(Protocol):
    """Looks up descriptions of components."""

    def find(self, model: str, layer: int, expert: int, component: int) -> Description | None:
        """The description of a component, or None; `model` is as in `Components.model`."""


class NoDescriptions:
    """Nothing is described."""

    def find(self, model: str, layer: int, expert: int, component: int) -> Description | None:
        return None


def concepts_table(
    layers: Sequence[LayerConcepts], descriptions: Descriptions | None = None
) -> Table:
    """Every component of both models, the base model's first in each layer.

    Args:
        layers: The layers to list.
        descriptions: Known descriptions of the components.

    Returns:
        `CONCEPT_COLUMNS`, and finally `EXPERT_COLUMN` if a layer is one of experts (empty for a
        dense layer among them). Layers, components and experts count from 0. Words are separated by
        spaces, best first, with a minus before those of negative measure; scenarios are separated
        by semicolons. ``matched_component`` is the other model's; ``cosines`` are those of the
        words, with their signs. How many words tuning kept, gained and lost is said of a base
        component and its match, and of a tuned one that has none.
    """
    experts = any(each.expert >= 0 for each in layers)
    columns = (*CONCEPT_COLUMNS, EXPERT_COLUMN) if experts else CONCEPT_COLUMNS
    return Table(columns, _ConceptRows(tuple(layers), descriptions or NoDescriptions(), experts))


def words_with_signs(components: Components, component: int) -> tuple[str, ...]:
    """The words of a component, best first, with a minus before those on its negative side."""
    negative = (components.measures[component] < 0).tolist()
    words = component_words(components, component)
    return tuple(f"-{word}" if sign else word for word, sign in zip(words, negative, strict=True))


def variance_table(layer: LayerConcepts) -> Table:
    """The explained variance of a layer's components and its cumulative sum, as shares 0 to 1.

    `VARIANCE_COLUMNS`; empty cells if a model has fewer components than the other.
    """
    shares = [side.explained_variance.tolist() for side in (layer.base, layer.tuned)]
    shares += [np.cumsum(each).tolist() for each in shares]
    longest = max(len(each) for each in shares)
    return Table(
        VARIANCE_COLUMNS,
        [
            (place, *(each[place] if place < len(each) else None for each in shares))
            for place in range(longest)
        ],
    )


def rotation_table(layers: Sequence[LayerConcepts]) -> Table:
    """How far tuning rotated each layer, in degrees.

    Returns:
        `ROTATION_COLUMNS`: the mean angle over matched components, and the mean and largest
        principal angle between the spaces that the components span. If they span the whole space,
        the latter are 0 regardless of tuning. `EXPERT_COLUMN` follows if a layer is one of experts.
    """
    experts = any(each.expert >= 0 for each in layers)
    rows: list[tuple[Cell, ...]] = []
    for each in layers:
        angles = each.subspace_angles
        between = (float(angles.mean()), float(angles.max())) if len(angles) else (None, None)
        rows.append((each.layer, mean_angle(each), *between, *_expert(each, experts)))
    return Table((*ROTATION_COLUMNS, EXPERT_COLUMN) if experts else ROTATION_COLUMNS, rows)


def layer_words_table(layers: Sequence[LayerConcepts]) -> Table:
    """The words of each layer's components that tuning kept, added and removed.

    Returns:
        `LAYER_WORD_COLUMNS`: numbers of words, then the words gained and lost, separated by spaces,
        by rank of their component. A word that moved from one component to another of its layer is
        kept. `EXPERT_COLUMN` follows if a layer is one of experts.
    """
    experts = any(each.expert >= 0 for each in layers)
    rows: list[tuple[Cell, ...]] = []
    for each in layers:
        found = layer_words(each)
        counts = (len(found.kept), len(found.gained), len(found.lost))
        words = (" ".join(found.gained), " ".join(found.lost))
        rows.append((each.layer, *counts, *words, *_expert(each, experts)))
    columns = LAYER_WORD_COLUMNS
    return Table((*columns, EXPERT_COLUMN) if experts else columns, rows)


def levels_table(layers: Sequence[LayerConcepts], descriptions: Descriptions) -> Table:
    """The shares of the linguistic levels among a layer's descriptions, per model.

    Returns:
        `LEVEL_COLUMNS`: percent of the descriptions that have a level, and their number. A layer
        without any has no rows. `EXPERT_COLUMN` follows if a layer is one of experts.
    """
    experts = any(each.expert >= 0 for each in layers)
    rows: list[tuple[Cell, ...]] = []
    for layer in layers:
        for side in (layer.base, layer.tuned):
            found = [
                descriptions.find(side.model, layer.layer, layer.expert, component)
                for component in range(len(side.word_indices))
            ]
            levels = [each.level for each in found if each is not None and each.level is not None]
            if not levels:
                continue
            for level in LEVELS:
                share = 100 * levels.count(level) / len(levels)
                cells = (side.model, layer.layer, level, share, len(levels))
                rows.append((*cells, *_expert(layer, experts)))
    return Table((*LEVEL_COLUMNS, EXPERT_COLUMN) if experts else LEVEL_COLUMNS, rows)


@dataclass(frozen=True)
class _ConceptRows:
    """The rows, recomputed component by component on every iteration."""

    layers: tuple[LayerConcepts, ...]
    descriptions: Descriptions
    experts: bool

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        """Rows by layer, model and component."""
        for layer in self.layers:
            forth = [each if each >= 0 else None for each in layer.matched.tolist()]
            back = {tuned: base for base, tuned in enumerate(forth)}
            matches: tuple[Callable[[int], int | None], ...] = (forth.__getitem__, back.get)
            for side, match in zip((layer.base, layer.tuned), matches, strict=True):
                for component, share in enumerate(side.explained_variance.tolist()):
                    matched = match(component)
                    base_words = _words_of(layer.base, component if side is layer.base else matched)
                    tuned_words = _words_of(
                        layer.tuned, component if side is layer.tuned else matched
                    )
                    base = component if side is layer.base else matched
                    angle = None if matched is None or base is None else float(layer.angles[base])
                    yield (
                        side.model,
                        layer.layer,
                        component,
                        share,
                        " ".join(words_with_signs(side, component)),
                        *self._description(side.model, layer, component),
                        matched,
                        angle,
                        " ".join(f"{each:.6g}" for each in side.measures[component].tolist()),
                        len(base_words & tuned_words),
                        len(tuned_words - base_words),
                        len(base_words - tuned_words),
                        *_expert(layer, self.experts),
                    )

    def _description(self, model: str, layer: LayerConcepts, component: int) -> tuple[Cell, ...]:
        found = self.descriptions.find(model, layer.layer, layer.expert, component)
        if found is None:
            return None, None, None
        scenarios = None if found.scenarios is None else "; ".join(found.scenarios)
        return found.text, scenarios, found.level


def _words_of(side: Components, component: int | None) -> frozenset[str]:
    return frozenset() if component is None else frozenset(component_words(side, component))


def _expert(layer: LayerConcepts, experts: bool) -> tuple[Cell, ...]:
    """The cell of the expert column, if there is one."""
    return (layer.expert if layer.expert >= 0 else None,) if experts else ()
