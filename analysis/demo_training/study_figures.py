"""What the studies find in a pair of the demo, as figures to keep: JSON-able and unrounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from analysis.changes.request import OUTSIDE, change_asks
from analysis.changes.result import LayerChanges, TensorChange
from analysis.events import Progress
from analysis.methods import study_of
from analysis.request import ModelChoice
from analysis.saliency.cases.prompt_sets import demo_prompts
from analysis.session.drive import Answerer, Asker, Asking
from analysis.studies.findings import Findings
from analysis.words.choice import Words, WordVectors

FIRST_COMPONENTS = 15
"""How many of a layer's first components the mean angle is taken over."""

_WORDS = Words("demo")
_Row = dict[str, Any]


def density(findings: Findings) -> dict[str, Any]:
    """Tables 1 and 2 as `table_1` and `table_2`, and under `fair` the same by kind of responses."""
    tables = {f"table_{row['table']}": row for row in _rows(findings, "comparisons")}
    return {**tables, "fair": {row["responses"]: row for row in _rows(findings, "fair")}}


def faithfulness(findings: Findings) -> dict[str, Any]:
    """Count, mean and interval of every measure, by model, measure and method."""
    found: dict[str, Any] = {}
    for row in _rows(findings, "methods"):
        place = found.setdefault(row.pop("model"), {}).setdefault(row.pop("measure"), {})
        place[row.pop("method")] = row
    return found


def heads(findings: Findings) -> dict[str, Any]:
    """The change of heads, and of neuron pairs, over all layers; and of heads by layer."""
    levels = {
        row.pop("level").replace(" ", "_"): row
        for row in _rows(findings, "change-groups")
        if row["layers"] == "all"
    }
    return {**levels, "by_layer": _by_layer(_rows(findings, "heads"), "change")}


def concepts(findings: Findings) -> dict[str, Any]:
    """The mean angle in degrees of the first components and their matches, and by layer."""
    by_layer = _by_layer(
        (
            row
            for row in _rows(findings, "components")
            if row["model"] == findings.parameters["base"] and row["component"] < FIRST_COMPONENTS
        ),
        "angle_degrees",
    )
    return {
        "components": FIRST_COMPONENTS,
        "angle": float(np.mean(by_layer)),
        "by_layer": by_layer,
    }


def components(findings: Findings) -> dict[str, Any]:
    """Neurons kept, lost and gained: by category, and their sums over all sets of a category."""
    by_category = {
        row["category"]: {name: row[name] for name in ("kept", "lost", "gained", "jaccard")}
        for row in _rows(findings, "alterations")
        if row["units"] == "neurons" and row["layer"] is None
    }
    kept, lost, gained = (
        sum(each[name] for each in by_category.values()) for name in ("kept", "lost", "gained")
    )
    together = kept + lost + gained
    return {
        "kept": kept,
        "lost": lost,
        "gained": gained,
        "jaccard": kept / together if together else None,
        "by_category": by_category,
    }


def clusters(findings: Findings) -> dict[str, Any]:
    """The layer with the best task F1 and its scores, by model."""
    return {row.pop("model"): row for row in _rows(findings, "best")}


def changes(layers: Iterable[LayerChanges]) -> dict[str, Any]:
    """‖ΔW‖ / ‖W‖ of the layers' `matrices` and of the `embeddings`."""
    found = {layer.layer: layer.tensors for layer in layers}
    (embeddings,) = (each for each in found.pop(OUTSIDE) if "embed" in each.tensor)
    matrices = [
        (layer, each) for layer, tensors in found.items() for each in tensors if each.is_matrix
    ]
    ordered = sorted(matrices, key=lambda entry: entry[1].relative)
    return {
        "matrices": {
            "count": len(matrices),
            "mean": math.fsum(each.relative for _, each in matrices) / len(matrices),
            "lowest": _place(*ordered[0]),
            "highest": _place(*ordered[-1]),
        },
        "embeddings": embeddings.relative,
    }


def _place(layer: int, change: TensorChange) -> dict[str, Any]:
    return {"layer": layer, "matrix": change.role, "relative": change.relative}


FIGURES: Mapping[str, Callable[[Findings], dict[str, Any]]] = {
    each.__name__: each for each in (density, faithfulness, heads, concepts, components, clusters)
}
"""The studies whose figures are kept, by name, those that take longest first."""

MEASURED = (*FIGURES, "changes")


def figures_of(
    name: str, session: Answerer, base: ModelChoice, tuned: ModelChoice
) -> Asking[dict[str, Any]]:
    """Run a study of `MEASURED` as it is by default, or measure changes; raises ProblemError."""
    if name == "changes":
        return (yield from _changes(Asker(session), base, tuned))
    spec = study_of(name)
    found = {
        "session": session,
        "base": base,
        "tuned": tuned,
        "words": _WORDS,
        "vectors": WordVectors("demo"),
        **({"prompts": demo_prompts()} if spec.takes == "cases" else {}),
    }
    findings: Findings = yield from spec.start(spec.input(found))
    return FIGURES[name](findings)


def _changes(asker: Asker, base: ModelChoice, tuned: ModelChoice) -> Asking[dict[str, Any]]:
    yield Progress("opening models", 0, None)
    built = yield from asker.architecture(base, tuned)
    asks = change_asks((base, tuned), [*range(built.layers), OUTSIDE], _WORDS)
    layers = yield from asker.answers("comparing matrices", asks, lambda layer: layer)
    return changes(layers)


def _rows(findings: Findings, name: str) -> list[_Row]:
    (table,) = (each.table for each in findings.tables if each.name == name)
    return [dict(zip(table.columns, row, strict=True)) for row in table]


def _by_layer(rows: Iterable[_Row], column: str) -> list[float]:
    """The mean of a column in each layer."""
    layers: dict[int, list[float]] = {}
    for row in rows:
        layers.setdefault(row["layer"], []).append(row[column])
    return [float(np.mean(layers[layer])) for layer in sorted(layers)]
