"""The study of components asks for both models, judges overlaps by halves and reports effects."""

from __future__ import annotations

import json

import pytest

from analysis.engine.facts import describe
from analysis.engine.pool import ModelPool
from analysis.events import Finished, Progress
from analysis.methods import study_of
from analysis.models.references import resolve
from analysis.models.request import ArchitectureRequest
from analysis.neurons.compute.ablation import ablation
from analysis.neurons.compute.frequencies import frequencies
from analysis.neurons.request import AblationRequest, FrequenciesRequest
from analysis.neurons.study import NeuronsInput
from analysis.problems import ProblemError
from analysis.studies.testing import TOLD
from tests.support.scripted_session import ScriptedSession
from tests.support.studies import answered, driven, rows_of

BASE, TUNED = resolve("demo-base"), resolve("demo-tuned")
FUNCTIONS = {
    FrequenciesRequest: frequencies,
    AblationRequest: ablation,
    ArchitectureRequest: describe,
}
INSTRUCTIONS = {
    "math": (("Please work out 7 * 9.", "7 * 9 = 63"), ("Please work out 2 + 3.", "2 + 3 = 5")),
    "knowledge": (
        ("Give the name of the capital of the country: Mexico", "Mexico City"),
        ("What is the capital of France?", "Paris"),
        ("Name the capital of Japan.", "Tokyo"),
    ),
}


@pytest.fixture(scope="module")
def prompts(tmp_path_factory):
    path = tmp_path_factory.mktemp("prompts") / "own.jsonl"
    lines = [
        {"id": f"{category}/{i}", "category": category, "instruction": prompt, "response": answer}
        for category, group in INSTRUCTIONS.items()
        for i, (prompt, answer) in enumerate(group)
    ]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def findings(prompts):
    """The study of five instructions, by real models in this process."""
    pool = ModelPool()

    def answer(request):
        result, said = driven(FUNCTIONS[type(request)](request, pool))
        yield from (event for event in said if isinstance(event, Progress))
        yield Finished(result)

    session = ScriptedSession(answer)
    options = {"prompts": str(prompts), "random_sets": 2, "epsilon": 0.4, "tau": 0.5}
    given = NeuronsInput(session, BASE, TUNED, **options)
    found = answered(study_of("components").start(given))
    session.close()
    return found


def test_every_table_speaks_of_both_models_or_of_the_change(findings):
    names = "overlaps halves alterations sizes thresholds ablation"
    assert [each.name for each in findings.tables] == [*names.split(), TOLD]
    for name in ("overlaps", "halves", "sizes", "thresholds"):
        assert {row["model"] for row in rows_of(findings, name)} == {"demo-base", "demo-tuned"}
    assert {row["model"] for row in rows_of(findings, "ablation")} == {"demo-tuned"}


def test_the_rule_is_told_in_sentence_parameters_and_rows(findings):
    told = next(each for each in findings.statements if "by the rule “threshold”" in each)
    assert "τ, is ours" in told
    assert findings.parameters["rule"] == "threshold"
    members = next(each for each in findings.data if each.name == "members").table
    assert members.columns[9:12] == ("rule", "epsilon", "tau")
    assert {row[9:12] for row in members} == {("threshold", 0.4, 0.5)}


def test_the_parts_add_up(findings):
    sizes, alterations = rows_of(findings, "sizes"), rows_of(findings, "alterations")
    for category in INSTRUCTIONS:
        before, after = (
            sum(r["size"] for r in sizes if (r["model"], r["category"]) == (model, category))
            for model in ("demo-base", "demo-tuned")
        )
        (whole,) = (r for r in alterations if r["category"] == category and r["layer"] is None)
        assert whole["kept"] + whole["lost"] == before > 0
        assert whole["kept"] + whole["gained"] == after > 0
        unique = sum(
            r["unique"] for r in sizes if (r["model"], r["category"]) == ("demo-tuned", category)
        )
        (own,) = (
            r
            for r in rows_of(findings, "ablation")
            if r["category"] == category and r["measured_on"] == "own"
        )
        assert own["neurons"] == unique
        assert own["instructions"] == len(INSTRUCTIONS[category])


def test_halves_are_compared_within_categories_and_across(findings):
    pairs = [(r["category"], r["other_category"]) for r in rows_of(findings, "halves")]
    names = tuple(INSTRUCTIONS)
    assert pairs == [(a, b) for a in names for b in names] * 2


def test_the_findings_say_whose_reading_it_is_and_what_was_silenced(findings):
    assert findings.statements[0].startswith("From base to tuned, over all categories")
    assert any(each.startswith("Our reading of SPARCOM") for each in findings.statements)
    assert any("halves of a category's instructions" in each for each in findings.statements)
    assert any("95% interval" in each for each in findings.statements)
    expected = {"ε": 0.4, "τ": 0.5, "number of instructions": 5}
    expected |= dict.fromkeys(("base precision", "tuned precision"), "float32 on cpu")
    assert expected.items() <= findings.parameters.items()
    assert [each.name for each in findings.figures] == ["alteration", "sizes", "ablation"]


def test_an_epsilon_off_the_grid_is_refused_before_anything_is_asked():
    study = study_of("components").start(NeuronsInput(None, BASE, TUNED, epsilon=0.33))
    with pytest.raises(ProblemError, match="cannot be looked up"):
        next(study)
