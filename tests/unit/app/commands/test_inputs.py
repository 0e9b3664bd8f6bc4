"""From --base and --tuned to a pair of models, adapters among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.problems import ProblemError
from app.commands import inputs
from app.commands.parser import parser
from app.config import Settings
from tests.support import checkpoints


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """A whole model and two adapters, one of which names the model."""
    whole = tmp_path / "whole"
    tokenizer = checkpoints.byte_level_tokenizer()
    checkpoints.save(whole, checkpoints.llama(tokenizer), tokenizer)
    for name in ("adapter", "other"):
        (tmp_path / name).mkdir()
        checkpoints.add_adapter(tmp_path / name)
    return {name: str(tmp_path / name) for name in ("whole", "adapter", "other")}


def pair(**given: str):
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    return inputs.pair(parser().parse_args([*options, "heads"]), Settings())


def test_an_adapter_stands_on_the_base_model_that_is_given(folders) -> None:
    base, tuned = pair(base=folders["whole"], tuned=folders["adapter"])
    assert (base.location, tuned.location) == (folders["whole"], folders["adapter"])
    assert tuned.beneath == base
    assert not base.bare


def test_an_adapter_alone_names_its_base_model(folders) -> None:
    base, tuned = pair(tuned=folders["adapter"])
    assert (base.name, base.location) == ("org/base", folders["adapter"])
    assert base.bare
    assert not tuned.beneath


def test_a_model_that_is_still_on_the_hub_may_be_an_adapter(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    base, tuned = pair(tuned="org/adapter")
    assert (base.name, base.location, base.bare) == ("base of org/adapter", "org/adapter", True)
    assert not tuned.beneath
    assert pair(base="org/base", tuned="org/adapter")[1].beneath


def test_two_whole_models_know_nothing_of_each_other(folders) -> None:
    _, tuned = pair(base="demo-base", tuned=folders["whole"])
    assert not tuned.beneath


@pytest.mark.parametrize("given", [("base",), ("tuned",)])
def test_a_whole_model_alone_is_no_pair(folders, given) -> None:
    missing = {"base": "--tuned", "tuned": "--base"}[given[0]]
    with pytest.raises(ProblemError, match=f"{missing} is missing"):
        pair(**{given[0]: folders["whole"]})
