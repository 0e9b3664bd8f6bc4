"""A name stands for one model, and a wrong name is told apart from a near one."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.demo.catalog import DEMO_MODELS
from analysis.models.aliases import ALIASES
from analysis.models.references import local_folder, resolve
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from tests.support.checkpoints import COMMIT, hub_cache


def test_an_alias_stands_for_a_hub_id_and_keeps_its_name() -> None:
    assert resolve("llama") == ModelChoice(name="llama", location="huggyllama/llama-7b")
    vicuna = resolve("vicuna")
    assert (vicuna.location, vicuna.revision) == ("lmsys/vicuna-7b-v1.1", "refs/pr/10")


def test_every_alias_resolves_and_pairs_up() -> None:
    for name, alias in ALIASES.items():
        assert resolve(name).location.count("/") == 1
        assert ALIASES[alias.partner].partner == name


def test_no_published_model_stands_under_two_names_and_each_says_its_licence() -> None:
    assert len({alias.reference for alias in ALIASES.values()}) == len(ALIASES)
    for alias in ALIASES.values():
        assert any(word in alias.note for word in ("Apache", "licence", "terms")), alias


def test_a_hub_id_may_name_its_revision() -> None:
    assert resolve("org/model") == ModelChoice(name="org/model", location="org/model")
    named = ModelChoice(name="org/model@v1.0", location="org/model", revision="v1.0")
    assert resolve("org/model@v1.0") == named


def test_a_users_alias_goes_before_a_built_in_one_but_not_before_the_demo(tmp_path: Path) -> None:
    aliases = {"llama": "org/other", "mine": str(tmp_path), "again": "vicuna", "demo-base": "a/b"}
    assert resolve("llama", aliases=aliases).location == "org/other"
    assert resolve("mine", aliases=aliases) == ModelChoice(name="mine", location=str(tmp_path))
    assert resolve("again", aliases=aliases).location == "lmsys/vicuna-7b-v1.1"
    assert Path(resolve("demo-base", aliases=aliases).location).name == "demo-base"
    with pytest.raises(ProblemError, match="No model is called 'loop'"):
        resolve("loop", aliases={"loop": "loop"})


def test_an_existing_folder_goes_before_a_hub_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "org" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for name in ("org/model", "./org/model", "org/../org/model"):
        assert resolve(name).location == str(tmp_path / "org" / "model")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/org").location == str(tmp_path / "org")


@pytest.mark.parametrize("name", ["/no/such/folder", "./missing", "~/missing"])
def test_a_path_without_a_folder_is_a_problem_of_the_model(name: str) -> None:
    with pytest.raises(ProblemError, match="no folder") as caught:
        resolve(name)
    assert caught.value.problem.kind == "model"


def test_a_file_is_no_model_folder(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    with pytest.raises(ProblemError, match="is a file"):
        resolve(str(tmp_path / "model.gguf"))


@pytest.mark.parametrize(
    ("wrong", "right"), [("lama", "llama"), ("Vicuna", "vicuna"), ("demo", "demo-base")]
)
def test_a_misspelt_name_brings_up_the_right_one(wrong: str, right: str) -> None:
    with pytest.raises(ProblemError) as caught:
        resolve(wrong)
    assert caught.value.problem.kind == "input"
    assert right in caught.value.problem.why


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a/b/c", "org/", "no such model", "x" * 5000])
def test_nonsense_is_refused(name: str) -> None:
    with pytest.raises(ProblemError):
        resolve(name)


def test_the_demo_pair_comes_with_the_package() -> None:
    folders = [Path(resolve(name).location) for name in DEMO_MODELS]
    assert all(folder.parent.parts[-3:] == ("analysis", "demo", "weights") for folder in folders)


def test_a_cached_snapshot_is_found_by_branch_pull_request_and_commit(
    hub: Path, llama: Path
) -> None:
    for repository, revision in (("org/model", "main"), ("org/other", "refs/pr/10")):
        snapshot = hub_cache(hub, repository, llama, revision=revision)
        asked = "" if revision == "main" else revision
        choice = ModelChoice(name="m", location=repository, revision=asked)
        assert local_folder(choice) == snapshot
        by_commit = ModelChoice(name="m", location=repository, revision=COMMIT)
        assert local_folder(by_commit) == snapshot
        assert local_folder(ModelChoice(name="m", location=repository, revision="no")) is None


def test_what_is_not_here_has_no_folder(hub: Path, tmp_path: Path) -> None:
    assert local_folder(resolve("org/model")) is None
    assert local_folder(ModelChoice(name="gone", location=str(tmp_path / "gone"))) is None
