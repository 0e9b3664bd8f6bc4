"""The published maps give Tables 1 and 2 of the paper; small libraries give what they can."""

import re

import pytest

from analysis.case_library import CaseLibrary
from analysis.problems import ProblemError
from analysis.studies.density import density_study
from tests.support.case_folders import (
    PUBLISHED,
    needs_published_maps,
    write_lines,
    write_small_library,
)

# As printed in arXiv 2310.00492; Table 1's p-values do not follow from the published maps, those
# below were computed from the maps by an independent script.
TABLE_1 = {
    "self-instruct": ("1.2283±0.52", 194, "0.8917±0.48", 44, 5.69e-05),
    "lima": ("1.6173±0.47", 249, "1.2799±0.44", 50, 3.64e-06),
    "mt-bench": ("1.4584±0.55", 60, "0.9290±0.53", 19, 0.000475),
}
TABLE_2 = {
    "self-instruct": ("1.1302±0.54", 252, "0.9394±0.48", 252, 1.92e-05),
    "lima": ("1.5579±0.49", 300, "1.2683±0.43", 300, 2.53e-14),
    "mt-bench": ("1.3440±0.60", 80, "1.1777±0.58", 80, 0.0382),
}


def printed(sample):
    return f"{sample.mean:.4f}±{sample.deviation:.2f}"


@needs_published_maps
def test_the_published_maps_give_both_tables_to_every_printed_digit():
    steps = []
    study = density_study(CaseLibrary.open(PUBLISHED), lambda *step: steps.append(step))
    found = {1: {}, 2: {}}
    for row in study.comparisons:
        first, second = row.samples
        assert (
            row.groups == {1: ("followed", "unfollowed"), 2: ("vicuna_7b", "llama_7b")}[row.table]
        )
        found[row.table][row.dataset] = (
            printed(first),
            first.count,
            printed(second),
            second.count,
            float(f"{row.p_value:.2e}"),
        )
    assert found == {1: TABLE_1, 2: TABLE_2}
    assert steps == [(done, 632) for done in range(1, 633)]
    text = study.text()
    for first, _, second, _, p_value in [*TABLE_1.values(), *TABLE_2.values()]:
        assert re.search(rf"{first} .*{second} .*p {p_value:.3g}", text)


@pytest.fixture
def folder(tmp_path):
    return write_small_library(tmp_path / "library")


def test_without_ratings_there_is_only_table_2(folder):
    (folder / "ratings.jsonl").unlink()
    study = density_study(CaseLibrary.open(folder))
    assert [(row.table, row.dataset) for row in study.comparisons] == [(2, "letters"), (2, "signs")]
    assert [row.p_value for row in study.comparisons] == [None, None]
    assert "Table 1" not in study.text()


def test_with_one_rated_model_there_is_only_table_1(tmp_path):
    folder = write_small_library(tmp_path / "library", models=("apt",))
    ratings = [
        {"id": "one", "model": "apt", "rating": 4.0},
        {"id": "two", "model": "apt", "rating": 1.0},
    ]
    write_lines(folder / "ratings.jsonl", ratings)
    study = density_study(CaseLibrary.open(folder))
    assert {row.table for row in study.comparisons} == {1}


def test_table_1_leaves_out_short_and_unrated_responses(folder):
    """``plain`` answered in one token and in none: its one rating does not count."""
    study = density_study(CaseLibrary.open(folder))
    table_1 = [row for row in study.comparisons if row.table == 1]
    assert [sample.count for row in table_1 for sample in row.samples] == [0, 0, 0, 0]
    assert next(iter(study.table()))[4:6] == (None, None)


def test_one_model_without_ratings_has_nothing_to_compare(tmp_path):
    folder = write_small_library(tmp_path / "library", models=("apt",))
    (folder / "ratings.jsonl").unlink()
    with pytest.raises(ProblemError, match="nothing to compare") as raised:
        density_study(CaseLibrary.open(folder))
    assert raised.value.problem.kind == "input"


def test_the_table_has_a_row_a_comparison_and_names_its_columns(folder):
    study = density_study(CaseLibrary.open(folder))
    table = study.table()
    assert all(len(row) == len(table.columns) for row in table)
    assert len(list(table)) == len(study.comparisons) == 4
