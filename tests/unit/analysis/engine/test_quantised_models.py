"""Quantised models run on a CPU: what they compute is what their dequantised weights compute."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, GptOssConfig, PreTrainedModel

from analysis.engine.loading import LoadedModel
from analysis.engine.quantised_models import settle
from analysis.engine.weights import ModelWeights, open_weights
from analysis.models import checkpoint
from analysis.neurons.compute.feed_forward import feed_forwards, watched
from analysis.problems import ProblemError
from analysis.saliency.compute.importance import Piece, Ran, Totals, importance_pieces
from tests.support.checkpoints import byte_level_tokenizer, llama, save
from tests.support.quantised_files import fp8, mxfp4, quantise
from tests.support.small_models import small_model
from tests.support.weight_models import any_small_model
from tests.unit.analysis.engine.loaded import load, problem_of, reconfigure, rewrite

PROMPT, RESPONSE = [5, 80, 7, 301, 44, 12, 260, 9], [31, 7, 199]
# nf4 with quantised scales, fp4 without, and LLM.int8.
KINDS: dict[str, dict[str, Any]] = {
    "nf4": {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": "bfloat16",
    },
    "fp4": {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"},
    "8-bit": {"load_in_8bit": True},
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Llama in bfloat16, as models are before they are quantised."""
    tokenizer = byte_level_tokenizer()
    return save(tmp_path_factory.mktemp("plain") / "model", _llama().to(torch.bfloat16), tokenizer)


def _llama() -> PreTrainedModel:
    """As wide as a block of bitsandbytes is long, which every published model is a multiple of."""
    return any_small_model("llama", vocab_size=384, hidden_size=64, intermediate_size=128)


@pytest.fixture(scope="module", params=KINDS)
def pair(
    request: pytest.FixtureRequest, plain: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Path]:
    """How it is quantised, the folder quantised by bitsandbytes, and one of the same weights."""
    functional = pytest.importorskip("bitsandbytes.functional")
    kind, root = request.param, tmp_path_factory.mktemp("pair")
    model = AutoModelForCausalLM.from_pretrained(
        plain, quantization_config=BitsAndBytesConfig(**KINDS[kind]), dtype=torch.bfloat16
    )
    tokenizer = byte_level_tokenizer()
    quantised = save(root / "quantised", model, tokenizer)
    weights = {}
    for name, parameter in model.named_parameters():
        weights[name] = parameter.detach().float()
        if hasattr(parameter, "quant_state"):
            parameter.quant_state.dtype = torch.float32
            weights[name] = functional.dequantize_4bit(parameter.data, parameter.quant_state)
        elif hasattr(parameter, "SCB"):
            weights[name] = functional.int8_vectorwise_dequant(parameter.data, parameter.SCB)
    dequantised = save(root / "dequantised", _llama(), tokenizer)
    save_file(weights, dequantised / "model.safetensors", metadata={"format": "pt"})
    return kind, quantised, dequantised


def _map(loaded: LoadedModel, method: Any) -> tuple[Tensor, Tensor, Ran]:
    """The map, its totals as they come before it, and how it was made."""
    found, totals = torch.zeros(len(PROMPT), len(RESPONSE)), torch.zeros(len(PROMPT))
    pieces = importance_pieces(loaded.model, PROMPT, RESPONSE, method=method, with_totals=True)
    while True:
        try:
            piece = next(pieces)
        except StopIteration as stop:
            return found, totals, stop.value
        if isinstance(piece, Totals):
            totals = piece.values
        elif isinstance(piece, Piece):
            found[piece.rows, piece.columns] = piece.values


def test_bitsandbytes_gives_the_maps_of_the_dequantised_model(
    pair: tuple[str, Path, Path],
) -> None:
    _, quantised, dequantised = pair
    ours, theirs = load(quantised), load(dequantised)
    wanted, _, _ = _map(theirs, "forward")
    for method in ("reverse", "forward"):
        found, totals, ran = _map(ours, method)
        scale = float(wanted.abs().max())
        assert float((found - wanted).abs().max()) < 1e-5 * scale
        torch.testing.assert_close(totals, found.sum(1), rtol=0, atol=1e-5 * scale)
        # No kernel for quantised weights has a forward derivative.
        assert ran.method == "reverse"
        assert ("cannot do forward mode" in ran.note) == (method == "forward")
    deleted, _, _ = _map(ours, "occlusion")
    torch.testing.assert_close(deleted, _map(theirs, "occlusion")[0], rtol=0, atol=1e-6)
    logits = [each.model(torch.tensor([PROMPT])).logits for each in (ours, theirs)]
    torch.testing.assert_close(*logits, rtol=1e-5, atol=1e-5)


def test_bitsandbytes_gives_the_heads_and_directions_of_the_dequantised_model(
    pair: tuple[str, Path, Path],
) -> None:
    _, quantised, dequantised = pair
    ours, theirs = (_read(open_weights(each)) for each in (quantised, dequantised))
    for found, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, wanted, rtol=2e-6, atol=1e-7)


