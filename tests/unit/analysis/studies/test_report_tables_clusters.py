"""Table 1 of the paper on clustering from the cluster of every instance, by pandas and sklearn."""

from __future__ import annotations

from itertools import permutations

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.metrics.cluster import pair_confusion_matrix

from analysis.clustering import study as clusters
from analysis.clustering.compute.measures import scores
from analysis.clustering.result import METRICS
from analysis.clustering.study import ClustersInput
from analysis.events import Finished
from analysis.models.references import resolve
from tests.support.scripted_clusters import task_clusters
from tests.support.scripted_session import ScriptedSession
from tests.support.studies import Report

LABELS = ("task", "distribution", "distribution-mapping")


def answer(request):
    """Clusters by chance, with the scores that they have."""
    found = task_clusters(request)
    random = np.random.default_rng(len(request.model.name))
    by_chance = random.integers(0, 3, found.clusters.shape, dtype=np.int32)
    by_chance[2:, 1] = found.task
    identity = [task.category or task.name for task in found.tasks]
    labels = (
        np.unique([identity[task] for task in found.task], return_inverse=True)[1],
        found.task,
        10 * found.task + found.mapping,
    )
    measured = [
        [
            [getattr(scores(label, each), name) for name in METRICS]
            for label, each in zip(labels, layer, strict=True)
        ]
        for layer in by_chance
    ]
    of_task = random.integers(0, found.neighbours + 1, found.neighbours_of_task.shape)
    predicted = random.random(of_task.shape) < 0.4
    yield Finished(
        msgspec.structs.replace(
            found,
            clusters=by_chance,
            scores=np.array(measured),
            neighbours_of_task=of_task.astype(np.int32),
            output_predicted=predicted,
            neighbour_share=of_task.mean(axis=1) / found.neighbours,
            neighbour_accuracy=predicted.mean(axis=1),
        )
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    session = ScriptedSession(answer)
    given = ClustersInput(session, resolve("demo-base"), resolve("demo-tuned"))
    made = Report(clusters.study(given), tmp_path_factory.mktemp("report"))
    session.close()
    return made


def labelled(report):
    """Every instance in every layer with its labels."""
    table = report["instances"]
    table["task_label"] = table.category.fillna(table.task)
    table["distribution_label"] = table.task
    table["distribution-mapping_label"] = table.task + "/" + table.input + "/" + table.output
    return report["clusters"].merge(table, on=["model", "instance"], suffixes=("", "_name"))


def measures(labels, found):
    (_, false_pairs), (missed, true_pairs) = pair_confusion_matrix(labels, found)
    pair_f1 = 2 * true_pairs / (2 * true_pairs + false_pairs + missed)
    both = pd.crosstab(labels, found)
    f1 = 2 * both / np.add.outer(both.sum(axis=1).to_numpy(), both.sum(axis=0).to_numpy())
    # Few labels: every way to give each a cluster of its own is tried, more labels than clusters
    # being turned round.
    wide = f1.to_numpy() if f1.shape[0] <= f1.shape[1] else f1.to_numpy().T
    rows = range(len(wide))
    best = max(sum(wide[rows, each]) for each in permutations(range(wide.shape[1]), len(wide)))
    return (
        best / len(f1),
        pair_f1,
        adjusted_rand_score(labels, found),
        adjusted_mutual_info_score(labels, found),
    )


def test_scores_of_every_layer(report):
    every = labelled(report)
    table = report["layers"]
    assert len(table) == 2 * 4 * len(LABELS)
    for row in table.itertuples():
        here = every[(every.model == row.model) & (every.layer == row.layer)]
        expected = measures(here[f"{row.label}_label"], here[row.label.replace("-", "_")])
        assert (row.f1, row.pair_f1, row.ari, row.ami) == pytest.approx(expected)


def test_the_best_layer(report):
    layers = report["layers"]
    for row in report["best"].to_dict("records"):
        of_task = layers[(layers.model == row["model"]) & (layers.label == "task")]
        assert row["layer"] == of_task.layer[of_task.f1.idxmax()]
        of_layer = layers[(layers.model == row["model"]) & (layers.layer == row["layer"])]
        for each in of_layer.itertuples():
            for metric in METRICS:
                assert row[f"{each.label.replace('-', '_')}_{metric}"] == getattr(each, metric)


def test_neighbours_of_unseen_instances(report):
    every = report["unseen-neighbours"]
    unseen = report["instances"].query("unseen")
    for name, here in every.groupby("model"):
        expected = unseen.instance[unseen.model == name]
        for _, of_layer in here.groupby("layer"):
            assert of_layer.instance.tolist() == expected.tolist()
    table = report["neighbours"].set_index(["model", "layer"])
    means = every.groupby(["model", "layer"])[["share", "predicted"]].mean()
    np.testing.assert_allclose(table.share, means.share[table.index])
    np.testing.assert_allclose(table.accuracy, means.predicted[table.index])
    assert set(every.share) == {0.0, 0.5, 1.0}


def test_the_report_lists_what_no_table_shows(report):
    text = report.path.read_text()
    assert "\n## Data\n" in text
    for name in ("instances", "clusters", "unseen-neighbours"):
        assert f"- [{name}.csv]({name}.csv): " in text
        assert f"### {name}" not in text
