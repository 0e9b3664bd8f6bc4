"""Models on disk, whole and broken, and an insttui that runs on them in a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from tests.support import checkpoints
from tests.support.program import PROGRAM, Home, wait_until
from tests.support.warm_engine import warm_engines

# A shell that runs the tests in the background has ctrl-c ignored, and nohup the end of the
# terminal, here and in every program that is started from here; in a terminal neither is.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models.

    ``small`` has a chat template, ``plain`` is the same model without one, ``cut`` another with
    another tokenizer; their context window is `checkpoints.CONTEXT_WINDOW` tokens.
    ``tireless`` and ``restless`` never end a response and take their time. The others cannot be
    used.
    """
    folder = tmp_path_factory.mktemp("models")
    tokenizer = checkpoints.byte_level_tokenizer()
    model = checkpoints.llama(tokenizer)
    checkpoints.save(folder / "small", model, tokenizer)
    checkpoints.save(folder / "plain", model, checkpoints.byte_level_tokenizer(template=None))
    cut = checkpoints.sentencepiece_tokenizer()
    checkpoints.save(folder / "cut", checkpoints.llama(cut), cut)
    for seed, name in enumerate(("tireless", "restless")):
        checkpoints.save(folder / name, tireless(len(tokenizer), seed), tokenizer)
    checkpoints.encoder(folder / "encoder")
    checkpoints.pickled(folder / "pickled", folder / "small")
    checkpoints.save(folder / "shards", model, tokenizer, shards=True)
    next((folder / "shards").glob("model-00002-*")).unlink()
    _copy(folder, "short")
    weights = folder / "short" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    _copy(folder, "code")
    _configure(folder / "code", model_type="novel", auto_map={"AutoConfig": "novel.Novel"})
    (folder / "code" / "novel.py").write_text("open('ran', 'w')\n")
    _copy(folder, "adapter")
    checkpoints.add_adapter(folder / "adapter")
    _copy(folder, "contradiction")
    _configure(folder / "contradiction", num_attention_heads=5)
    _copy(folder, "quantised")
    awq = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}
    _configure(folder / "quantised", quantization_config=awq)
    _copy(folder, "unknown-token")
    more = checkpoints.byte_level_tokenizer()
    more.add_tokens(["today"])
    more.save_pretrained(folder / "unknown-token")
    diverged = checkpoints.llama(tokenizer)
    with torch.no_grad():
        diverged.model.layers[1].mlp.down_proj.weight[3, 5] = torch.nan
    checkpoints.save(folder / "diverged", diverged, tokenizer)
    _copy(folder, "huge")
    _make_huge(folder / "huge" / "model.safetensors")
    return folder


def tireless(vocabulary: int, seed: int) -> LlamaForCausalLM:
    """A model with random weights that computes for a while and whose responses have no end."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=48,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        initializer_range=0.3,
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(eos_token_id=vocabulary)
    return model


def _copy(folder: Path, name: str) -> None:
    shutil.copytree(folder / "small", folder / name)


def _configure(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def _make_huge(weights: Path) -> None:
    """A file of weights as long as its header says: two terabytes, all of them a hole."""
    size = 2 * 10**12
    tensor = {"dtype": "F16", "shape": [size // 2], "data_offsets": [0, size]}
    header = json.dumps({"weight": tensor}).encode()
    with weights.open("wb") as stream:
        stream.write(len(header).to_bytes(8, "little") + header)
        stream.truncate(8 + len(header) + size)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An insttui whose engines are there at once, where that can be had."""
    if sys.platform != "linux":
        yield PROGRAM
        return
    folder = tmp_path_factory.mktemp("warm")
    with warm_engines(folder, Home(folder / "home").environment) as warm:
        yield warm


@pytest.fixture
def home(tmp_path: Path, models: Path, program: str) -> Iterator[Home]:
    """A user's home, where every model has its folder's name as an alias.

    Whatever a test does there, no process may be left when it ends.
    """
    made = Home(tmp_path / "home", program)
    made.name_models(**{folder.name: folder for folder in models.iterdir()})
    yield made
    try:
        wait_until(lambda: not made.processes(), "the end of every process")
    finally:
        for pid in made.processes():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def cold_home(home: Home) -> Home:
    """That home without engines that are there at once."""
    return home.cold()