def _read(weights: ModelWeights) -> list[Tensor]:
    found = [weights.input_embeddings(), weights.output_embeddings()]
    for layer in range(weights.layers):
        both = weights.query_key(layer)
        found += [both.w_q, both.w_k, weights.down_projection(layer)]
    return found


def test_neurons_of_a_quantised_model_are_those_of_the_dequantised_one(
    pair: tuple[str, Path, Path],
) -> None:
    _, quantised, dequantised = pair
    seen: list[Tensor] = []
    for folder in (quantised, dequantised):
        model = load(folder).model
        network = feed_forwards(model)[1]
        assert network.starts == (0, 128)
        with watched(network, lambda each: seen.append(each.product)):
            model(torch.tensor([PROMPT]))
    torch.testing.assert_close(*seen, rtol=1e-5, atol=1e-5)


def test_a_quantised_model_says_what_it_is(pair: tuple[str, Path, Path]) -> None:
    kind, quantised, dequantised = pair
    facts = load(quantised).facts
    assert (
        facts.dtype
        == {
            "nf4": "4-bit nf4, computing in float32",
            "fp4": "4-bit fp4, computing in float32",
            "8-bit": "8-bit, computing in float32",
        }[kind]
    )
    assert facts.notes[0] == f"The weights are quantised: bitsandbytes {kind}."
    assert ("Activations are not rounded" in "".join(facts.notes)) == (kind == "8-bit")
    assert facts.parameters == load(dequantised).facts.parameters
    half = load(quantised, dtype="bfloat16")
    assert half.facts.dtype.endswith("computing in bfloat16")
    assert half.model(torch.tensor([PROMPT])).logits.dtype == torch.bfloat16


def test_memory_is_estimated_as_a_quantised_model_takes_it(pair: tuple[str, Path, Path]) -> None:
    _, quantised, _ = pair
    model = load(quantised).model
    tensors = [*model.parameters(), *model.buffers()]
    for each in model.parameters():
        state = getattr(each, "quant_state", None)
        tensors += [] if state is None else [state.absmax, state.code]
        if state is not None and state.nested:
            tensors += [state.state2.absmax, state.state2.code]
    taken = sum(each.nbytes for each in tensors)
    estimate = checkpoint.inspect(quantised).bytes_in_memory("float32")
    assert taken * 0.99 <= estimate <= taken * 1.05


def _reload(folder: Path, expected: dict[str, Tensor]) -> LoadedModel:
    """Load a model whose weights are restored meanwhile, and compare them."""
    loaded = load(folder)
    parameters = dict(loaded.model.named_parameters())
    for name, values in expected.items():
        assert torch.equal(parameters[name], values)
    assert loaded.facts.dtype == "float32"
    taken = sum(each.nbytes for each in loaded.model.parameters())
    estimate = checkpoint.inspect(folder).bytes_in_memory("float32")
    assert taken * 0.99 <= estimate <= taken * 1.2
    return loaded


def test_fp8_is_restored_on_loading(tmp_path: Path) -> None:
    tokenizer = byte_level_tokenizer()
    folder = save(tmp_path / "fp8", llama(tokenizer).to(torch.bfloat16), tokenizer)
    settings = {"quant_method": "fp8", "weight_block_size": [16, 16]}
    loaded = _reload(folder, quantise(folder, fp8(16, 16), settings))
    assert loaded.facts.notes == (
        "The weights were dequantised from FP8 into float32.",
        "Activations are not rounded to 8 bits, as they are where such a model is served: rounding "
        "has no derivative.",
    )
    assert _map(loaded, "forward")[2].method == "forward"


def test_mxfp4_is_restored_on_loading(tmp_path: Path) -> None:
    tokenizer = byte_level_tokenizer()
    config = GptOssConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_local_experts=3,
        num_experts_per_tok=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=64,
    )
    folder = save(tmp_path / "oss", AutoModelForCausalLM.from_config(config), tokenizer)
    chance, expected = random.Random(0), {}

    def pack(old: dict[str, Tensor]) -> None:
        for name in [each for each in old if each.endswith(("s.down_proj", "s.gate_up_proj"))]:
            packed, expected[name] = mxfp4(tuple(old.pop(name).shape), chance)
            old |= {f"{name}_{part}": packed[part] for part in packed}

    rewrite(folder, pack)
    reconfigure(folder, quantization_config={"quant_method": "mxfp4"})
    assert len(expected) == 2
    notes = _reload(folder, expected).facts.notes
    assert notes == ("The weights were dequantised from MXFP4 into float32.",)


WEIGHTS = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 16}


def _compressed(folder: Path, arguments: dict[str, Any], form: str) -> dict[str, Tensor]:
    """Quantise a plain folder with compressed-tensors; returns the weights that it restores."""
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**arguments))
    compressor = BaseCompressor.get_value_from_registry(form)

    def pack(weight: Tensor, _: random.Random) -> tuple[dict[str, Tensor], Tensor]:
        groups = weight.float().unflatten(1, (-1, arguments.get("group_size", weight.shape[1])))
        scale = groups.abs().amax(2) / (2 ** (arguments["num_bits"] - 1) - 1)
        packed = compressor.compress({"weight": weight.float(), "weight_scale": scale}, scheme)
        return packed, compressor.decompress(dict(packed), scheme)["weight"]

    group = {"targets": ["Linear"], "weights": arguments}
    settings = {"quant_method": "compressed-tensors", "format": form, "ignore": ["lm_head"]}
    settings |= {"quantization_status": "compressed", "config_groups": {"group_0": group}}
    return quantise(folder, pack, settings)


