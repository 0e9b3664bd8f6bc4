"""Clusters are scored by labels as every possible matching, all pairs and scikit-learn do."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from analysis.clustering.compute.measures import (
    cluster_scores,
    matched_f1,
    neighbour_scores,
    pairwise_f1,
    plane,
    reduced,
    scores,
)
from analysis.problems import ProblemError


def planted(labels, width=6, spread=0.01, seed=0):
    """States that lie close around one place a label."""
    random = np.random.default_rng(seed)
    names, index = np.unique(labels, return_inverse=True)
    return random.normal(size=(len(names), width))[index] + spread * random.normal(
        size=(len(labels), width)
    )


def f1_by_pairs(labels, found):
    hits = wrong = missed = 0
    for a, b in combinations(range(len(labels)), 2):
        alike, together = labels[a] == labels[b], found[a] == found[b]
        hits += alike and together
        wrong += together and not alike
        missed += alike and not together
    precision, recall = hits / (hits + wrong), hits / (hits + missed)
    return 2 * precision * recall / (precision + recall)


def f1_by_every_matching(labels, found):
    """The best mean over all one-to-one matchings, with precision and recall counted one by one."""
    names, numbers = sorted(set(labels)), sorted(set(found))
    slots = [*numbers, *[None] * len(names)]  # None: a label that gets no cluster
    best = 0.0
    for chosen in set(permutations(slots, len(names))):
        total = 0.0
        for name, number in zip(names, chosen, strict=True):
            hits = sum(a == name and b == number for a, b in zip(labels, found, strict=True))
            if hits:
                precision = hits / sum(b == number for b in found)
                recall = hits / sum(a == name for a in labels)
                total += 2 * precision * recall / (precision + recall)
        best = max(best, total / len(names))
    return best


@pytest.mark.parametrize(("names", "numbers"), [(3, 3), (2, 4), (4, 2), (4, 4)])
def test_matched_f1_is_that_of_the_best_of_all_matchings(names, numbers):
    random = np.random.default_rng(10 * names + numbers)
    labels = random.choice(names, 50, p=np.arange(1, names + 1) / sum(range(1, names + 1)))
    found = np.where(random.random(50) < 0.5, labels % numbers, random.integers(0, numbers, 50))
    expected = f1_by_every_matching(labels.tolist(), found.tolist())
    assert matched_f1(labels, found) == pytest.approx(expected, rel=1e-12)
    # Other numbers for the clusters, and names for the labels, are the same clustering.
    named = np.array(["a", "b", "c", "d"])[labels]
    assert matched_f1(named, random.permutation(numbers)[found]) == pytest.approx(expected)


PAPER = {0.872: 0.959, 0.855: 0.953, 0.697: 0.887, 0.756: 0.917, 0.749: 0.907}
"""ARI → F1 of five models by task, as the paper's Table 1 prints them."""


@pytest.mark.parametrize(("ari", "printed"), PAPER.items())
def test_the_papers_f1_is_of_matched_clusters_and_not_over_pairs(ari, printed):
    """Three equal tasks, ever more instances in a wrong cluster, until the ARI is the printed."""
    labels = np.repeat(np.arange(3), 600)
    order = np.random.default_rng(0).permutation(len(labels))
    found = labels.copy()
    for wrong in range(0, len(labels), 6):
        moved = order[wrong : wrong + 6]
        found[moved] = (labels[moved] + 1 + np.arange(6) % 2) % 3
        result = scores(labels, found)
        if result.ari <= ari:
            break
    assert result.f1 == pytest.approx(1 - (wrong + 6) / len(labels), abs=0.002)
    assert result.f1 == pytest.approx(printed, abs=0.008)
    assert result.pair_f1 < printed - 0.04


@pytest.mark.parametrize("seed", range(5))
def test_pair_f1_is_that_of_all_pairs_counted_one_by_one(seed):
    random = np.random.default_rng(seed)
    labels, found = random.integers(0, 4, 60), random.integers(0, 7, 60)
    assert pairwise_f1(labels, found) == pytest.approx(f1_by_pairs(labels, found), rel=1e-12)


def test_the_adjusted_scores_are_scikit_learns():
    random = np.random.default_rng(1)
    labels = random.integers(0, 4, 80)
    found = np.where(random.random(80) < 0.7, labels, random.integers(0, 4, 80)).astype(np.int32)
    result = scores(labels, found)
    assert result.ari == adjusted_rand_score(labels, found)
    assert result.ami == adjusted_mutual_info_score(labels, found)
    assert 0.2 < result.ari < 0.9


def test_planted_clusters_are_found_whatever_the_labels_are_called():
    labels = np.array(["translate", "translate", "count", "sing"] * 20)
    result = cluster_scores(planted(labels), labels)
    assert (result.f1, result.pair_f1, result.ari) == (1.0, 1.0, 1.0)
    assert result.ami == pytest.approx(1.0)


def test_labels_at_random_have_adjusted_scores_about_0():
    random = np.random.default_rng(2)
    result = cluster_scores(planted(np.arange(400) % 5), random.integers(0, 5, 400))
    assert abs(result.ari) < 0.03
    assert abs(result.ami) < 0.03


