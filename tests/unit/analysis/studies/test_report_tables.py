"""What a reader does: the statistics of a report, by pandas from the CSV files beside it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, ttest_1samp, ttest_ind

from analysis.concepts import study as concepts
from analysis.heads import study as heads
from analysis.saliency import study_density as density
from analysis.saliency import study_position as position
from analysis.saliency.cases.library import CaseLibrary
from tests.support.case_folders import PUBLISHED, needs_published_maps, write_lines
from tests.support.scripted_concepts import layer_concepts
from tests.support.scripted_weights import head_pairs
from tests.support.studies import Report, in_group, population_deviation
from tests.support.weight_studies import MORE_VERBS, pair


def pooled_difference(first, second):
    """Difference of means in pooled deviations, with Hedges' factor to first order."""
    freedom = len(first) + len(second) - 2
    squares = (len(first) - 1) * first.var() + (len(second) - 1) * second.var()
    return (1 - 3 / (4 * freedom - 1)) * (first.mean() - second.mean()) / (squares / freedom) ** 0.5


def check_effect(row, expected):
    assert row.effect_size == pytest.approx(expected, rel=0.01)
    assert row.effect_low < row.effect_size < row.effect_high


def check_family(report):
    """All p-values of a report are corrected together."""
    tables = [each.name for each in report.findings.tables if "p_value" in each.table.columns]
    columns = ["p_value", "p_holm", "p_bh"]
    every = pd.concat([report[name][columns] for name in tables]).dropna()
    assert len(every) > 1
    ranked = every.sort_values("p_value")
    steps = ranked.p_value * np.arange(len(ranked), 0, -1)
    np.testing.assert_allclose(ranked.p_holm, steps.cummax().clip(upper=1))
    np.testing.assert_allclose(every.p_bh, false_discovery_control(every.p_value))


