"""--series: what it names, in which order, and what is refused."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from analysis.demo.catalog import DEMO_BASE, demo_names
from analysis.problems import ProblemError
from app.commands import inputs
from app.commands.parser import parser
from app.commands.series import each_step, references, whereabouts
from app.config import Settings
from tests.support import checkpoints


def checkpoint(folder: Path, *names: str, file: str = "config.json") -> Path:
    """Folders that look like models."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / file).write_text("{}")
    return folder


def refused(given: str) -> str:
    with pytest.raises(ProblemError) as error:
        references(given)
    assert error.value.problem.kind == "input"
    return str(error.value)


def parsed(*words: str) -> Namespace:
    return parser().parse_args(words)


def test_the_demo_s_run_ships_with_the_package() -> None:
    found = references("demo-steps")
    assert [name for _, name in found] == [name for name in demo_names() if "checkpoint" in name]
    assert [f"demo-steps/checkpoint-{step}" for step, _ in found] == [name for _, name in found]


def test_a_folder_s_checkpoints_stand_by_their_numbers(tmp_path: Path) -> None:
    run = checkpoint(tmp_path / "run", "checkpoint-1000", "checkpoint-90", "checkpoint-200")
    (run / "runs").mkdir()
    (run / "trainer_state.json").write_text("{}")
    found = references(f"{run}/")
    assert [step for step, _ in found] == [90, 200, 1000]
    # As somebody would type them after --tuned.
    assert found[0].name == f"{run}/checkpoint-90"


def test_adapters_and_a_model_beside_its_checkpoints_will_do(tmp_path: Path) -> None:
    run = checkpoint(tmp_path / "run", "step_2", "step_10", file="adapter_config.json")
    (run / "config.json").write_text("{}")
    assert [step for step, _ in references(str(run))] == [2, 10]


def test_without_numbers_everywhere_a_step_is_what_it_is_called(tmp_path: Path) -> None:
    run = checkpoint(tmp_path / "run", "checkpoint-10", "checkpoint-9", "final")
    assert [step for step, _ in references(str(run))] == ["checkpoint-9", "checkpoint-10", "final"]
    named = checkpoint(tmp_path / "named", "part10", "part9")
    assert [step for step, _ in references(str(named))] == ["part9", "part10"]


def test_a_list_names_models_of_any_kind() -> None:
    pythia = "EleutherAI/pythia-70m"
    assert references(f"{pythia}@step3000, {pythia}@step512") == (
        (512, f"{pythia}@step512"),
        (3000, f"{pythia}@step3000"),
    )
    assert [step for step, _ in references("a/one,b/two")] == ["one", "two"]
    assert [step for step, _ in references("a/one,b/one")] == ["a/one", "b/one"]
    assert [step for step, _ in references("vicuna")] == ["vicuna"]


def test_an_alias_may_be_a_run(tmp_path: Path) -> None:
    run = checkpoint(tmp_path / "run", "checkpoint-1", "checkpoint-2")
    assert references("mine", {"mine": str(run)})[0].name == f"{run}/checkpoint-1"


def test_what_is_no_series_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "There is no checkpoint and no adapter" in refused(str(empty))
    run = checkpoint(tmp_path / "run", "checkpoint-1")
    (run / "checkpoint-2").mkdir()
    assert "checkpoint-2 is neither a checkpoint nor an adapter" in refused(str(run))
    assert "has no name" in refused("one,,two")
    assert "one is in the series twice" in refused("one,two,one")
    twice = checkpoint(tmp_path / "twice", "checkpoint-5", "step-5")
    assert "Two models of the series are of step 5" in refused(str(twice))


def test_each_step_is_the_pair_that_tuned_would_give() -> None:
    steps = each_step(parsed("--series", "demo-steps"), Settings())
    for each, alone, pair in steps:
        assert pair == inputs.pair(parsed("--tuned", each.name), Settings())
        assert (alone.tuned, alone.series) == (each.name, None)
        assert pair[0].name == DEMO_BASE


def test_it_excludes_tuned_and_commands_of_one_pair() -> None:
    both = parsed("--series", "demo-steps", "--tuned", "demo-tuned", "study", "heads")
    with pytest.raises(ProblemError, match="exclude each other"):
        each_step(both, Settings())
    with pytest.raises(ProblemError, match="one is needed here"):
        inputs.pair(parsed("--series", "demo-steps", "heads"), Settings())


def test_whole_models_need_a_base_and_adapters_the_same(tmp_path: Path) -> None:
    tokenizer = checkpoints.byte_level_tokenizer()
    for name in ("one", "two"):
        checkpoints.save(tmp_path / name, checkpoints.llama(tokenizer), tokenizer)
        (tmp_path / "run" / f"on-{name}").mkdir(parents=True)
        checkpoints.add_adapter(tmp_path / "run" / f"on-{name}")
    with pytest.raises(ProblemError, match="--base is missing"):
        each_step(parsed("--series", f"{tmp_path / 'one'},{tmp_path / 'two'}"), Settings())
    for name in ("one", "two"):
        file = tmp_path / "run" / f"on-{name}" / "adapter_config.json"
        text = file.read_text()
        file.write_text(
            json.dumps({**json.loads(text), "base_model_name_or_path": str(tmp_path / name)})
        )
    with pytest.raises(ProblemError, match="stand on different base models"):
        each_step(parsed("--series", str(tmp_path / "run")), Settings())
    words = ("--base", str(tmp_path / "one"), "--series", str(tmp_path / "run"))
    assert len(each_step(parsed(*words), Settings())) == 2


def test_its_name_holds_from_any_folder(tmp_path: Path, monkeypatch) -> None:
    checkpoint(tmp_path / "run", "checkpoint-1", "checkpoint-2")
    monkeypatch.chdir(tmp_path)
    assert whereabouts("run") == str(tmp_path / "run")
    assert whereabouts("demo-steps") == "demo-steps"
    assert whereabouts("run/checkpoint-1,org/name@step2") == (
        f"{tmp_path / 'run' / 'checkpoint-1'},org/name@step2"
    )
