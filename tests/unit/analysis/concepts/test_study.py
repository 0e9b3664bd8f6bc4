"""The study of concepts on a scripted pair, with descriptions and without."""

from __future__ import annotations

import re

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import ttest_ind, ttest_rel

from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.first_descriptions import subjects_of
from analysis.concepts.annotation.runner import annotate
from analysis.concepts.annotation.templates import load_templates
from analysis.concepts.request import ConceptsRequest
from analysis.concepts.study import study
from analysis.concepts.study_rotations import unrelated_angle
from analysis.problems import ProblemError
from analysis.studies.findings import Findings
from analysis.studies.report import report_text
from analysis.words.choice import Words
from tests.support.scripted_completer import ScriptedCompleter
from tests.support.scripted_concepts import layer_concepts
from tests.support.studies import driven, rows
from tests.support.weight_studies import BASE, TUNED, pair

LAYERS = 3


def concepts(request: ConceptsRequest, **changes):
    """Few components, so that describing them takes no time."""
    return replace(layer_concepts(request, rank=6), **changes)


def unturned(request: ConceptsRequest):
    """Two models that are one."""
    return concepts(
        request,
        tuned=replace(concepts(request).base, model=request.tuned.name),
        matched=np.arange(6, dtype=np.int32),
        angles=np.zeros(6),
        subspace_angles=np.zeros(6),
    )


def table(findings: Findings, name: str) -> list[dict]:
    return rows(next(each for each in findings.tables if each.name == name))


@pytest.fixture(scope="module")
def found() -> Findings:
    return driven(study(pair(layers=LAYERS, concepts=concepts)))[0]


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict:
    """Everything is described, from its words and by chance that no run changes."""
    calls = 0

    def answer(messages):
        nonlocal calls
        calls += 1
        role, asked = messages[0].content, messages[-1].content
        number = sum(map(ord, asked)) + calls % 3
        if "hidden directions" in role:
            return "cannot tell" if number % 5 == 0 else f"colours and animals {number % 7}"
        if "kinds of work" in role:
            return ("coding", "daily writing; math", "none")[number % 3]
        return ("semantics", "syntax", "morphology")[number % 3]

    path = tmp_path_factory.mktemp("data") / "annotations"
    words = Words("demo")
    layers = [concepts(ConceptsRequest(BASE, TUNED, layer, words)) for layer in range(LAYERS)]
    annotate(subjects_of(layers), ScriptedCompleter(answer), load_templates(), AnswerFile(path))
    return {"answers": str(path), "annotator": "scripted", "templates": None}


@pytest.fixture(scope="module")
def described(answers) -> Findings:
    return driven(study(pair(layers=LAYERS, concepts=concepts, options=answers)))[0]


def test_what_is_chosen_is_asked_and_stated(answers):
    chosen = {"rank": 5, "component_words": 3, "measure": "projection", "level_groups": 1}
    given = pair(layers=LAYERS, concepts=concepts, options={**answers, **chosen})
    found = driven(study(given))[0]
    asked = [each for each in given.session.requests if isinstance(each, ConceptsRequest)]
    assert {(each.rank, each.top, each.measure) for each in asked} == {(5, 3, "projection")}
    assert found.parameters["most components of a layer"] == 5
    assert {row["last_layer"] for row in table(found, "levels")} == {LAYERS - 1}


def test_every_component_of_both_models_is_listed(found):
    assert len(table(found, "components")) == LAYERS * 2 * 6
    (named,) = [each for each in found.tables if each.name == "components"]
    assert named.opens == "component"
    assert {"layer", "component"} <= set(named.table.columns)
    names = ("most components of a layer", "words of a component", "measure of words")
    assert [found.parameters[name] for name in names] == [300, 15, "cosine"]


def test_layers_follow_from_components(found):
    components = table(found, "components")
    for row in table(found, "layers"):
        for side in ("base", "tuned"):
            place = (f"demo-{side}", row["layer"])
            own = [c for c in components if (c["model"], c["layer"]) == place]
            explained = sum(c["explained_variance"] for c in own)
            assert row[f"explained_{side}"] == pytest.approx(explained)
            # Matched components share their angle.
            mean = np.mean([c["angle_degrees"] for c in own])
            assert row["mean_component_angle"] == pytest.approx(mean)


def test_half_of_the_variance_is_reached_where_it_is_and_nowhere_else(found):
    # Shares 0.11 · 0.8^i and 0.12 · 0.8^i; six add up to less than half.
    assert {row["half_base"] for row in table(found, "layers")} == {None}

    def steep(request):
        shares = np.array([0.3, 0.15, 0.1, 0.05, 0.05, 0.05])
        return concepts(request, base=replace(concepts(request).base, explained_variance=shares))

    steeply = driven(study(pair(layers=2, concepts=steep)))[0]
    assert {row["half_base"] for row in table(steeply, "layers")} == {3}


def test_fig_8_is_the_mean_over_layers(found):
    last = table(found, "variance")[-1]
    sums = [0.0] * LAYERS
    for row in table(found, "components"):
        if row["model"] == "demo-tuned":
            sums[row["layer"]] += row["explained_variance"]
    assert last["components"] == 6
    assert last["tuned_mean"] == pytest.approx(np.mean(sums))
    assert last["tuned_deviation"] == pytest.approx(np.std(sums))


def test_the_difference_in_variance_is_tested_over_layers():
    shares = np.random.default_rng(0).uniform(0.01, 0.1, (2, 5))

    def noisy(request):
        each = layer_concepts(request, rank=1)
        base, tuned = (
            replace(side, explained_variance=shares[number, [request.layer]])
            for number, side in enumerate((each.base, each.tuned))
        )
        return replace(each, base=base, tuned=tuned)

    found, _ = driven(study(pair(layers=5, concepts=noisy)))
    p_value = ttest_rel(shares[1], shares[0]).pvalue
    tested = f"p {p_value:.3g} (paired t-test over 5 layers)"
    assert any(tested in each for each in found.statements)


