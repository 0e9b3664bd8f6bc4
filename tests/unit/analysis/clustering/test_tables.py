"""The tables of task clusters: scores by layer, the best layer, neighbours and instances."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from analysis.clustering.request import ClustersRequest
from analysis.clustering.result import METRICS
from analysis.clustering.tables import (
    BEST,
    best_layer,
    best_layers_table,
    instances_table,
    neighbours_table,
    notes_of,
    scores_table,
)
from analysis.request import ModelChoice
from tests.support.scripted_clusters import TASKS, task_clusters
from tests.support.studies import rows


def of(name, **changes):
    found = task_clusters(ClustersRequest(ModelChoice(name, name), TASKS))
    return msgspec.structs.replace(found, **changes)


@pytest.fixture
def pair():
    return of("a-base"), of("a-tuned")


def test_a_row_of_scores_is_a_label_of_a_layer(pair):
    table = rows(scores_table(pair))
    assert list(table[0]) == ["model", "layer", "label", "f1", "pair_f1", "ari", "ami"]
    assert len(table) == 2 * 4 * 3
    assert [row["label"] for row in table[:3]] == ["task", "distribution", "distribution-mapping"]
    row = next(each for each in table if (each["model"], each["layer"]) == ("a-tuned", 2))
    assert [row[score] for score in METRICS] == pytest.approx([0.5, 0.3, 0.4, 0.45])


def test_a_label_that_all_share_has_empty_cells():
    found = of("a", scores=np.full((4, 3, 4), np.nan))
    assert {row["f1"] for row in rows(scores_table([found]))} == {None}
    assert best_layer(found) == 0


def test_the_best_layer_is_that_of_the_best_task_f1(pair):
    assert [best_layer(each) for each in pair] == [2, 3]
    assert BEST[2:6] == ("task_f1", "task_pair_f1", "task_ari", "task_ami")
    table = rows(best_layers_table(pair))
    assert [row["layer"] for row in table] == [2, 3]
    assert table[1]["task_f1"] == pytest.approx(0.6)
    assert table[1]["distribution_mapping_ari"] == pytest.approx(0.48)
    assert len(table[0]) == 2 + 12


def test_with_one_task_the_best_layer_is_that_of_the_next_label(pair):
    scores = pair[0].scores.copy()
    scores[:, 0] = np.nan
    scores[1, 1, 0] = 0.9
    assert best_layer(of("a", scores=scores)) == 1


def test_neighbours_have_a_row_a_layer(pair):
    table = rows(neighbours_table(pair))
    assert len(table) == 8
    assert (table[0]["k"], table[0]["share"]) == (2, pytest.approx(0.5))
    assert table[7]["accuracy"] == pytest.approx(0.9)


def test_instances_are_written_with_their_clusters_and_place(pair):
    table = rows(instances_table(pair))
    assert len(table) == 2 * 10
    assert {(row["model"], row["layer"]) for row in table} == {("a-base", 2), ("a-tuned", 3)}
    last = table[-1]
    assert (last["category"], last["task"], last["instruction"]) == (
        "",
        "colours",
        "Name the colour.",
    )
    assert (last["input"], last["output"], last["unseen"]) == ("coal", "black", False)
    names = ("task", "distribution", "distribution_mapping")
    assert [last[f"{name}_cluster"] for name in names] == [1, 2, 5]
    # In the tuned model's best layer the clusters are the labels: all black coal is together.
    sizes = [(last[f"{name}_cluster_size"], last[f"{name}_cluster_share"]) for name in names]
    own = [each for each in table if each["model"] == "a-tuned"]
    alike = [
        sum(each[f"{name}_cluster"] == last[f"{name}_cluster"] for each in own) for name in names
    ]
    assert sizes == [(count, 1.0) for count in alike]
    assert (last["x"], last["y"]) == pytest.approx(tuple(pair[1].map[3, -1]))


def test_instances_of_the_layers_asked_for_can_be_walked_again_and_none_is_made_before(pair):
    table = instances_table(pair, [0, 1])
    assert {row["layer"] for row in rows(table)} == {0, 1}
    assert not isinstance(table.rows, list)
    assert list(table) == list(table)


def test_what_is_said_of_both_models_is_said_once(pair):
    assert notes_of(pair) == pair[0].notes
