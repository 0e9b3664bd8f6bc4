"""What tuning changed in every matrix, as findings: for the steps of a training run (METHODS 10).

For one pair ``insttui changes`` and the Changes view show the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass

from analysis.changes.request import OUTSIDE, change_asks, layer_name
from analysis.changes.result import LayerChanges, TensorChange
from analysis.changes.tables import directions_table, tensors_table
from analysis.models.request import Architecture
from analysis.request import Ask
from analysis.session.drive import Asker, Asking
from analysis.studies.findings import Figure, Findings, NamedTable, Series
from analysis.studies.outlook import Outlook, architecture_of
from analysis.studies.parameters import weight_parameters
from analysis.studies.study import PairInput, Study
from analysis.table import Cell, Table
from analysis.words.choice import Words

TENSORS, DIRECTIONS = "tensors", "directions"
"""Names of the tables that ``insttui changes`` writes."""

_NORMS = ("tensors", "norm_base", "norm_change", "relative_change")


@dataclass(frozen=True)
class ChangesInput(PairInput):
    """A pair of models and words.

    `layers` are the ones to compare, `OUTSIDE` among them; None for all. `rank` is R, the
    directions of a matrix, and `top` the words at either end of one.
    """

    words: Words
    _: KW_ONLY
    layers: tuple[int, ...] | None = None
    rank: int = 16
    top: int = 10


def outlook(given: ChangesInput) -> Outlook | None:
    """How far the study is; None if it is not known what the models are built of."""
    built = architecture_of(given)
    return None if built is None else Outlook.of_asks(given.session, _asks(given, built))


def _asks(given: ChangesInput, built: Architecture) -> list[Ask[LayerChanges]]:
    layers = (*range(built.layers), OUTSIDE) if given.layers is None else given.layers
    return change_asks(given.pair, layers, given.words, given.rank, given.top)


def gathered(given: ChangesInput) -> Asking[list[LayerChanges]]:
    """How every layer changed; ProblemError if the models are built differently or unreadable."""
    asker = Asker(given.session)
    built = yield from asker.architecture(*given.pair)
    return (yield from asker.answers("comparing weights", _asks(given, built), lambda layer: layer))


def study(given: ChangesInput) -> Study:
    """How much tuning changed every tensor, and in which directions; as `gathered`."""
    return findings(given, (yield from gathered(given)))


def findings(given: ChangesInput, layers: Sequence[LayerChanges]) -> Findings:
    """What `gathered` found, in tables and a figure."""
    by_layer = list(_summed(layers, lambda layer, _: layer_name(layer.layer)))
    by_role = list(_summed(layers, lambda _, change: change.role))
    return Findings(
        study="changes",
        title="How much tuning changed the weights",
        statements=(_in_words(given, layers, by_role),),
        tables=(
            NamedTable(
                "roles",
                "The change of all tensors of a kind",
                Table(("tensor", *_NORMS), by_role),
                note="Norms over all layers together: the root of the sum of squares.",
            ),
            NamedTable(
                "layers",
                "The change of every layer",
                Table(("part", *_NORMS), by_layer),
                note="Norms over all tensors together: the root of the sum of squares.",
            ),
            NamedTable(TENSORS, "The change of every tensor", tensors_table(layers)),
            NamedTable(DIRECTIONS, "The directions of every change", directions_table(layers)),
        ),
        figures=(
            Figure(
                "by-layer",
                "How much tuning changed each layer",
                "layer",
                "relative change ‖ΔW‖ / ‖W‖",
                (Series("change", *_line(layers, by_layer)),),
            ),
        ),
        parameters={
            **weight_parameters(*given.pair, (each.device for each in layers), given.words),
            "directions of a matrix": given.rank,
            "words at either end": given.top,
        },
        notes=tuple(dict.fromkeys(note for each in layers for note in each.notes)),
    )


def _summed(
    layers: Sequence[LayerChanges], name: Callable[[LayerChanges, TensorChange], str]
) -> Iterator[tuple[Cell, ...]]:
    """Norms of tensors that share a name: how many, ‖W‖, ‖ΔW‖ and their ratio."""
    groups: dict[str, list[TensorChange]] = {}
    for layer in layers:
        for change in layer.tensors:
            groups.setdefault(name(layer, change), []).append(change)
    for each, changes in groups.items():
        yield each, len(changes), *_norms(changes)


def _norms(changes: Sequence[TensorChange]) -> tuple[float, float, float]:
    base = math.hypot(*(each.norm_base for each in changes))
    change = math.hypot(*(each.norm_change for each in changes))
    relative = change / base if base else math.inf if change else 0.0
    return base, change, relative


def _line(
    layers: Sequence[LayerChanges], rows: Sequence[tuple[Cell, ...]]
) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
    relative = {row[0]: row[-1] for row in rows}
    numbers = [each.layer for each in layers if each.layer != OUTSIDE]
    values = (relative.get(layer_name(number)) for number in numbers)
    finite = (each if isinstance(each, float) and math.isfinite(each) else None for each in values)
    return tuple(map(float, numbers)), tuple(finite)


def _in_words(
    given: ChangesInput, layers: Sequence[LayerChanges], by_role: Sequence[tuple[Cell, ...]]
) -> str:
    names = f"{given.base.name} and {given.tuned.name}"
    if all(each.unchanged for each in layers):
        return f"Nothing changed: the weights of {names} are equal."
    changes = [each for layer in layers for each in layer.tensors]
    relative = _norms(changes)[-1]
    most = max(by_role, key=lambda row: float(row[-1] or 0))
    return (
        f"Tuning changed the weights by {relative:.3g} of their norm, most of all {most[0]} "
        f"({float(most[-1] or 0):.3g})."
    )