def test_without_descriptions_a_note_says_how_to_get_them(found):
    assert any("insttui concepts --annotate" in note for note in found.notes)
    names = {"layers", "variance", "components", "subspace-angles", "layer-words"}
    assert {each.name for each in found.tables} == names


def test_it_says_whose_descriptions_are_missing_and_the_command_that_makes_some(tmp_path):
    options = {"answers": str(tmp_path / "none"), "annotator": "nobody"}
    found, _ = driven(study(pair(layers=1, concepts=concepts, options=options)))
    (note,) = [each for each in found.notes if "--annotate" in each]
    assert "described by nobody" in note
    assert "`insttui concepts --annotate --base demo-base --tuned demo-tuned`" in note


def test_templates_that_cannot_be_read_are_refused_before_the_models_are(tmp_path):
    with pytest.raises(ProblemError, match="templates"):
        next(study(pair(options={"templates": str(tmp_path / "none")})))


def test_it_says_that_describing_was_not_finished(answers, described, tmp_path):
    first = concepts(ConceptsRequest(BASE, TUNED, 0, Words("demo")))
    completer = ScriptedCompleter(lambda messages: "cannot tell")
    annotate(subjects_of([first]), completer, load_templates(), AnswerFile(tmp_path / "some"))
    options = {**answers, "answers": str(tmp_path / "some")}
    some, _ = driven(study(pair(layers=LAYERS, concepts=concepts, options=options)))
    count, whole = len(table(some, "annotations")), 2 * LAYERS * 6 * 5
    assert count < whole
    assert any(f"not finished: {count} of {whole} answers" in note for note in some.notes)
    assert not any("not finished" in note for note in described.notes)


def test_with_descriptions_there_are_all_tables_and_figures(described):
    names = {each.name for each in described.tables}
    # Each has a file of its own.
    assert len(names) == len(described.tables)
    assert {"comparison", "levels", "described", "tests", "words", "annotations"} <= names
    assert {"levels-base", "levels-tuned", "described"} <= {each.name for each in described.figures}
    assert not any("--annotate" in note for note in described.notes)
    assert described.parameters["annotator"] == "scripted"


def test_tables_5_and_6_and_their_p_values_follow_from_the_annotations(described):
    annotations = table(described, "annotations")
    tested = 0
    for row in table(described, "comparison"):
        if row["group"] != "level":
            continue
        shares = []
        for model in ("demo-tuned", "demo-base"):
            levels = [
                [a["level"] for a in annotations if (a["model"], a["repeat"]) == (model, repeat)]
                for repeat in range(5)
            ]
            known = [[each for each in some if each is not None] for some in levels]
            shares.append([100 * some.count(row["category"]) / len(some) for some in known])
        assert row["tuned_percent"] == pytest.approx(np.mean(shares[0]))
        assert row["base_percent"] == pytest.approx(np.mean(shares[1]))
        if row["p_value"] is not None:
            tested += 1
            assert row["p_value"] == pytest.approx(ttest_ind(*shares).pvalue)
    assert tested >= 2


def test_every_category_is_told_once(described):
    text = " ".join(described.statements)
    for row in table(described, "comparison"):
        told = re.findall(rf"[:;,] {row['category']}(?= \(|,|\.)", text)
        assert len(told) == 1, row["category"]


@pytest.mark.parametrize("changes", [{}, {"tuned": BASE}, {"layers": 1}])
@pytest.mark.parametrize("with_descriptions", [False, True])
def test_identical_models_give_words_not_nans(changes, with_descriptions, answers):
    options = answers if with_descriptions else {}
    found, _ = driven(study(pair(**{"concepts": unturned, "options": options, **changes})))
    assert "Not one component turned: base and tuned have the same components." in found.statements
    assert any("cannot be tested" in each for each in found.statements)
    assert "nan" not in report_text(found).lower().split()
    cells = [cell for each in found.tables for row in each.table for cell in row]
    assert not any(isinstance(cell, float) and np.isnan(cell) for cell in cells)
    assert len({row["model"] for row in table(found, "components")}) == 2


def test_a_component_without_partner_has_no_angle():
    def fewer(request):
        each = concepts(request)
        matched, angles = each.matched.copy(), each.angles.copy()
        matched[5], angles[5] = -1, np.nan
        return replace(each, matched=matched, angles=angles)

    found, _ = driven(study(pair(layers=2, concepts=fewer)))
    assert "nan" not in " ".join(found.statements)
    lost = [r for r in table(found, "components") if r["component"] == 5]
    assert any(row["angle_degrees"] is None for row in lost)
    (rotation,) = [each for each in found.figures if each.name == "rotation"]
    assert not any(value is None or np.isnan(value) for value in rotation.series[0].y)


def test_experts_have_rows_of_their_own():
    found, _ = driven(study(pair(layers=2, experts=3, concepts=concepts)))
    places = [(row["layer"], row["expert"]) for row in table(found, "layers")]
    assert places == [(layer, expert) for layer in range(2) for expert in range(3)]
    assert table(found, "variance")[0]["layers"] == 6


def test_unrelated_components_are_nearer_than_a_right_angle():
    assert unrelated_angle(1, 1) == pytest.approx(0.0)
    few, many = unrelated_angle(64, 1), unrelated_angle(64, 32)
    assert 75 < few <= 90
    assert 65 < many < 80


def test_models_that_are_not_built_alike_are_refused():
    with pytest.raises(ProblemError, match="cannot be compared weight by weight"):
        driven(study(pair(shapes={"demo-tuned": 4})))