@pytest.fixture(scope="module")
def head_report(tmp_path_factory):
    given = pair(heads=partial(head_pairs, pairs=MORE_VERBS))
    return Report(heads.study(given), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def concept_report(tmp_path_factory):
    given = pair(layers=3, concepts=partial(layer_concepts, rank=6))
    return Report(concepts.study(given), tmp_path_factory.mktemp("report"))


def test_fig_2_from_the_heads(head_report):
    things = {"head": head_report["heads"], "neuron pair": head_report["neuron-pairs"]}
    for row in head_report["change-groups"].to_dict("records"):
        changes = things[row["level"]]
        if row["layers"] != "all":
            changes = changes[in_group(changes.layer, row["layers"])]
        assert row["count"] == len(changes)
        assert row["mean"] == pytest.approx(changes.change.mean())
        assert row["deviation"] == pytest.approx(population_deviation(changes.change))
        assert row["median"] == pytest.approx(changes.change.median())


def test_the_change_of_a_head_from_its_pairs(head_report):
    table = head_report["heads"]
    expected = 1 - table.kept / (table.kept + table.lost + table.gained)
    np.testing.assert_allclose(table.change, expected)


def test_table_3_from_the_verbs(head_report):
    verbs = head_report["verbs"]
    np.testing.assert_allclose(verbs.share, verbs.rose / (verbs.rose + verbs.fell))
    for row in head_report["verb-groups"].itertuples():
        of_group = verbs[verbs.layers == row.layers]
        shares = {kind: each.share for kind, each in of_group.groupby("kind")}
        assert row.instruction_verbs == len(shares["instruction"])
        assert row.general_verbs == len(shares["general"])
        assert row.instruction_mean == pytest.approx(shares["instruction"].mean())
        assert row.general_deviation == pytest.approx(population_deviation(shares["general"]))
        expected = ttest_ind(shares["instruction"], shares["general"], equal_var=False).pvalue
        assert row.p_value == pytest.approx(expected)
        check_effect(row, pooled_difference(shares["instruction"], shares["general"]))
    check_family(head_report)


def test_fig_8_from_the_components(concept_report):
    components = concept_report["components"]
    sums = components.groupby(["model", "layer"]).explained_variance.cumsum()
    by_rank = sums.groupby([components.model, components.component + 1])
    table = concept_report["variance"].set_index("components")
    for model, side in (("demo-base", "base"), ("demo-tuned", "tuned")):
        np.testing.assert_allclose(table[f"{side}_mean"], by_rank.mean()[model])
        np.testing.assert_allclose(
            table[f"{side}_deviation"], by_rank.apply(population_deviation)[model], atol=1e-12
        )


def test_rotation_by_layer_from_the_components_and_angles(concept_report):
    table = concept_report["layers"].set_index("layer")
    components = concept_report["components"]
    base = components[components.model == "demo-base"].groupby("layer")
    np.testing.assert_allclose(table.mean_component_angle, base.angle_degrees.mean())
    np.testing.assert_allclose(table.explained_base, base.explained_variance.sum())
    angles = concept_report["subspace-angles"].groupby("layer").angle_degrees
    np.testing.assert_allclose(table.mean_subspace_angle, angles.mean())
    np.testing.assert_allclose(table.largest_subspace_angle, angles.max())
    check_family(concept_report)


def test_words_gained_and_lost_by_layer_from_the_components(concept_report):
    components = concept_report["components"]
    words = components.assign(word=components.words.str.split()).explode("word")
    words["word"] = words.word.str.removeprefix("-")
    for row in concept_report["layer-words"].astype(object).fillna("").itertuples():
        of_layer = words[words.layer == row.layer]
        base, tuned = (
            list(dict.fromkeys(of_layer[of_layer.model == name].word))
            for name in ("demo-base", "demo-tuned")
        )
        assert row.words_gained.split() == [word for word in tuned if word not in base]
        assert row.words_lost.split() == [word for word in base if word not in tuned]
        numbers = (len(row.words_gained.split()), len(row.words_lost.split()))
        assert (row.gained, row.lost) == numbers
        assert row.kept == len(set(base) & set(tuned))


def check_tables_1_and_2(report):
    cases = report["cases"]
    for row in report["comparisons"].itertuples():
        of_set = cases[cases.dataset == row.dataset]
        if row.table == 1:
            rated = of_set[of_set.rating.notna() & (of_set.response_tokens >= 5)]
            rated = rated[rated.model == cases[cases.rating.notna()].model.iloc[-1]]
            groups = [rated[rated.rating >= 2], rated[rated.rating < 2]]
        else:
            groups = [of_set[of_set.model == name] for name in (row.group, row.other_group)]
        first, second = (each.score for each in groups)
        assert (row.count, row.other_count) == (len(first), len(second))
        assert (row.mean, row.other_mean) == pytest.approx((first.mean(), second.mean()))
        assert row.deviation == pytest.approx(population_deviation(first))
        assert row.other_deviation == pytest.approx(population_deviation(second))
        expected = ttest_ind(first, second, equal_var=False, alternative="greater").pvalue
        assert row.p_value == pytest.approx(expected)
        check_effect(row, pooled_difference(first, second))


def check_fig_6(report):
    cases = report["cases"]
    shares = [f"share_{quarter}" for quarter in range(1, 5)]
    for row in report["positions"].to_dict("records"):
        of_row = cases[cases.model == row["model"]]
        if row["dataset"] != "all":
            of_row = of_row[of_row.dataset == row["dataset"]]
        assert (row["cases"], row["sentences"]) == (len(of_row), of_row.sentences.sum())
        for quarter, share in enumerate(shares, 1):
            assert row[share] == pytest.approx(of_row[share].mean())
            deviation = population_deviation(of_row[share])
            assert row[f"deviation_{quarter}"] == pytest.approx(deviation)
        outer = of_row.share_1 + of_row.share_4
        assert row["outer_share"] == pytest.approx(outer.mean())
        expected = ttest_1samp(outer, 0.5, alternative="greater").pvalue
        assert row["p_value"] == pytest.approx(expected)
        assert row["effect_size"] == pytest.approx((outer.mean() - 0.5) / outer.std())


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Two models, two sets of prompts, ratings of one model, maps by chance."""
    folder = tmp_path_factory.mktemp("library")
    random = np.random.default_rng(7)
    pieces = ["▁Name", "▁some", "▁long", "▁rivers", "▁of", "▁old", "▁Europe", "."]
    case = {
        "prompt": "Name some long rivers of old Europe.",
        "prompt_tokens": pieces,
        "instruction_mask": "11110000",
    }
    names = {f"case-{number}": number for number in range(24)}
    sets = {name: ("letters", "signs")[place % 2] for name, place in names.items()}
    cases = [{"id": name, "dataset": of, **case} for name, of in sets.items()]
    write_lines(folder / "cases.jsonl", cases)
    ratings = [{"id": n, "model": "apt", "rating": 1.0 + place % 3} for n, place in names.items()]
    write_lines(folder / "ratings.jsonl", ratings)
    for model in ("apt", "plain"):
        lengths = dict(zip(names, random.integers(3, 9, len(names)).tolist(), strict=True))
        responses = [{"id": n, "response_tokens": ["▁x"] * m} for n, m in lengths.items()]
        write_lines(folder / f"responses_{model}.jsonl", responses)
        maps = {
            name: random.integers(0, 11, (len(pieces), length), dtype=np.uint8)
            for name, length in lengths.items()
        }
        np.savez_compressed(folder / f"salience_{model}.npz", **maps)
    return CaseLibrary.open(folder)


@pytest.mark.parametrize("maps", ["made", pytest.param("published", marks=needs_published_maps)])
@pytest.mark.parametrize(
    ("study", "check"), [(density.study, check_tables_1_and_2), (position.study, check_fig_6)]
)
def test_maps_give_tables_that_follow_from_their_cases(study, check, maps, library, tmp_path):
    report = Report(study(library if maps == "made" else CaseLibrary.open(PUBLISHED)), tmp_path)
    check(report)
    check_family(report)
