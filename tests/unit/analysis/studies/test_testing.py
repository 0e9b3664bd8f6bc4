"""All tests of a report are one family: columns, the table of told tests, and sentences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from analysis.events import Notice
from analysis.methods import StudySpec
from analysis.problems import Problem
from analysis.statistics.effects import EFFECT_COLUMNS, Effect
from analysis.studies.findings import Findings, NamedTable
from analysis.studies.testing import TOLD, Claim, Hypothesis, corrected
from analysis.table import Table
from tests.support.studies import driven, rows, rows_of

EFFECT = Effect("Cohen's d", 0.5, 0.1, 0.9)


def told(what, p_value, **options):
    return Claim(f"{what} differs, p {p_value}.", Hypothesis(what, p_value, "t-test", **options))


def findings(*p_values, statements=()):
    table = Table(
        ("group", "p_value", "note"), [(f"g{place}", p, "") for place, p in enumerate(p_values)]
    )
    other = NamedTable("cases", "Cases", Table(("case", "score"), [("a", 0.01)]))
    return Findings("density", "Scores", statements, (NamedTable("groups", "G", table), other))


def by_definition(p_values):
    """Holm and Benjamini-Hochberg of each p-value, straight from their definitions."""
    count, ranked = len(p_values), sorted(p_values)
    holm = [
        min(1.0, max((count - k) * ranked[k] for k in range(count) if ranked[k] <= p))
        for p in p_values
    ]
    bh = [
        min(1.0, min(count / (k + 1) * ranked[k] for k in range(count) if ranked[k] >= p))
        for p in p_values
    ]
    return holm, bh


def test_the_family_is_all_tables_and_all_that_only_sentences_tell():
    claims = (told("depth", 0.004, effect=EFFECT), told("g1", 0.03, column=0.03), "Plain.")
    made = corrected(findings(0.02, 0.03, None, 0.6, statements=claims))
    assert [each.name for each in made.tables] == ["groups", "cases", TOLD]
    groups, sentences = rows_of(made, "groups"), rows_of(made, TOLD)
    assert list(groups[0]) == ["group", "p_value", "p_holm", "p_bh", "note"]
    assert (groups[2]["p_value"], groups[2]["p_holm"], groups[2]["p_bh"]) == (None, None, None)
    tested = [row for row in [*groups, *sentences] if row["p_value"] is not None]
    p_values = [row["p_value"] for row in tested]
    assert sorted(p_values) == [0.004, 0.02, 0.03, 0.6]
    holm, bh = by_definition(p_values)
    assert [row["p_holm"] for row in tested] == pytest.approx(holm)
    assert [row["p_bh"] for row in tested] == pytest.approx(bh)
    assert bh == pytest.approx(false_discovery_control(p_values).tolist())
    assert [sentences[0][name] for name in EFFECT_COLUMNS] == ["Cohen's d", 0.5, 0.1, 0.9]
    assert rows_of(made, "cases") == [{"case": "a", "score": 0.01}]


def test_a_sentence_says_what_does_not_survive():
    claims = (
        told("g0", 0.001, column=0.001),
        told("g1", 0.04, column=0.04),
        told("g2", 0.3, column=0.3),
        # The other side of a one-sided test, which the table has as 0.98.
        told("g3", 0.02, column=0.98),
        Claim(
            "Some differ.",
            Hypothesis("g0", 0.001, column=0.001),
            Hypothesis("g1", 0.04, column=0.04),
        ),
    )
    said = corrected(findings(0.001, 0.04, 0.3, 0.98, statements=claims)).statements
    after = "After Holm's correction for the report's 4 tests"
    assert said[0] == "g0 differs, p 0.001."
    # 0.04 is the second of 4, so it counts three times.
    assert said[1] == f"g1 differs, p 0.04. {after} it is not shown (p 0.12)."
    assert said[2] == "g2 differs, p 0.3."
    assert said[3] == f"g3 differs, p 0.02. {after} it is not shown (p 0.06)."
    assert said[4] == f"Some differ. {after} not shown: g1 (p 0.12)."


def test_without_tests_findings_stay_as_they_are_and_twice_corrected_is_once():
    plain = findings(None, statements=("Plain.",))
    assert corrected(plain) is plain
    once = corrected(findings(0.01, 0.02, statements=(told("depth", 0.04),)))
    twice = corrected(once)
    assert [rows(each) for each in twice.tables] == [rows(each) for each in once.tables]
    assert twice.statements == once.statements


def example(given):
    yield Notice(Problem(kind="storage", what="Full."))
    return findings(*given)


def test_every_study_of_the_list_is_corrected():
    spec = StudySpec("example", "An example", f"{__name__}:example", "pair")
    found, said = driven(spec.start((0.01, 0.5)))
    assert len(said) == 1
    holm = [row["p_holm"] for row in rows(found.tables[0])]
    assert np.allclose(holm, [0.02, 0.5])
