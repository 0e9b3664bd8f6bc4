"""The study of heads on a scripted pair: its numbers, its words, and pairs with nothing to find."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.stats import ttest_ind

from analysis.heads.request import HeadPairsRequest
from analysis.heads.study import sampled_heads, study
from analysis.models.request import Gap
from analysis.problems import ProblemError, problem
from analysis.studies.findings import Findings
from analysis.studies.report import report_text
from tests.support.scripted_weights import counted_pairs, head_pairs
from tests.support.studies import driven, rows_of
from tests.support.weight_studies import BASE, MORE_VERBS, pair


@pytest.fixture(scope="module")
def found() -> Findings:
    return driven(study(pair(heads=partial(head_pairs, pairs=MORE_VERBS))))[0]


def test_every_head_is_compared(found):
    heads = rows_of(found, "heads")
    assert [(row["layer"], row["head"]) for row in heads] == [
        (layer, head) for layer in range(8) for head in range(8)
    ]
    for row in heads:
        union = row["kept"] + row["lost"] + row["gained"]
        assert row["change"] == pytest.approx(1 - row["kept"] / union)
    # The scripted pair's head 0 is the same in both models.
    assert all(row["change"] == 0 for row in heads if row["head"] == 0)


def test_groups_are_those_of_their_heads(found):
    groups = [row for row in rows_of(found, "change-groups") if row["level"] == "head"]
    assert [row["layers"] for row in groups] == ["0-1", "2-3", "4-5", "6-7", "all"]
    heads = rows_of(found, "heads")
    for row, layers in zip(groups, [(0, 1), (2, 3), (4, 5), (6, 7), range(8)], strict=True):
        values = [each["change"] for each in heads if each["layer"] in layers]
        assert row["count"] == len(values)
        assert row["mean"] == pytest.approx(sum(values) / len(values))
        assert row["deviation"] == pytest.approx(np.std(values))


def test_table_3_follows_from_the_verbs(found):
    verbs = rows_of(found, "verbs")
    assert verbs
    for row in rows_of(found, "verb-groups"):
        instruction, general = (
            [v["share"] for v in verbs if v["layers"] == row["layers"] and v["kind"] == kind]
            for kind in ("instruction", "general")
        )
        assert row["instruction_mean"] == pytest.approx(np.mean(instruction))
        assert row["general_mean"] == pytest.approx(np.mean(general))
        expected = ttest_ind(instruction, general, equal_var=False).pvalue
        assert row["p_value"] == pytest.approx(expected)


def test_sentences_have_p_values_and_null_results_and_parameters_are_values(found):
    text = " ".join(found.statements)
    assert "not shown to" in text
    assert text.count("Table 3, layers") == 4
    assert "Kendall's τ" in text
    assert found.parameters["top words of a neuron pair"] == 100
    assert not [each for each in found.parameters.values() if "object" in str(each)]


def test_what_is_chosen_is_asked_compared_and_stated():
    chosen = {
        "top_words": 7,
        "top_pairs": 3,
        "layer_groups": 2,
        "instruction_verbs": ("write", "find"),
        "general_verbs": ("eat", "drink", "go"),
    }
    given = pair(heads=partial(head_pairs, pairs=MORE_VERBS), options=chosen)
    found = driven(study(given))[0]
    asked = [each for each in given.session.requests if isinstance(each, HeadPairsRequest)]
    assert {each.top for each in asked} == {7}
    assert all(
        row["kept"] + max(row["lost"], row["gained"]) <= 3 for row in rows_of(found, "heads")
    )
    assert [row["layers"] for row in rows_of(found, "verb-groups")] == ["0-3", "4-7"]
    verbs = {(row["verb"], row["kind"]) for row in rows_of(found, "verbs")}
    assert verbs <= {
        *((verb, "instruction") for verb in chosen["instruction_verbs"]),
        *((verb, "general") for verb in chosen["general_verbs"]),
    }
    names = ("top words of a neuron pair", "first pairs compared", "groups of layers")
    assert [found.parameters[name] for name in names] == [7, 3, 2]
    assert "first 3 word pairs" in report_text(found)


def test_progress_goes_through_every_layer():
    _, steps = driven(study(pair(layers=3)))
    heads = {step.done: step.total for step in steps if step.stage == "reading heads"}
    assert heads == {0: 3, 1: 3, 2: 3}
    assert any(step.stage == "reading neuron pairs" for step in steps)


@pytest.mark.parametrize("changes", [{"tuned": BASE}, {"layers": 1}, {"layers": 1, "tuned": BASE}])
def test_identical_models_and_single_layers_give_words_not_nans(changes):
    found, _ = driven(study(pair(**changes)))
    text = report_text(found)
    assert "nan" not in text.lower().split()
    assert "nan" not in "".join(found.statements).lower()
    for each in found.tables:
        for row in each.table:
            assert not any(isinstance(cell, float) and np.isnan(cell) for cell in row)
    if "tuned" in changes:
        assert found.statements[0].startswith("None of the")
        assert "nothing to compare" in text


def test_heads_without_pairs_are_named():
    def empty(request: HeadPairsRequest):
        return counted_pairs(*({} for _ in range(8)), layer=request.layer)

    found, _ = driven(study(pair(layers=2, heads=empty)))
    assert any("without word pairs" in note and "16" in note for note in found.notes)
    assert "nan" not in report_text(found).lower().split()


def test_models_that_are_not_built_alike_are_refused():
    with pytest.raises(ProblemError, match="cannot be compared weight by weight"):
        driven(study(pair(shapes={"demo-tuned": 4})))


def test_layers_without_heads_are_left_out_and_named():
    gaps = {"without_heads": (Gap(0, "sleeps"), Gap(1, "sleeps"), Gap(3, "dreams"))}
    gaps["layer_heads"] = (0, 0, 8, 0, 8, 8, 8, 4)
    given = pair(heads=_of_each(gaps["layer_heads"]), gaps=gaps)
    found = driven(study(given))[0]
    heads = rows_of(found, "heads")
    assert [row["layer"] for row in heads] == [*[2] * 8, *[4] * 8, *[5] * 8, *[6] * 8, *[7] * 4]
    groups = [row for row in rows_of(found, "change-groups") if row["level"] == "head"]
    assert [row["count"] for row in groups] == [0, 8, 16, 12, 36]
    said = "Layers 0-1 are left out: each sleeps. Layer 3 is left out: it dreams."
    assert said in found.notes
    asked = {each.layer for each in given.session.requests if isinstance(each, HeadPairsRequest)}
    assert asked == {2, 4, 5, 6, 7}
    assert report_text(found)


def test_a_pair_without_any_heads_is_refused_with_the_reason():
    gaps = {"without_heads": tuple(Gap(layer, "sleeps") for layer in range(8))}
    gaps["layer_heads"] = (0,) * 8
    with pytest.raises(ProblemError, match=r"no heads.* Layers 0-7 are left out: each sleeps"):
        driven(study(pair(gaps=gaps)))


def _of_each(heads):
    return lambda request: head_pairs(request, heads=heads[request.layer], pairs=MORE_VERBS)


def test_a_layer_that_cannot_be_read_stops_the_study():
    def broken(request: HeadPairsRequest):
        if request.layer == 2:
            raise problem("model", "The file is cut short.")
        return head_pairs(request)

    with pytest.raises(ProblemError, match="cut short"):
        driven(study(pair(heads=broken)))


def test_a_study_that_is_closed_gives_its_request_up():
    given = pair()
    given.session.gate.clear()
    run = study(given)
    next(run)
    run.close()
    given.session.gate.set()
    assert len(given.session.requests) == 1


@pytest.mark.parametrize(("layers", "heads"), [(8, 8), (32, 32), (80, 64), (1, 4), (12, 12)])
def test_the_sample_of_heads_is_even(layers, heads):
    chosen = sampled_heads([(layer, heads) for layer in range(layers)])
    assert len(set(chosen)) == len(chosen) <= max(64, layers)
    assert {layer for layer, _ in chosen} == set(range(layers))
    assert all(0 <= head < heads for _, head in chosen)