def test_t_sne_has_the_papers_parameters():
    labels = np.arange(60) % 3
    states = planted(labels).astype(np.float32)
    points = TSNE(
        n_components=3, perplexity=10, max_iter=2000, metric="euclidean", init="pca", random_state=5
    ).fit_transform(states)
    assert np.array_equal(reduced(states, seed=5), points)
    # Which says, too, that a seed repeats the scores.
    expected = cluster_scores(points, labels, seed=5)
    assert cluster_scores(states, labels, tsne=True, seed=5) == expected


def test_no_two_alike_and_none_together_is_full_agreement():
    assert pairwise_f1(np.arange(5), np.arange(5)) == 1.0
    assert cluster_scores(planted(np.arange(5)), np.arange(5)).pair_f1 == 1.0


def test_constant_states_make_one_cluster():
    labels = np.arange(40) % 2
    result = cluster_scores(np.ones((40, 3)), labels)
    together = np.zeros(40)
    assert result.pair_f1 == pytest.approx(f1_by_pairs(labels, together))
    # One label has the only cluster, with precision 1/2 and recall 1; the other has none.
    assert result.f1 == pytest.approx((2 / 3 + 0) / 2)
    assert (result.ari, result.ami) == (0.0, 0.0)
    assert cluster_scores(np.ones((40, 3)), labels, tsne=True) == result
    assert not plane(np.ones((40, 3))).any()


@pytest.mark.parametrize(
    ("states", "labels", "words"),
    [
        (np.ones((4, 2)), [1, 1, 1, 1], "4 instances have 1 label among them"),
        (np.ones((1, 2)), [1], "nothing to compare"),
        (np.ones((0, 2)), [], "0 instances have 0 labels"),
        (np.array([[0.0], [np.nan]]), [0, 1], "not finite"),
        (np.array([[0.0], [np.inf]]), [0, 1], "float32"),
    ],
)
def test_what_cannot_be_clustered_is_said(states, labels, words):
    with pytest.raises(ProblemError, match=words):
        cluster_scores(states, np.array(labels))


def test_labels_of_another_length_are_a_mistake():
    with pytest.raises(ValueError, match=r"\(4, 2\) and \(3,\)"):
        cluster_scores(np.ones((4, 2)), np.zeros(3))


@pytest.mark.parametrize("shape", [(10, 5), (40, 2)])
def test_t_sne_says_what_it_needs(shape):
    states = np.random.default_rng(0).normal(size=shape)
    with pytest.raises(ProblemError, match=f"there are {shape[0]} of {shape[1]}"):
        cluster_scores(states, np.arange(shape[0]) % 2, tsne=True)


def test_the_plane_is_that_of_largest_variance():
    random = np.random.default_rng(5)
    flat = random.normal(size=(50, 2)) * [9.0, 3.0]
    turned = flat @ np.linalg.qr(random.normal(size=(7, 7)))[0][:2] + 11.0
    found = plane(turned)
    centred = flat - flat.mean(axis=0)
    distances = np.linalg.norm(centred[:, None] - centred[None], axis=2)
    apart = np.linalg.norm(found[:, None] - found[None], axis=2)
    assert apart == pytest.approx(distances, abs=1e-3)
    assert found[:, 0].var() > found[:, 1].var()
    assert not plane(flat[:, :1])[:, 1].any()


def test_neighbours_are_those_of_a_plain_search():
    random = np.random.default_rng(6)
    train, unseen = random.normal(size=(60, 4)), random.normal(size=(25, 4))
    train_tasks, tasks = random.integers(0, 3, 60), random.integers(0, 3, 25)
    train_outputs, outputs = random.integers(0, 4, 60), random.integers(0, 4, 25)
    shares, right = [], []
    for state, task, output in zip(unseen, tasks, outputs, strict=True):
        near = sorted(range(60), key=lambda index: float(((train[index] - state) ** 2).sum()))[:7]
        shares.append(sum(train_tasks[index] == task for index in near) / 7)
        votes = [train_outputs[index] for index in near]
        most = max(votes.count(each) for each in votes)
        right.append(next(each for each in votes if votes.count(each) == most) == output)
    found = neighbour_scores(train, train_tasks, train_outputs, unseen, tasks, outputs, k=7)
    assert found.share == pytest.approx(np.mean(shares))
    assert found.accuracy == pytest.approx(np.mean(right))
    assert found.of_task / 7 == pytest.approx(np.array(shares))
    assert found.predicted.tolist() == right


@pytest.mark.parametrize(("k", "unseen"), [(0, 3), (5, 3), (2, 0)])
def test_neighbours_that_are_not_there_are_said(k, unseen):
    states, names = np.ones((4, 2)), np.zeros(4)
    few, fewer = np.ones((unseen, 2)), np.zeros(unseen)
    with pytest.raises(ProblemError, match=f"4 training instances and {unseen} unseen"):
        neighbour_scores(states, names, names, few, fewer, fewer, k=k)
