"""A model comes from the hub in the formats that are safe, and a refusal says what to do."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from analysis.engine.pool import ModelPool
from analysis.events import Progress
from analysis.models.checkpoint import inspect
from analysis.models.download import download
from analysis.models.places import place_of
from analysis.models.references import local_folder, resolve
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from tests.support.checkpoints import add_adapter, pickled
from tests.support.hub_server import HubServer, hub_server
from tests.support.studies import answered

CHOICE = resolve("org/model")


@pytest.fixture
def server(hub: Path, llama: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with hub_server({"org/model": llama}) as server:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            server.address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        yield server


def fetch(choice: ModelChoice = CHOICE) -> list[Progress]:
    return list(download(choice))


def said(kind: str, choice: ModelChoice = CHOICE) -> str:
    """What is said of a problem of that kind."""
    with pytest.raises(ProblemError) as caught:
        fetch(choice)
    assert caught.value.problem.kind == kind
    return str(caught.value)


def test_a_fetched_model_lies_in_the_hubs_cache_complete(server: HubServer) -> None:
    steps = fetch()
    folder = local_folder(CHOICE)
    assert folder is not None
    assert not inspect(folder).pickled
    assert all(step.stage == "download" and step.detail == "org/model" for step in steps)
    assert steps[-1].done == steps[-1].total


def test_only_what_loading_needs_is_fetched(server: HubServer, llama: Path, tmp_path: Path) -> None:
    both = pickled(tmp_path / "both", llama)
    (both / "model.safetensors").write_bytes((llama / "model.safetensors").read_bytes())
    (both / "modeling_own.py").write_text("raise SystemExit")
    (both / "README.md").write_text("read me")
    server.models["org/model"] = both
    fetch()
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= set(server.fetched)
    assert not {"pytorch_model.bin", "modeling_own.py", "README.md"} & set(server.fetched)


def test_pickles_are_not_even_fetched_unless_asked_for(
    server: HubServer, llama: Path, tmp_path: Path
) -> None:
    server.models["org/model"] = pickled(tmp_path / "pickled", llama)
    assert "--allow-pickle" in said("model")
    assert "pytorch_model.bin" not in server.fetched
    fetch(ModelChoice(name="m", location="org/model", allow_pickle=True))
    assert "pytorch_model.bin" in server.fetched


def test_the_weights_beside_an_adapter_are_not_even_fetched(
    server: HubServer, llama: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(llama, tmp_path / "tuned"))
    add_adapter(folder)
    server.models["org/model"] = folder
    assert "beside a whole model" in said("model")
    assert not server.fetched


def test_an_adapter_is_fetched_and_the_model_beneath_it(
    server: HubServer, llama: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tuned"
    # What trainers leave beside an adapter: configuration and tokenizer, and earlier states.
    shutil.copytree(llama, folder, ignore=shutil.ignore_patterns("model.safetensors"))
    add_adapter(folder)
    add_adapter(Path(shutil.copytree(llama, folder / "checkpoint-500")))
    server.models |= {"org/model": folder, "org/base": llama}
    place = answered(ModelPool().place(CHOICE))
    assert place.adapter == local_folder(CHOICE)
    assert place.folder == local_folder(resolve("org/base"))
    assert place == place_of(CHOICE)
    assert server.fetched.count("adapter_model.safetensors") == 1


def test_a_stopped_download_stops_and_can_be_taken_up_again(server: HubServer) -> None:
    server.hold = threading.Event()
    steps = download(CHOICE)
    while not server.held.is_set():
        next(steps)
    steps.close()
    server.hold.set()
    deadline = time.monotonic() + 240
    while any(thread.name == "download" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(ProblemError):
        inspect(local_folder(CHOICE) or Path())
    server.hold = None
    fetch()
    assert inspect(local_folder(CHOICE) or Path())


def test_an_unknown_model_is_told_from_a_gated_one_and_an_unknown_revision(
    server: HubServer,
) -> None:
    assert "spelling" in said("model", resolve("org/unknown"))
    assert "'v9'" in said("model", resolve("org/model@v9"))


def test_a_refusal_says_whether_a_token_is_missing_unknown_or_not_enough(
    server: HubServer, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.gated, server.secret = "org/gated", "org/secret"
    server.models["org/gated"] = llama
    server.tokens = {"hf_stranger": False, "hf_friend": True}
    gated = resolve("org/gated")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere")
    for token, expected in (
        ("", "No access token was sent."),
        ("hf_wrong", "does not take the access token"),
        ("hf_stranger", "has not accepted it"),
    ):
        monkeypatch.setenv("HF_TOKEN", token)
        refusal = said("model", gated)
        assert "org/gated" in refusal
        assert expected in refusal
        assert "hf auth login" in refusal
        assert "HF_TOKEN" in refusal
    monkeypatch.setenv("HF_TOKEN", "hf_friend")
    assert "is locked." in said("model", resolve("org/secret"))
    fetch(gated)
    assert inspect(local_folder(gated) or Path())


def test_without_a_network_the_other_ways_are_said(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Forbidden.
    assert "HF_HUB_OFFLINE" in said("network")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # A port that nobody listens on.
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    offline = said("network")
    assert "hf download org/model" in offline
    assert "local folder" in offline
