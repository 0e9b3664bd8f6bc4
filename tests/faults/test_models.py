"""Models that are not there, not whole, not of the right kind or not to be trusted."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.adapters import adapted_pair
from tests.support.checkpoints import hub_cache
from tests.support.hub_server import hub_server
from tests.support.program import Home, Outcome

pytestmark = pytest.mark.slow

SENTENCE = "Hello world, how are you today?"


# The command line after `--model`, the exit status, and what is said in which order.
REFUSALS: dict[str, tuple[Any, ...]] = {
    "half-downloaded": (
        "shards",
        1,
        "is incomplete.",
        "It lacks 1 of 7 weight files (model-00002-of-00007.safetensors).",
        "Let the download finish, or give another folder.",
    ),
    "cut short": ("short", 1, "is cut short.", "bytes.", "Fetch the file again."),
    "not a causal language model": (
        "encoder",
        1,
        "encoder is not a causal language model.",
        "It is a BertModel.",
        "Choose a model that continues text",
    ),
    "tuned by an adapter beside it": (
        "adapter",
        1,
        "holds an adapter (LoRA) beside a whole model.",
        "without the tuning that the adapter holds.",
        "Merge the adapter into the model and give the merged folder",
    ),
    "configured against itself": (
        "contradiction",
        1,
        "The file config.json of contradiction cannot be used.",
        "(32) is not a multiple of the number of attention heads (5).",
        "Mend it, or fetch it again.",
    ),
    "quantised": (
        "quantised",
        1,
        "quantised is quantised (awq) and cannot be loaded here.",
        "Install gptqmodel into insttui's environment, or give a version in float32",
    ),
    "with a token that it has no embedding for": (
        "unknown-token",
        2,
        "A token id lies outside the model's vocabulary.",
        "The token 'today' has the id",
        "Use the tokenizer that belongs to the model",
    ),
    "with weights that are no numbers": (
        "diverged",
        1,
        "The weights of diverged hold numbers that are not finite.",
        "of model.layers.1.mlp.down_proj.weight there are 1 that are no numbers (NaN).",
        "The run that trained them diverged",
    ),
    "without a chat template": (
        "plain --chat-template",
        2,
        "The model has no chat template.",
        "Switch the chat template off.",
    ),
    "pickled": (
        "pickled",
        1,
        "pickled comes as pickled weights only (pytorch_model.bin).",
        "A pickle can run code on this machine while it is read.",
        "load it with --allow-pickle",
    ),
    "with code of its own": (
        "code",
        1,
        "code needs Python code that comes with the model.",
        "It would run on this machine with your rights.",
        "load it with --trust-remote-code",
    ),
    "larger than the memory": (
        "huge",
        1,
        "huge does not fit into the memory of cpu.",
        "Its weights take 4000.0 GB",
        "Choose a smaller model, --dtype bfloat16, or another device; with --device disk",
    ),
    "on a hub out of reach": (
        "somebody/something",
        1,
        "somebody/something is not on this machine and cannot be downloaded.",
        "Connection refused",
        "Check the network, fetch it elsewhere with hf download somebody/something, or give a "
        "local folder.",
    ),
    "half-downloaded from a hub out of reach": (
        "somebody/half",
        1,
        "is incomplete.",
        "It lacks 1 of 7 weight files (model-00002-of-00007.safetensors).",
        "Check the network",
    ),
}


class Timed(NamedTuple):
    outcome: Outcome
    seconds: float


@pytest.fixture(scope="module")
def refused(
    models: Path, program: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Timed]]]:
    """The command lines of `REFUSALS`, run two at a time.

    The hub client reads the environment as it is imported, so what it is asked for needs an engine
    of its own.
    """
    home = Home(tmp_path_factory.mktemp("refusals") / "home", program)
    home.name_models(**{folder.name: folder for folder in models.iterdir()})
    hub_cache(home.hub, "somebody/half", models / "shards")

    def run(model: str) -> Timed:
        at = home.cold() if model.startswith("somebody/") else home
        started = time.monotonic()
        outcome = at.run("attribute", "--prompt", SENTENCE, "--model", *model.split())
        return Timed(outcome, time.monotonic() - started)

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, model) for name, (model, *_) in REFUSALS.items()}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_model_that_cannot_be_used_is_refused_in_words(
    name: str, refused: dict[str, Future[Timed]]
) -> None:
    outcome = refused[name].result().outcome
    assert outcome.errors.startswith("insttui: ")
    assert outcome.errors.count("\n") == 1
    place, (_, status, *says) = 0, REFUSALS[name]
    for words in says:
        place = outcome.errors.find(words, place)
        assert place >= 0, f"{words!r} not in {outcome.errors!r}"
    assert outcome.output == b""
    assert outcome.status == status


def test_no_network_is_found_out_at_once(refused: dict[str, Future[Timed]]) -> None:
    waits = {name: future.result().seconds for name, future in refused.items()}
    # The others start an engine, too; what counts is that nothing is tried for minutes.
    assert waits["on a hub out of reach"] < max(waits["cut short"], waits["pickled"]) + 60


def test_code_that_comes_with_a_model_did_not_run(
    models: Path, refused: dict[str, Future[Timed]]
) -> None:
    refused["with code of its own"].result()
    assert not list(models.rglob("ran"))
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("./nowhere", 1, "There is no folder ./nowhere. Give the folder that holds config.json"),
        ("smal", 2, "No model is called 'smal'. Close names: small"),
        ("./a-file", 1, "The model folder ./a-file is a file."),
    ],
)
def test_a_missing_model_is_said_without_starting_an_engine(
    name: str, status: int, says: str, home: Home
) -> None:
    (home.work / "a-file").write_text("")
    home.forbid_torch()
    outcome = home.run("attribute", "--prompt", SENTENCE, "--model", name)
    assert says in outcome.errors
    assert (outcome.status, outcome.output) == (status, b"")


def test_pickled_weights_are_read_when_asked_for_by_name(home: Home) -> None:
    outcome = home.run(
        "attribute", "--prompt", "Hello", "--model", "pickled", "--allow-pickle", "--csv", "-"
    )
    assert outcome.errors == ""
    assert {row["model"] for row in outcome.rows} == {"pickled"}


def test_the_app_says_what_is_wrong_with_both_models_and_goes_on_once_it_is_mended(
    home: Home, models: Path
) -> None:
    late = home.folder / "late"
    shutil.copytree(models / "shards", late)
    home.name_models(encoder=models / "encoder", late=late)
    home.write_draft(SENTENCE)
    with home.terminal("--base", "encoder", "--tuned", "late") as terminal:
        terminal.wait_for_screen(
            "encoder is not a causal language model.", "It lacks 1 of 7 weight files", SENTENCE
        )
        terminal.write("\x12")
        terminal.wait_for_screen(
            "encoder · gradient · failed", "late · gradient · failed", "r runs it again"
        )
        # The download ends while the app waits.
        shutil.copy(models / "small" / "model.safetensors", late)
        (late / "model.safetensors.index.json").unlink()
        terminal.write("r")
        terminal.wait_for_screen("cut at the limit", "encoder · gradient · failed")
        assert terminal.end() == 0


def test_a_pair_with_other_tokens_and_no_template_is_shown_by_characters(home: Home) -> None:
    home.write_draft(SENTENCE)
    with home.terminal("--base", "small", "--tuned", "cut") as terminal:
        terminal.wait_for_screen("no chat template in cut", "special", SENTENCE)
        terminal.write("\x12")
        terminal.wait_for_screen(
            "cut at the limit",
            "The models cut the text differently: rows are aligned by characters.",
        )
        assert terminal.end() == 0


def test_an_adapter_and_the_model_beneath_it_come_from_a_mirror_with_a_token(
    home: Home, tmp_path: Path
) -> None:
    pair = adapted_pair(tmp_path, "llama", "all linear layers")
    settings = pair.adapter / "adapter_config.json"
    settings.write_text(settings.read_text().replace(str(pair.base), "org/base"))
    with hub_server({"org/base": pair.base, "org/lora": pair.adapter}) as mirror:
        mirror.gated, mirror.tokens = "org/base", {"hf_friend": True}
        at = home.cold()
        at.environment |= {"HF_ENDPOINT": mirror.address, "NO_PROXY": "*"}
        command = ("heads", "--tuned", "org/lora", "--vocab", "tokens", "--csv", "-")
        refused = at.run(*command)
        assert refused.status == 1
        for said in ("The model beneath the adapter org/lora", "org/base", "HF_TOKEN"):
            assert said in refused.errors
        at.environment["HF_TOKEN"] = "hf_friend"
        outcome = at.run(*command)
    assert outcome.status == 0, outcome.errors
    assert outcome.rows


pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("tuned", "status", "found"),
    [
        ("small", 1, {"weights differ"}),
        ("cut", 1, {"tokenizer", "template"}),
        ("diverged", 2, {"trial"}),
        ("short", 2, {"files"}),
    ],
)
def test_the_exit_status_says_how_a_pair_is(home: Home, models: Path, tuned, status, found):
    pair = ["--base", str(models / "small"), "--tuned", str(models / tuned)]
    ended = home.run("doctor", *pair, "--device", "cpu", "--json")
    findings = json.loads(ended.output)
    assert ended.status == status, findings
    assert {each["id"] for each in findings if each["level"] != "ok"} == found
