"""Figures 3 and 7 of the paper: levels by layer, and shares of descriptions by layer and rank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from analysis.concepts.annotation.annotation import STEPS, Annotation
from analysis.concepts.annotation.comparison import at_level, described, has_level, judged, share
from analysis.concepts.tables import LEVELS
from analysis.table import Cell, Table

RANKS = 30
LAYER_GROUPS = 8

LEVEL_COLUMNS = (
    "model",
    "first_layer",
    "last_layer",
    "level",
    "percent",
    "deviation",
    "descriptions",
)
DESCRIBED_COLUMNS = (
    "model",
    "layer",
    "first_rank",
    "last_rank",
    "percent",
    "deviation",
    "annotations",
)
ANSWER_COLUMNS = ("model", "step", "answers", "understood", "not_understood", "cannot_tell")


def layer_groups(annotations: Sequence[Annotation], groups: int) -> list[tuple[int, ...]]:
    """The layers that occur, in contiguous groups of almost equal size, the larger ones first.

    Fewer groups if there are fewer layers.
    """
    layers = sorted({annotation.subject.layer for annotation in annotations})
    groups = min(groups, len(layers))
    if groups == 0:
        return []
    size, larger = divmod(len(layers), groups)
    starts = [group * size + min(group, larger) for group in range(groups + 1)]
    return [tuple(layers[start:end]) for start, end in pairwise(starts)]


def levels_by_layer(annotations: Sequence[Annotation], groups: int = LAYER_GROUPS) -> Table:
    """Figure 3: shares of the linguistic levels in groups of layers, per model.

    Returns:
        `LEVEL_COLUMNS`: layers from 0, inclusive; percent of the descriptions whose level was
        understood, mean and deviation (divided by n) over repeats; their number.
    """
    rows: list[tuple[Cell, ...]] = []
    for layers in layer_groups(annotations, groups):
        for model in _models(annotations):
            group = [
                each
                for each in annotations
                if each.subject.layer in layers and each.subject.model == model and has_level(each)
            ]
            for level in LEVELS:
                of_level = share(group, at_level(level), has_level)
                ends = (layers[0], layers[-1])
                rows.append((model, *ends, level, of_level.mean, of_level.deviation, len(group)))
    return Table(LEVEL_COLUMNS, rows)


def described_by_rank(annotations: Sequence[Annotation], ranks: int = RANKS) -> Table:
    """Figure 7: the share of components with a description, by layer and rank, per model.

    Args:
        annotations: Of any models.
        ranks: Number of neighbouring ranks grouped together.

    Returns:
        `DESCRIBED_COLUMNS`: layers and ranks from 0, inclusive; percent of the understood answers,
        mean and deviation (divided by n) over repeats; their number. A layer's first row covers all
        its ranks.
    """
    rows: list[tuple[Cell, ...]] = []
    for model in _models(annotations):
        for layer in sorted({each.subject.layer for each in annotations}):
            group = [
                each
                for each in annotations
                if each.subject.model == model and each.subject.layer == layer and judged(each)
            ]
            rows += [(model, layer, *cells) for cells in _by_rank(group, ranks)]
    return Table(DESCRIBED_COLUMNS, rows)


def answer_counts(annotations: Sequence[Annotation]) -> Table:
    """How many answers were understood, per model and step.

    Returns:
        `ANSWER_COLUMNS`; "cannot tell" counts as understood.
    """
    rows: list[tuple[Cell, ...]] = []
    for model in _models(annotations):
        of_model = [each for each in annotations if each.subject.model == model]
        for number, step in enumerate(STEPS):
            answered = [each for each in of_model if each.raw[number] is not None]
            failed = sum(step in each.unparsed for each in answered)
            open_ended = sum(each.outcome == "cannot tell" for each in answered)
            rows.append((model, step, len(answered), len(answered) - failed, failed, open_ended))
    return Table(ANSWER_COLUMNS, rows)


def _by_rank(annotations: Sequence[Annotation], ranks: int) -> Iterator[tuple[Cell, ...]]:
    if not annotations:
        return
    last = max(each.subject.component for each in annotations)
    spans = [(0, last)]
    if last >= ranks:
        spans += [(start, min(start + ranks - 1, last)) for start in range(0, last + 1, ranks)]
    for first, end in spans:
        within = [each for each in annotations if first <= each.subject.component <= end]
        share_described = share(within, described, judged)
        yield (first, end, share_described.mean, share_described.deviation, len(within))


def _models(annotations: Sequence[Annotation]) -> list[str]:
    """The models that occur, by first annotation."""
    return list(dict.fromkeys(annotation.subject.model for annotation in annotations))
