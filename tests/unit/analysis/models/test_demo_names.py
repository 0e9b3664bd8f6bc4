"""The demo's models go by their names, and its adapters stand on its base wherever it lies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.demo import catalog
from analysis.models.places import base_of, place_of
from analysis.models.references import resolve
from analysis.neurons.instructions import default_instructions, demo_instructions
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from app.commands import inputs
from app.commands.parser import parser
from app.config import Settings
from tests.support import checkpoints

STEPS = ("demo-steps/checkpoint-50", "demo-steps/checkpoint-200", "demo-steps/checkpoint-1000")
NAMES = ("demo-base", "demo-tuned", "demo-lora", *STEPS)


def adapter(folder: Path, base: str) -> None:
    """The folder of an adapter that names its base model."""
    folder.mkdir(parents=True)
    checkpoints.add_adapter(folder)
    settings = folder / "adapter_config.json"
    named = {**json.loads(settings.read_text()), "base_model_name_or_path": base}
    settings.write_text(json.dumps(named))


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's folder with adapters in it; the user is in another one with a `demo-base`."""
    folder = tmp_path / "site-packages" / "weights"
    for name in NAMES[:2]:
        (folder / name).mkdir(parents=True)
    for name in (*NAMES[2:], "demo-steps/checkpoint-last"):
        adapter(folder / name, f"{'../' * (1 + name.count('/'))}demo-base")
    monkeypatch.setattr(catalog, "WEIGHTS", folder)
    (tmp_path / "runs" / "own" / "demo-base").mkdir(parents=True)
    (tmp_path / "runs" / "own" / "logs").mkdir()
    monkeypatch.chdir(tmp_path / "runs" / "own" / "logs")
    return folder


def chosen(*options: str) -> tuple[ModelChoice, ModelChoice]:
    return inputs.pair(parser().parse_args([*options, "heads"]), Settings())


def test_the_checkpoints_that_are_there_are_named_in_the_order_of_training(demo: Path) -> None:
    assert catalog.demo_names() == NAMES
    assert [Path(resolve(name).location) for name in NAMES] == [demo / name for name in NAMES]


@pytest.mark.parametrize("name", ["demo-steps/checkpoint-51", "demo-lora"])
def test_a_name_of_the_demo_is_never_asked_of_the_hub(name, tmp_path, monkeypatch) -> None:
    (tmp_path / "demo-base").mkdir()
    monkeypatch.setattr(catalog, "WEIGHTS", tmp_path)
    with pytest.raises(ProblemError, match=f"{name}.*It has demo-base"):
        resolve(name)


@pytest.mark.parametrize("name", NAMES[2:])
@pytest.mark.parametrize("base", [(), ("--base", "demo-base")], ids=["alone", "on its base"])
def test_an_adapter_of_the_demo_is_a_demo_pair_with_its_base(demo: Path, base, name: str) -> None:
    pair = chosen(*base, "--tuned", name)
    assert [each.name for each in pair] == ["demo-base", name]
    under, over = (place_of(each) for each in pair)
    assert under is not None
    assert over is not None
    assert under == place_of(resolve("demo-base"))
    assert (over.folder, over.adapter) == (under.folder, demo / name)
    assert default_instructions(*pair) is demo_instructions()
    options = parser().parse_args(["heads"])
    words, vectors = inputs.words_and_vectors(options, Settings(), *pair)
    assert (words.source, vectors.source) == ("demo", "demo")


def test_two_checkpoints_stand_on_the_same_base(demo: Path) -> None:
    first, last = (place_of(each) for each in chosen("--base", STEPS[0], "--tuned", "demo-lora"))
    assert first is not None
    assert last is not None
    assert first.folder == last.folder == demo / "demo-base"


def test_a_pair_that_is_trained_anew_stands_on_its_own_base(tmp_path: Path) -> None:
    (tmp_path / "demo-base").mkdir()
    adapter(tmp_path / "demo-lora", "../demo-base")
    found = base_of(resolve(str(tmp_path / "demo-lora")))
    assert found is not None
    assert found.name == str(tmp_path / "demo-base")
    place = place_of(found)
    assert place is not None
    assert place.folder == tmp_path / "demo-base"
    assert not catalog.is_demo(found.name)


def test_of_two_folders_that_fit_an_adapter_none_is_taken(tmp_path, monkeypatch) -> None:
    for base in ("moved/base", "here/base"):
        (tmp_path / base).mkdir(parents=True)
    adapter(tmp_path / "moved" / "lora", "../base")
    (tmp_path / "here" / "logs").mkdir()
    monkeypatch.chdir(tmp_path / "here" / "logs")
    lora, base = str(tmp_path / "moved" / "lora"), str(tmp_path / "moved" / "base")
    with pytest.raises(ProblemError, match=r"two such folders.*Name the right one with --base"):
        chosen("--tuned", lora)
    assert chosen("--base", base, "--tuned", lora)[1].beneath


def test_an_adapter_may_name_a_folder_as_seen_from_here(tmp_path, monkeypatch) -> None:
    (tmp_path / "base").mkdir()
    adapter(tmp_path / "runs" / "late" / "lora", "./base")
    monkeypatch.chdir(tmp_path)
    place = place_of(resolve("runs/late/lora"))
    assert place is not None
    assert place.folder == tmp_path / "base"
