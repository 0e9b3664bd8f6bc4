"""What a reader does: the statistics of a report, by pandas from the CSV files beside it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from analysis.cases.library import CaseLibrary
from analysis.studies import concepts, density, heads
from analysis.studies.report import write_report
from analysis.studies.study import StudyInput
from tests.support.case_folders import PUBLISHED, needs_published_maps
from tests.support.scripted_concepts import layer_concepts
from tests.support.scripted_weights import head_pairs
from tests.support.studies import driven
from tests.support.weight_studies import MORE_VERBS, pair


class Report:
    """The tables of a written report."""

    def __init__(self, study, folder):
        self.folder = write_report(driven(study)[0], folder).parent

    def __getitem__(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{name}.csv")


@pytest.fixture(scope="module")
def head_report(tmp_path_factory):
    given = pair(heads=partial(head_pairs, pairs=MORE_VERBS))
    return Report(heads.study(given), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def concept_report(tmp_path_factory):
    given = pair(layers=3, concepts=partial(layer_concepts, rank=6))
    return Report(concepts.study(given), tmp_path_factory.mktemp("report"))


def population_deviation(values: pd.Series) -> float:
    return values.std(ddof=0)


def in_group(layers: pd.Series, group: str) -> pd.Series:
    first, _, last = group.partition("-")
    return layers.between(int(first), int(last or first))


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


@needs_published_maps
def test_tables_1_and_2_from_the_cases(tmp_path):
    report = Report(density.study(StudyInput(library=CaseLibrary.open(PUBLISHED))), tmp_path)
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
        assert (row.mean, row.other_mean) == pytest.approx((first.mean(), second.mean()))
        assert row.deviation == pytest.approx(population_deviation(first))
        assert row.other_deviation == pytest.approx(population_deviation(second))
        expected = ttest_ind(first, second, equal_var=False, alternative="greater").pvalue
        assert row.p_value == pytest.approx(expected)