@pytest.mark.parametrize(
    ("form", "arguments"),
    [
        ("pack-quantized", WEIGHTS),
        ("int-quantized", {"num_bits": 8, "type": "int", "strategy": "channel"}),
    ],
)
def test_compressed_tensors_are_restored_on_loading(
    tmp_path: Path, form: str, arguments: dict[str, Any]
) -> None:
    pytest.importorskip("compressed_tensors")
    folder = save(tmp_path / "model", llama(byte_level_tokenizer()), byte_level_tokenizer())
    loaded = _reload(folder, _compressed(folder, arguments, form))
    note = f"The weights were dequantised from compressed-tensors {form} into float32."
    assert loaded.facts.notes == (note,)
    assert _map(loaded, "forward")[2].method == "forward"


def _in_two_ways(config: dict[str, Any]) -> None:
    eight = {"targets": ["re:.*down_proj"], "weights": {**WEIGHTS, "num_bits": 8}}
    config["quantization_config"]["config_groups"]["group_1"] = eight


def test_layers_quantised_in_different_ways_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("compressed_tensors")
    folder = save(tmp_path / "model", llama(byte_level_tokenizer()), byte_level_tokenizer())
    _compressed(folder, WEIGHTS, "pack-quantized")
    config = json.loads((folder / "config.json").read_text())
    _in_two_ways(config)
    (folder / "config.json").write_text(json.dumps(config))
    reason = problem_of(folder)
    assert "quantised in several ways at once (compressed-tensors pack-quantized)" in reason
    assert "heads and concepts can be read from this one" in reason
    assert open_weights(folder).down_projection(0).shape == (64, 32)


def test_weights_restored_as_other_numbers_are_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "fp8", llama(byte_level_tokenizer()), byte_level_tokenizer())
    quantise(folder, fp8(16, 16), {"quant_method": "fp8", "weight_block_size": [16, 16]})
    model = load(folder).model
    model.get_submodule("model.layers.1.mlp.down_proj").weight.data[-1, 3] += 1
    with pytest.raises(ProblemError, match=r"1\.mlp\.down_proj\.weight is not what FP8 stands for"):
        settle(model, checkpoint.inspect(folder), "it", None)


def test_layers_that_bitsandbytes_computes_wrongly_are_refused(plain: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    model = AutoModelForCausalLM.from_pretrained(
        plain, quantization_config=BitsAndBytesConfig(load_in_4bit=True), dtype=torch.float32
    )
    quantised = save(tmp_path / "fp4", model, byte_level_tokenizer())
    model = load(quantised).model
    weight = model.get_submodule("model.layers.0.mlp.down_proj").weight
    weight.data ^= 255
    with pytest.raises(ProblemError, match="bitsandbytes restores it wrongly here"):
        settle(model, checkpoint.inspect(quantised), "it", None)


def test_a_kernel_that_is_wrong_for_a_shape_is_not_trusted(tmp_path: Path) -> None:
    functional = pytest.importorskip("bitsandbytes.functional")
    tokenizer = byte_level_tokenizer()
    # Rows of half a block.
    folder = save(tmp_path / "model", llama(tokenizer), tokenizer)
    model = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=BitsAndBytesConfig(load_in_4bit=True), dtype=torch.float32
    )
    quantised = save(tmp_path / "fp4", model, tokenizer)
    weight = model.get_submodule("model.layers.0.self_attn.q_proj").weight
    theirs = functional.dequantize_4bit(weight.data, weight.quant_state)
    ours = open_weights(quantised)._tensors.read("model.layers.0.self_attn.q_proj.weight")
    if torch.allclose(theirs, ours):
        load(quantised)
        pytest.skip("this version and processor restore rows of half a block")
    assert "bitsandbytes restores it wrongly here" in problem_of(quantised)


def test_gpt2_which_stores_its_layers_the_other_way_round(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    folder = save(tmp_path / "gpt2", small_model("gpt2"), byte_level_tokenizer())
    model = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=BitsAndBytesConfig(load_in_8bit=True), dtype=torch.float32
    )
    quantised = save(tmp_path / "8-bit", model, byte_level_tokenizer())
    stored = load_file(quantised / "model.safetensors")["transformer.h.0.mlp.c_proj.weight"]
    assert stored.shape == (32, 48)
    ours, theirs = (open_weights(each) for each in (quantised, folder))
    for read in _READS:
        wanted = read(theirs)
        # A rounding to 127 steps of a row's largest number.
        torch.testing.assert_close(read(ours), wanted, rtol=0, atol=float(wanted.abs().max()) / 200)


_READS: tuple[Callable[[ModelWeights], Tensor], ...] = (
    lambda each: each.down_projection(0),
    lambda each: each.query_key(1).w_k,
)
