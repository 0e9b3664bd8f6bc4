"""A model is loaded as it is, or refused in words."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from analysis.engine.loading import load_tokenizer, pick_device
from analysis.engine.tokenizing import tokenize
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from tests.support import checkpoints
from tests.support.checkpoints import CONTEXT_WINDOW
from tests.support.small_models import CONFIGURATIONS, small_model
from tests.unit.analysis.engine.loaded import CPU, load, problem_of, reconfigure, rewrite

TIKTOKEN = b"".join(base64.b64encode(bytes([i])) + f" {i}\n".encode() for i in range(256))


def test_the_facts_are_those_of_the_model_and_said_without_a_word_on_the_streams(
    llama: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = load(llama)
    assert capfd.readouterr() == ("", "")
    saved = load_file(llama / "model.safetensors")
    facts = loaded.facts
    assert facts.parameters == sum(tensor.numel() for tensor in saved.values())
    assert (facts.name, facts.family, facts.layers) == ("small", "llama", 2)
    assert facts.vocabulary == len(loaded.tokenizer)
    assert facts.context_window == CONTEXT_WINDOW
    assert (facts.device, facts.dtype, facts.has_chat_template) == ("cpu", "float32", True)
    assert facts.seconds > 0
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(facts), type=type(facts)) == facts
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


def test_one_file_shards_links_and_pickles_give_the_same_model(
    llama: Path, sharded: Path, hub: Path, tmp_path: Path
) -> None:
    expected = load(llama).model.state_dict()
    linked = checkpoints.hub_cache(hub, "org/model", sharded)
    pickled = checkpoints.pickled(tmp_path / "pickled", llama)
    for folder, options in ((sharded, {}), (linked, {}), (pickled, {"allow_pickle": True})):
        state = load(folder, **options).model.state_dict()
        assert all(torch.equal(state[name], expected[name]) for name in expected)


@pytest.mark.parametrize("family", sorted(CONFIGURATIONS))
def test_every_family_comes_back_whole(family: str, tmp_path: Path) -> None:
    model = small_model(family)
    folder = checkpoints.save(tmp_path / family, model, checkpoints.byte_level_tokenizer())
    loaded = load(folder)
    ids = torch.tensor([[3, 14, 15, 92, 65, 35]])
    assert torch.allclose(loaded.model(ids).logits, model(ids).logits, atol=1e-5)
    assert loaded.facts.family == family
    assert loaded.facts.parameters == model.num_parameters()
    assert loaded.facts.context_window == model.config.max_position_embeddings


def test_soft_capped_scores_take_the_attention_that_computes_them(tmp_path: Path) -> None:
    tokenizer = checkpoints.byte_level_tokenizer()
    for family, attention in (("gemma2", "eager"), ("llama", "sdpa")):
        folder = checkpoints.save(tmp_path / family, small_model(family), tokenizer)
        assert load(folder).model.config._attn_implementation == attention


def test_a_pickle_is_refused_by_default_and_one_that_would_run_code_even_when_allowed(
    llama: Path, tmp_path: Path
) -> None:
    folder = checkpoints.pickled(tmp_path / "pickled", llama)
    assert "--allow-pickle" in problem_of(folder)
    torch.save({"x": _Touch(tmp_path / "ran")}, folder / "pytorch_model.bin")
    assert "more than weights" in problem_of(folder, allow_pickle=True)
    assert not (tmp_path / "ran").exists()


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("part", ["model", "tokenizer"])
def test_code_that_comes_with_a_model_runs_only_when_asked_for(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    ran = tmp_path / "ran"
    code = f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n"
    if part == "model":
        code += "from transformers import LlamaConfig\n"
        code += "class Own(LlamaConfig):\n    model_type = 'own'\n"
        own = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
        reconfigure(copy, model_type="own", auto_map=own)
    else:
        code += "from transformers import PreTrainedTokenizerFast\n"
        code += "class Own(PreTrainedTokenizerFast):\n    pass\n"
        settings = json.loads((copy / "tokenizer_config.json").read_text())
        settings |= {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": [None, "own.Own"]}}
        (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    (copy / "own.py").write_text(code)
    assert "--trust-remote-code" in problem_of(copy)
    assert not ran.exists()


def test_an_encoder_and_an_unknown_kind_of_model_are_named(copy: Path, tmp_path: Path) -> None:
    reason = problem_of(checkpoints.encoder(tmp_path / "bert"))
    assert "not a causal language model" in reason
    assert "BertModel" in reason
    reconfigure(copy, model_type="future")
    assert "'future'" in problem_of(copy)


def test_code_that_comes_with_a_model_may_need_a_package(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    own = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
    reconfigure(copy, model_type="own", auto_map=own)
    for code, says in (
        ("import not_there_at_all\n", "Install not_there_at_all into insttui's environment."),
        ("from torch import not_there_any_more\n", "does not fit the packages"),
    ):
        (copy / "own.py").write_text(f"{code}class Own: pass\n")
        assert says in problem_of(copy, trust_remote_code=True)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"tokenizer.model": TIKTOKEN}, "Install tiktoken into"),
        ({"tokenizer.model": b"\x00\x01damaged"}, "tokenizer.model is neither of"),
        (
            {
                "vocab.json": b'{"a": 0}',
                "merges.txt": b"#version: 0.2\n",
                "tokenizer_config.json": b'{"tokenizer_class": "BioGptTokenizer"}',
            },
            "Install sacremoses into",
        ),
    ],
)
def test_a_tokenizer_says_what_it_lacks(copy: Path, files: dict[str, bytes], says: str) -> None:
    (copy / "tokenizer.json").unlink()
    settings = {"tokenizer_class": "LlamaTokenizer"}
    (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    for name, content in files.items():
        (copy / name).write_bytes(content)
    reason = problem_of(copy)
    assert says in reason
    assert "etch the model again" not in reason


def test_a_damaged_tokenizer_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").write_text('{"version": "1.0"}')
    assert "tokenizer" in problem_of(copy)


def test_the_dtype_is_float32_on_a_cpu_unless_another_is_asked_for(copy: Path) -> None:
    rewrite(copy, lambda old: {name: each.half() for name, each in old.items()})
    reconfigure(copy, dtype="float16")
    assert load(copy).facts.dtype == "float32"
    assert load(copy, dtype="bfloat16").facts.dtype == "bfloat16"
    assert load(copy, dtype="float16").model.dtype == torch.float16


def test_an_absent_device_is_refused_with_those_that_are_there() -> None:
    for name in ("cuda:99", "tpu", ""):
        with pytest.raises(ProblemError, match="This machine has cpu") as caught:
            pick_device(name)
        assert caught.value.problem.kind == "input"
    assert pick_device("cpu") == CPU


def test_a_sentencepiece_file_alone_makes_a_tokenizer(llama: Path, tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    pytest.importorskip("google.protobuf")
    folder = tmp_path / "spm"
    folder.mkdir()
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("Hello world, how are you today?\nThe cat sat on the mat.\n" * 20)
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=310,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    (folder / "tokenizer.vocab").unlink()
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(llama / name, folder / name)
    settings = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = load_tokenizer(ModelChoice(name="spm", location=str(folder)), folder)
    reference = sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model"))
    prompt = "Hello world,\n  the 東京 mat "
    tokens = tokenize(tokenizer, prompt)
    assert list(tokens.ids) == [reference.bos_id(), *reference.encode(prompt)]
    assert (tokens.texts[0], tokens.spans[0]) == ("<s>", None)
    covered = sorted({place for span in tokens.spans if span for place in range(*span)})
    assert covered == list(range(len(prompt)))


def test_tokenizers_of_a_pair_that_differ_have_other_digests(llama: Path, tmp_path: Path) -> None:
    tokenizer = checkpoints.sentencepiece_tokenizer()
    other = checkpoints.save(tmp_path / "other", checkpoints.llama(tokenizer), tokenizer)
    digests = [load(folder).facts.tokenizer_digest for folder in (llama, llama, other)]
    assert digests[0] == digests[1] != digests[2]
