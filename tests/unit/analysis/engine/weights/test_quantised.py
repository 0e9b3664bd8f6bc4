"""Weights restored from quantised files, against plain loops and against each library's own."""

from __future__ import annotations

import importlib.util
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from analysis.engine.weights import ModelWeights, open_weights
from analysis.engine.weights.quantised import dequantised
from analysis.engine.weights.tensors import DiskTensors
from analysis.models import checkpoint
from analysis.models.quantisation import quantisation
from analysis.problems import ProblemError
from tests.support.checkpoints import byte_level_tokenizer, save
from tests.support.quantised_files import Packer, awq, fp8, gptq, mxfp4, quantise
from tests.support.weight_models import any_small_model
from tests.unit.analysis.engine.loaded import reconfigure, rewrite

# Whole words of 3 bits take multiples of 32 in and out.
_SHAPE = {"intermediate_size": 64, "num_key_value_heads": 4}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small plain Llama to quantise."""
    return save(tmp_path / "model", any_small_model("llama", **_SHAPE), byte_level_tokenizer())


def _plain(folder: Path, expected: dict[str, Tensor], quantised: Path) -> ModelWeights:
    """A plain folder of the weights expected, the others as the quantised one has them."""
    tensors = load_file(quantised / "model.safetensors")
    kept = {name: tensors[name] for name in tensors if "_proj." not in name}
    save(folder, any_small_model("llama", **_SHAPE), byte_level_tokenizer())
    save_file({**kept, **expected}, folder / "model.safetensors", metadata={"format": "pt"})
    return open_weights(folder)


def _all(weights: ModelWeights) -> list[Tensor]:
    """Everything that the views of heads and concepts read."""
    tokens = torch.tensor([3, 1, 3])
    found = [weights.input_embeddings(tokens), weights.output_embeddings()]
    for layer in range(weights.layers):
        projections = weights.query_key(layer)
        found += [projections.w_q, projections.w_k, weights.down_projection(layer)]
    return found


def _check(folder: Path, expected: dict[str, Tensor], note: str, rtol: float = 0) -> None:
    """Every weight is as expected, whole and by rows, and so is what is made of them."""
    same = partial(torch.testing.assert_close, rtol=rtol, atol=0)
    found = checkpoint.inspect(folder)
    how = quantisation(found.config)
    assert how is not None
    tensors = dequantised(DiskTensors(found), how, transposed=False)
    assert set(tensors.restored()) == set(expected)
    for name, values in expected.items():
        assert tensors.shape(name) == tuple(values.shape)
        same(tensors.read(name), values)
        rows = torch.tensor([5, 0, 5, len(values) - 1])
        same(tensors.read(name, rows), values[rows])
        same(tensors.read(name, 7), values[7])
    weights = open_weights(folder)
    assert weights.notes == (f"The weights are dequantised from {note}.",)
    plain = _plain(folder.parent / "plain", expected, folder)
    for ours, theirs in zip(_all(weights), _all(plain), strict=True):
        same(ours, theirs)


_GPTQ = {"quant_method": "gptq", "group_size": 16}
_FP8 = {"quant_method": "fp8", "weight_block_size": [24, 20]}
_PACKED: dict[str, tuple[Packer, dict[str, Any], str]] = {
    "gptq": (gptq(4, less=1), {**_GPTQ, "bits": 4}, "GPTQ 4-bit"),
    "gptq in the order of activations": (
        gptq(4, less=1, shuffled=True),
        {**_GPTQ, "bits": 4, "desc_act": True},
        "GPTQ 4-bit",
    ),
    "gptq of the second version": (
        gptq(4, less=0),
        {**_GPTQ, "bits": 4, "checkpoint_format": "gptq_v2"},
        "GPTQ 4-bit",
    ),
    **{
        f"gptq in {bits} bits": (
            gptq(bits, less=1),
            {**_GPTQ, "bits": bits},
            f"GPTQ {bits}-bit",
        )
        for bits in (2, 8)
    },
    "gptq in 3 bits": (
        gptq(3, less=0),
        {**_GPTQ, "bits": 3, "checkpoint_format": "gptq_v2"},
        "GPTQ 3-bit",
    ),
    "symmetric gptq in 3 bits": (
        gptq(3, less=1, middle=True),
        {**_GPTQ, "bits": 3, "sym": True},
        "GPTQ 3-bit",
    ),
    "awq": (awq, {"quant_method": "awq", "bits": 4, "version": "GEMM"}, "AWQ"),
    "fp8 by blocks, the last ones smaller": (fp8(24, 20), _FP8, "FP8"),
    "fp8 as a whole": (fp8(0, 0, "weight_scale"), {"quant_method": "fp8"}, "FP8"),
    "fp8 by rows": (fp8(1, 0, "weight_scale"), {"quant_method": "fbgemm_fp8"}, "FBGEMM FP8"),
    "mxfp8": (
        fp8(1, 32, exponents=True),
        {"quant_method": "mxfp8", "weight_block_size": [1, 32]},
        "MXFP8",
    ),
}


@pytest.mark.parametrize("kind", _PACKED)
def test_files_give_the_weights_they_were_packed_from(folder: Path, kind: str) -> None:
    pack, settings, note = _PACKED[kind]
    _check(folder, quantise(folder, pack, settings), note)


@pytest.mark.parametrize(
    ("out", "inner", "nested", "kind"),
    [(48, 64, True, "nf4"), (40, 192, False, "nf4"), (33, 46, True, "fp4"), (7, 9, False, "fp4")],
)
def test_bitsandbytes_in_4_bits_restores_what_bitsandbytes_does(
    folder: Path, out: int, inner: int, nested: bool, kind: str
) -> None:
    functional = pytest.importorskip("bitsandbytes.functional")
    torch.manual_seed(0)
    weight = torch.randn(out, inner)
    codes, state = functional.quantize_4bit(weight, compress_statistics=nested, quant_type=kind)
    name = "model.layers.0.mlp.down_proj.weight"
    parts = {f"{name}.{part}": values for part, values in state.as_dict(packed=True).items()}
    rewrite(folder, lambda old: old.update({name: codes, **parts}))
    settings = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": kind}
    tensors = _opened(folder, settings)
    expected = functional.dequantize_4bit(codes, state)
    found = tensors.read(name)
    assert tensors.shape(name) == (out, inner)
    # An 8-bit scale is restored by a product and a sum, which may be fused.
    torch.testing.assert_close(found, expected, rtol=2e-6 if nested else 0, atol=0)
    rows = torch.tensor([out - 1, 0, 3])
    assert torch.equal(tensors.read(name, rows), found[rows])
    assert tensors.notes == (f"The weights are dequantised from bitsandbytes {kind}.",)


def test_4_bits_kept_as_numbers_of_another_type_are_not_taken_for_such(folder: Path) -> None:
    functional = pytest.importorskip("bitsandbytes.functional")
    weight = torch.randn(32, 64)
    codes, state = functional.quantize_4bit(
        weight, quant_type="nf4", quant_storage=torch.bfloat16, compress_statistics=False
    )
    name = "model.layers.0.mlp.down_proj.weight"
    parts = {f"{name}.{part}": values for part, values in state.as_dict(packed=True).items()}
    rewrite(folder, lambda old: old.update({name: codes, **parts}))
    assert load_file(folder / "model.safetensors")[name].dtype == torch.bfloat16
    found = _opened(folder, {"quant_method": "bitsandbytes", "load_in_4bit": True}).read(name)
    assert torch.equal(found, functional.dequantize_4bit(codes, state))


def test_bitsandbytes_in_8_bits_is_a_share_of_each_rows_largest(folder: Path) -> None:
    def pack(weight: Tensor, chance: random.Random) -> tuple[dict[str, Tensor], Tensor]:
        numbers = [[chance.randint(-127, 127) for _ in row] for row in weight]
        largest = torch.tensor([chance.uniform(0.1, 1.0) for _ in weight])
        stands_for = [
            [float(number * (size / 127)) for number in row]
            for row, size in zip(numbers, largest, strict=True)
        ]
        layout = torch.tensor(0, dtype=torch.uint8)
        packed = {"weight": torch.tensor(numbers, dtype=torch.int8), "SCB": largest}
        return {**packed, "weight_format": layout}, torch.tensor(stands_for)

    settings = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    _check(folder, quantise(folder, pack, settings), "bitsandbytes 8-bit")


def test_experts_of_gpt_oss_are_restored_one_by_one(folder: Path) -> None:
    name = "model.layers.0.mlp.experts.down_proj"
    packed, expected = mxfp4((3, 64, 5), random.Random(0))
    rewrite(folder, lambda old: {f"{name}_{part}": packed[part] for part in packed})
    tensors = _opened(folder, {"quant_method": "mxfp4"})
    assert tensors.shape(name) == (3, 64, 5)
    assert torch.equal(tensors.read(name), expected)
    assert torch.equal(tensors.read(name, 2), expected[2])


def test_experts_in_fp8_are_restored_one_by_one(folder: Path) -> None:
    name = "model.layers.0.mlp.experts.down_proj"
    weight = torch.randn(3, 20, 24).to(torch.float8_e4m3fn)
    scales = torch.rand(3, 2, 3) + 0.5
    rewrite(folder, lambda old: {name: weight, f"{name}_scale_inv": scales})
    tensors = _opened(folder, {"quant_method": "fp8", "weight_block_size": [16, 8]})
    for expert in range(3):
        found = tensors.read(name, expert)
        for o in range(20):
            for i in range(24):
                value = weight[expert, o, i].float() * scales[expert, o // 16, i // 8]
                assert found[o, i] == value


def _opened(folder: Path, settings: dict[str, Any]) -> Any:
    reconfigure(folder, quantization_config=settings)
    found = checkpoint.inspect(folder)
    how = quantisation(found.config)
    assert how is not None
    return dequantised(DiskTensors(found), how, transposed=False)


_GROUP = {"strategy": "group", "group_size": 16}
_COMPRESSED: dict[str, dict[str, Any]] = {
    "pack-quantized": {"num_bits": 4, "type": "int", "symmetric": True, **_GROUP},
    "pack-quantized asymmetric": {"num_bits": 4, "type": "int", "symmetric": False, **_GROUP},
    "pack-quantized 8 bits by rows": {"num_bits": 8, "type": "int", "strategy": "channel"},
    "pack-quantized 3 bits": {"num_bits": 3, "type": "int", "symmetric": False, **_GROUP},
    "float-quantized": {"num_bits": 8, "type": "float", "strategy": "tensor"},
    "float-quantized by rows": {"num_bits": 8, "type": "float", "strategy": "channel"},
    "float-quantized by blocks": {
        "num_bits": 8,
        "type": "float",
        "strategy": "block",
        "block_structure": [16, 8],
    },
    "nvfp4-pack-quantized": {
        "num_bits": 4,
        "type": "float",
        "strategy": "tensor_group",
        "group_size": 16,
        "scale_dtype": "torch.float8_e4m3fn",
    },
    "mxfp4-pack-quantized": {
        "num_bits": 4,
        "type": "float",
        "strategy": "group",
        "group_size": 32,
        "scale_dtype": "torch.uint8",
    },
    "int-quantized": {"num_bits": 8, "type": "int", "strategy": "channel"},
    "naive-quantized asymmetric": {
        "num_bits": 8,
        "type": "int",
        "symmetric": False,
        "strategy": "channel",
    },
}


@pytest.mark.skipif(
    importlib.util.find_spec("compressed_tensors") is None,
    reason="compressed-tensors is not installed",
)
@pytest.mark.parametrize("kind", _COMPRESSED)
def test_compressed_tensors_are_restored_as_their_library_does(folder: Path, kind: str) -> None:
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

    arguments, form = _COMPRESSED[kind], kind.split(maxsplit=1)[0]
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**arguments))
    compressor = BaseCompressor.get_value_from_registry(form)

    def pack(weight: Tensor, chance: random.Random) -> tuple[dict[str, Tensor], Tensor]:
        state = {"weight": weight, **_calibrated(weight, arguments)}
        packed = compressor.compress(state, scheme)
        packed = {name: each.contiguous() for name, each in packed.items()}
        restored = compressor.decompress(dict(packed), scheme)["weight"].float()
        return packed, restored

    settings = {
        "quant_method": "compressed-tensors",
        "format": form,
        "quantization_status": "compressed",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": arguments}},
    }
    # The library restores NVFP4 in bfloat16.
    rtol = 2**-7 if form == "nvfp4-pack-quantized" else 0
    _check(folder, quantise(folder, pack, settings), f"compressed-tensors {form}", rtol)


def _calibrated(weight: Tensor, arguments: dict[str, Any]) -> dict[str, Tensor]:
    """Scales, and zero points, that use the whole range of the numbers."""
    out, inner = weight.shape
    counts = {
        "tensor": (1, 1),
        "channel": (out, 1),
        "group": (out, inner // arguments.get("group_size", inner)),
        "tensor_group": (out, inner // 16),
        "block": (out // 16, inner // 8),
    }[arguments["strategy"]]
    parts = weight.reshape(counts[0], out // counts[0], counts[1], inner // counts[1])
    low, high = parts.amin((1, 3)), parts.amax((1, 3))
    if arguments["num_bits"] == 4 and arguments["type"] == "float":
        largest = torch.maximum(high, -low) / 6
        if arguments["strategy"] == "group":
            return {"weight_scale": torch.exp2(largest.log2().ceil())}
        divisor = 448 / largest.max()
        scale = (largest * divisor).to(torch.float8_e4m3fn).float()
        return {"weight_scale": scale, "weight_global_scale": divisor[None]}
    if arguments["type"] == "float":
        scale = torch.maximum(high, -low) / 448
        return {"weight_scale": scale.flatten() if arguments["strategy"] == "tensor" else scale}
    steps, offset = 2 ** arguments["num_bits"] - 1, 2 ** (arguments["num_bits"] - 1)
    if arguments.get("symmetric", True):
        return {"weight_scale": 2 * torch.maximum(high, -low) / steps}
    scale = (high - low) / steps
    zero = (-low / scale).round() - offset
    return {"weight_scale": scale, "weight_zero_point": zero.clamp(-offset, offset - 1).char()}


@pytest.mark.parametrize("method", ["aqlm", "hqq", "torchao", "quanto", "exl2", "gguf", "vptq"])
def test_other_methods_are_refused_by_name(folder: Path, method: str) -> None:
    reconfigure(folder, quantization_config={"quant_method": method})
    with pytest.raises(ProblemError, match=f"insttui cannot undo: {method}. It undoes awq, bitsan"):
        open_weights(folder)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"quant_method": "gptq", "checkpoint_format": "marlin"}, "'marlin' (checkpoint_format"),
        ({"quant_method": "awq", "bits": 4, "version": "gemv"}, "'gemv' (version"),
        (
            {"quant_method": "compressed-tensors", "transform_config": {"config_groups": {"a": 1}}},
            "(transform_config in",
        ),
    ],
)
def test_variants_that_are_stored_in_another_way_are_refused(
    folder: Path, settings: dict[str, Any], why: str
) -> None:
    reconfigure(folder, quantization_config=settings)
    with pytest.raises(ProblemError) as caught:
        open_weights(folder)
    assert why in str(caught.value)


def _lacking(part: str, old: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: old[name] for name in old if not name.endswith(f"0.mlp.down_proj.{part}")}


@pytest.mark.parametrize(
    ("pack", "settings", "part", "why"),
    [
        (gptq(4, less=1), _GPTQ, "scales", "0.mlp.down_proj.scales"),
        (awq, {"quant_method": "awq"}, "qzeros", "0.mlp.down_proj.qzeros"),
        (fp8(24, 20), _FP8, "weight_scale_inv", "is stored as F8_E4M3"),
    ],
)
def test_a_weight_that_lacks_its_scales_is_refused(
    folder: Path, pack: Packer, settings: dict[str, Any], part: str, why: str
) -> None:
    quantise(folder, pack, settings)
    rewrite(folder, partial(_lacking, part))
    with pytest.raises(ProblemError, match=why):
        open_weights(folder).down_projection(0)


@pytest.mark.parametrize(
    ("pack", "settings", "why"),
    [
        (gptq(3, less=1), {"bits": 3, "sym": False}, "have been stored in several ways"),
        (gptq(4, less=0, middle=True), {"bits": 4, "sym": True}, "are not in the middle"),
    ],
)
def test_zero_points_that_may_mean_others_are_refused(
    folder: Path, pack: Packer, settings: dict[str, Any], why: str
) -> None:
    quantise(folder, pack, {**_GPTQ, **settings})
    with pytest.raises(ProblemError, match=why):
        open_weights(folder).down_projection(0)


def test_scales_that_do_not_fit_their_weight_are_refused(folder: Path) -> None:
    quantise(folder, fp8(24, 20), {**_FP8, "weight_block_size": [16, 16]})
    with pytest.raises(ProblemError, match=r"cannot be restored\. It is"):
        open_weights(folder)


def test_tensors_that_are_not_of_their_methods_form_are_refused(folder: Path) -> None:
    quantise(folder, awq, {"quant_method": "awq"})
    rewrite(folder, lambda old: {name: old[name].flatten() for name in old})
    with pytest.raises(ProblemError, match=r"cannot undo: AWQ\. Its tensors are not of its form"):
        open_weights(folder)


def test_weights_rounded_only_at_run_time_are_refused(folder: Path) -> None:
    name = "model.layers.0.mlp.down_proj.weight_scale"
    rewrite(folder, lambda old: old.update({name: torch.ones(1)}))
    reconfigure(folder, quantization_config={"quant_method": "compressed-tensors"})
    with pytest.raises(ProblemError, match="rounded only while the model runs"):
        open_weights(folder)
