"""Which models a training run has, by step, and what is said of one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.problems import ProblemError
from app.commands.series import references


def checkpoint(folder: Path, *names: str, file: str = "config.json") -> None:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / file).write_text("{}")


def test_a_folder_of_checkpoints_is_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    checkpoint(tmp_path, "checkpoint-1000", "checkpoint-200")
    checkpoint(tmp_path, "checkpoint-50", file="adapter_config.json")
    (tmp_path / "logs").mkdir()
    found = references(str(tmp_path))
    assert [each.step for each in found] == [50, 200, 1000]
    assert [each.name for each in found] == [f"{tmp_path}/checkpoint-{n}" for n in (50, 200, 1000)]


def test_a_trainers_folder_holds_its_last_model_and_its_checkpoints(tmp_path: Path) -> None:
    checkpoint(tmp_path, "checkpoint-10", "checkpoint-20")
    (tmp_path / "config.json").write_text("{}")
    assert [each.step for each in references(str(tmp_path))] == [10, 20]


def test_a_list_keeps_its_order_where_models_have_no_numbers() -> None:
    assert [each.step for each in references("org/sft, org/dpo")] == ["sft", "dpo"]
    assert [each.step for each in references("run/checkpoint-9,run/checkpoint-10")] == [9, 10]
    revisions = references("org/model@step1000,org/model@step20,org/model@main")
    assert [each.step for each in revisions] == ["step20", "step1000", "main"]


def test_the_demos_run_has_its_name() -> None:
    assert [each.step for each in references("demo-steps")] == [100, 250, 500]


def test_an_alias_may_stand_for_a_folder(tmp_path: Path) -> None:
    checkpoint(tmp_path, "checkpoint-1", "checkpoint-2")
    assert len(references("run", {"run": str(tmp_path)})) == 2


def test_what_is_no_training_run_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="no checkpoint and no adapter"):
        references(str(tmp_path))
    checkpoint(tmp_path, "checkpoint-1")
    (tmp_path / "checkpoint-2").mkdir()
    with pytest.raises(ProblemError, match="neither a checkpoint nor an adapter"):
        references(str(tmp_path))
    with pytest.raises(ProblemError, match="has no name"):
        references("a,,b")
    with pytest.raises(ProblemError, match="in the series twice"):
        references("a,b,a")
    with pytest.raises(ProblemError, match="are of step 5"):
        references("run/checkpoint-5,other/checkpoint-5")
