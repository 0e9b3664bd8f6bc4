"""The figures kept of studies are those of their tables, and of the shipped weights."""

from __future__ import annotations

import pytest

from analysis.changes.request import OUTSIDE, ChangesRequest
from analysis.demo import catalog
from analysis.demo_training.measuring import study_all
from analysis.demo_training.study_figures import FIGURES, MEASURED, changes
from analysis.models.references import resolve
from analysis.studies.findings import Findings, NamedTable
from analysis.table import Table
from analysis.words.choice import Words
from tests.support.scripted_changes import layer_changes


def findings(**tables):
    """Findings of a few tables, each given as rows by column."""
    return Findings(
        study="any",
        title="Any",
        statements=(),
        tables=tuple(
            NamedTable(
                name.replace("_", "-"),
                name,
                Table(tuple(rows[0]), [tuple(row.values()) for row in rows]),
            )
            for name, rows in tables.items()
        ),
        parameters={"base": "demo-base"},
    )


def test_tables_1_and_2_stand_beside_the_same_on_fair_terms():
    found = FIGURES["density"](
        findings(
            comparisons=[{"table": "1", "p_value": 0.5}, {"table": "2", "p_value": 0.25}],
            fair=[{"responses": "own responses", "p_value": 0.125}],
        )
    )
    assert found["table_1"]["p_value"] == 0.5
    assert found["table_2"]["p_value"] == 0.25
    assert found["fair"]["own responses"]["p_value"] == 0.125


def test_agreement_is_kept_by_model_measure_and_method():
    row = {"model": "demo-base", "measure": "pearson", "method": "totals", "count": 3, "mean": 0.5}
    found = FIGURES["faithfulness"](findings(methods=[row, {**row, "method": "plain"}]))
    assert found == {
        "demo-base": {
            "pearson": {"totals": {"count": 3, "mean": 0.5}, "plain": {"count": 3, "mean": 0.5}}
        }
    }


def test_heads_are_averaged_over_all_layers_and_in_each():
    found = FIGURES["heads"](
        findings(
            change_groups=[
                {"level": "head", "layers": "0-1", "mean": 0.1},
                {"level": "head", "layers": "all", "mean": 0.4},
                {"level": "neuron pair", "layers": "all", "mean": 0.7},
            ],
            heads=[
                {"layer": layer, "change": change}
                for layer, change in [(0, 0.25), (0, 0.75), (1, 1.0)]
            ],
        )
    )
    assert (found["head"]["mean"], found["neuron_pair"]["mean"]) == (0.4, 0.7)
    assert found["by_layer"] == [0.5, 1.0]


def test_angles_are_those_of_the_base_models_first_components():
    rows = [
        {"model": model, "layer": layer, "component": place, "angle_degrees": float(10 * layer)}
        for model in ("demo-base", "demo-tuned")
        for layer in (0, 1)
        for place in range(16)
    ]
    for row in rows:
        if row["model"] == "demo-tuned" or row["component"] == 15:
            row["angle_degrees"] = 90.0
    found = FIGURES["concepts"](findings(components=rows))
    assert found == {"components": 15, "angle": 5.0, "by_layer": [0.0, 10.0]}


def test_neurons_are_summed_over_categories_not_over_layers_or_experts():
    row = {"units": "neurons", "category": "code", "layer": None, "kept": 1, "lost": 2, "gained": 3}
    row["jaccard"] = 1 / 6
    found = FIGURES["components"](
        findings(
            alterations=[
                row,
                {**row, "category": "math", "kept": 4},
                {**row, "layer": 0},
                {**row, "units": "experts"},
            ]
        )
    )
    assert (found["kept"], found["lost"], found["gained"]) == (5, 4, 6)
    assert found["jaccard"] == 5 / 15
    assert found["by_category"]["math"]["kept"] == 4


def test_changes_are_those_of_the_layers_matrices_and_apart_from_them_of_the_embeddings():
    pair = resolve("demo-base"), resolve("demo-tuned")
    layers = [
        layer_changes(ChangesRequest(*pair, layer, Words("demo")), roles=("query", "embed_in"))
        for layer in (0, 1, OUTSIDE)
    ]
    found = changes(layers)
    each = [tensor.relative for layer in layers[:2] for tensor in layer.tensors[:2]]
    assert found["matrices"]["count"] == 4
    assert found["matrices"]["mean"] == pytest.approx(sum(each) / 4)
    assert found["matrices"]["lowest"] == {"layer": 0, "matrix": "query", "relative": min(each)}
    assert found["matrices"]["highest"]["relative"] == max(each)
    assert found["embeddings"] == layers[2].tensors[0].relative


@pytest.mark.slow
@pytest.mark.skipif("pairs" not in catalog.info(), reason="not measured since it was trained")
def test_the_recorded_figures_are_those_of_the_shipped_weights():
    said: list[str] = []
    again = study_all(
        catalog.WEIGHTS, lambda stage, *_: said.append(stage), ("changes", "concepts")
    )
    recorded = catalog.info()["pairs"]
    for name, found in again.items():
        assert set(recorded[name]) == set(MEASURED)
        assert f"changes of {name}" in said
        matrices = recorded[name]["changes"]["matrices"]
        assert found["changes"]["matrices"]["mean"] == pytest.approx(matrices["mean"], rel=1e-5)
        angle = recorded[name]["concepts"]["angle"]
        assert found["concepts"]["angle"] == pytest.approx(angle, abs=0.1)
