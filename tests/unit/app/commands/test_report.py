"""``insttui report``: which sections, and the commands that repeat them."""

from __future__ import annotations

import shlex

import pytest

from analysis.methods import CHANGES_ALONG, studies
from analysis.problems import ProblemError
from app.commands.parser import parser
from app.commands.report_input import demo_models, models_of, planned, sections_of
from app.config import Settings
from tests.support.studies import KeepingSession

REPORT = ["report", "--out", "page"]


def plans(*arguments, settings=None):
    options = parser().parse_args([*REPORT, *arguments])
    models = models_of(options, settings or Settings())
    made = planned(options, Settings(), demo=demo_models(models))
    session = KeepingSession({})
    return {plan.spec.name: plan for plan in (each(session) for each in made)}


def test_the_demo_pair_has_every_section_with_its_own_prompts():
    found = plans()
    assert set(found) == {each.name for each in (*studies(), CHANGES_ALONG)}
    assert not [name for name, plan in found.items() if plan.given is None]
    assert found["density"].given.prompts.name == "demo"


def test_the_command_on_the_page_asks_what_the_section_is_given(tmp_path):
    prompts = tmp_path / "own.jsonl"
    prompts.write_text('{"question": "Say x.", "id": "a"}\n')
    given = (
        "--base",
        "demo-base",
        "--tuned",
        "demo-lora",
        "--dtype",
        "bfloat16",
        "--device",
        "cpu",
    )
    of_cases = ("--prompts", str(prompts), "--columns", "prompt=question", "--max-new-tokens", "5")
    made = plans(*given, *of_cases, "--vocab", "demo", "--cache-dir", str(tmp_path))
    words = shlex.split(made["density"].command)[1:]
    again = parser().parse_args(words)
    assert (again.study, again.prompts, again.out) == ("density", str(prompts), "page")
    assert (again.columns, again.max_new_tokens) == ({"prompt": "question"}, 5)
    assert (again.dtype, again.device, again.cache_dir) == ("bfloat16", "cpu", str(tmp_path))
    assert made["density"].given.max_new_tokens == 5
    # Weights are read as they are stored.
    heads = shlex.split(made["heads"].command)
    assert "--vocab" in heads
    assert not {"--dtype", "--prompts"} & set(heads)
    assert made["heads"].given.tuned.dtype == "auto"
    changes = shlex.split(made["changes"].command)
    assert changes[1:3] == ["changes", "--base"]
    assert "--summary" in changes


def test_sections_are_chosen_by_name_in_their_own_order():
    options = parser().parse_args([*REPORT, "--only", "density,heads,changes", "--skip", "heads"])
    assert [each.name for each in sections_of(options)] == ["changes", "density"]
    none = parser().parse_args([*REPORT, "--only", "heads", "--skip", "heads"])
    with pytest.raises(ProblemError, match="No section is left"):
        sections_of(none)
    with pytest.raises(SystemExit):
        parser().parse_args([*REPORT, "--only", "nonsense"])


def test_other_models_without_prompts_leave_out_what_needs_them(monkeypatch):
    monkeypatch.setattr("app.commands.report_input.is_demo", lambda *names: False)
    found = plans("--base", "demo-base", "--tuned", "demo-tuned")
    left = {name for name, plan in found.items() if plan.given is None}
    assert {"density", "position", "faithfulness"} <= left
    assert "--prompts names a file of them" in found["density"].without
    assert not left & {"changes", "heads", "concepts", "components", "clusters"}


def test_along_a_run_every_step_is_given_and_the_models_are_its_steps():
    options = parser().parse_args([*REPORT, "--series", "demo-steps", "--base", "demo-base"])
    roles = [role for role, _ in models_of(options, Settings())]
    assert roles == ["base", "step 100", "step 250", "step 500"]
    found = plans("--series", "demo-steps", "--base", "demo-base", "--only", "changes,heads")
    assert found["heads"].given.labels == (100, 250, 500)
    assert found["changes"].command.endswith("--series demo-steps --out page")
