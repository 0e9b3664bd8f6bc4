"""Values survive encoding, nothing else comes out of decoding, and keys tell them apart."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from cache.codec import CorruptDataError, decode, encode, key
from tests.support.spoilt_caches import Trap


class Scores(msgspec.Struct, frozen=True, tag="scores"):
    name: str
    values: NDArray[np.float32]


class Named(msgspec.Struct, frozen=True, tag="named"):
    name: str
    arrays: dict[str, NDArray[np.int64]]
    best: NDArray[np.floating[Any]] | None = None


def as_extension(array: NDArray[Any], code: int = 1, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return msgspec.msgpack.encode(msgspec.msgpack.Ext(code, file.getvalue()))


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).random((7, 5), np.float32),
        np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
        np.arange(24, dtype=np.float32).reshape(2, 3, 4)[:, ::2, 1:],
        np.array([np.nan, np.inf, -0.0], np.float32),
        np.zeros((0, 4), np.float32),
        np.array(3.0, np.float32),
    ],
    ids=["plain", "fortran", "strided", "special numbers", "empty", "scalar"],
)
def test_arrays_come_back_bit_by_bit(array: NDArray[np.float32]) -> None:
    back = decode(encode(Scores("a", array)), Scores).values
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    assert back.tobytes() == array.tobytes()
    assert back.flags.aligned
    assert back.flags.writeable


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64", "<U3"])
def test_every_plain_dtype_is_kept(dtype: str) -> None:
    array = np.array([0, 1, 1]).astype(dtype)
    back = decode(encode(array), np.ndarray)
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


def test_a_union_of_tagged_structures_gives_the_one_that_was_encoded() -> None:
    value = Named("b", {"x": np.arange(3)}, np.ones(2, np.float16))
    back = decode(encode(value), Scores | Named)
    assert isinstance(back, Named)
    assert back.arrays["x"].tolist() == [0, 1, 2]
    assert back.best is not None
    assert back.best.dtype == np.float16


def test_equal_values_have_equal_bytes() -> None:
    assert encode({"a": 1, "b": {2, 3}}) == encode({"b": {3, 2}, "a": 1})


@pytest.mark.parametrize(
    "value",
    [np.array([object()]), np.zeros(2, [("a", "O")]), np.float32(1), object(), lambda: None],
    ids=["objects", "record of objects", "numpy scalar", "object", "function"],
)
def test_what_would_need_a_pickle_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


def test_an_array_of_another_dtype_is_corrupt() -> None:
    with pytest.raises(CorruptDataError, match="float64, not of float32"):
        decode(encode(Scores("a", np.zeros(3))), Scores)  # type: ignore[arg-type]
    with pytest.raises(CorruptDataError, match="not of floating"):
        decode(encode(Named("a", {}, np.zeros(3, np.int8))), Named)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        Scores("a", np.zeros(3, np.dtype(np.float32).newbyteorder())),
        {"type": "scores", "name": "a", "values": "text"},
        *([1], "x", 5),
    ],
    ids=["array in the other byte order", "text for an array", "list", "text", "number"],
)
def test_other_values_than_expected_are_corrupt(wrong: object) -> None:
    with pytest.raises(CorruptDataError):
        decode(encode(wrong), Scores)


def test_every_truncation_is_corrupt() -> None:
    data = encode(Scores("name", np.arange(4, dtype=np.float32)))
    for length in range(len(data)):
        with pytest.raises(CorruptDataError):
            decode(data[:length], Scores)


def test_a_changed_byte_never_raises_anything_else() -> None:
    data = encode(Scores("name", np.arange(4, dtype=np.float32)))
    refused = 0
    for position in range(len(data)):
        for value in (0x00, 0x7F, 0xC1, 0xDF, 0xFF):
            changed = data[:position] + bytes([value]) + data[position + 1 :]
            try:
                decode(changed, Scores)
            except CorruptDataError:
                refused += 1
    assert refused > len(data)


def test_a_pickled_array_is_refused_unopened(tmp_path: Any) -> None:
    trap = as_extension(np.array([Trap(tmp_path / "sprung")], object), allow_pickle=True)
    with pytest.raises(CorruptDataError, match="Python objects"):
        decode(trap, np.ndarray)
    assert not (tmp_path / "sprung").exists()


def test_the_trap_of_these_tests_works(tmp_path: Any) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()


def test_an_array_that_claims_to_be_huge_takes_no_memory() -> None:
    header = io.BytesIO()
    claim = {"shape": (1 << 40, 1 << 20), "fortran_order": False, "descr": "<f4"}
    np.lib.format.write_array_header_1_0(header, claim)
    data = msgspec.msgpack.encode(msgspec.msgpack.Ext(1, header.getvalue()))
    with pytest.raises(CorruptDataError, match="cut short"):
        decode(data, np.ndarray)


def test_an_unknown_extension_and_deep_nesting_are_corrupt() -> None:
    with pytest.raises(CorruptDataError, match="extension 2"):
        decode(as_extension(np.zeros(3), code=2), np.ndarray)
    with pytest.raises(CorruptDataError):
        decode(b"\x91" * 100_000, object)


class Question(msgspec.Struct, frozen=True, tag="question"):
    prompt: str
    length: int = 300


class OtherQuestion(msgspec.Struct, frozen=True, tag="other"):
    prompt: str
    length: int = 300


MODELS = ["hub:a", "hub:b"]
KEY = key("attribution", 1, MODELS, Question("Hi"))
OTHERS = {
    "analysis": key("heads", 1, MODELS, Question("Hi")),
    "version": key("attribution", 2, MODELS, Question("Hi")),
    "order": key("attribution", 1, MODELS[::-1], Question("Hi")),
    "models": key("attribution", 1, ["hub:a"], Question("Hi")),
    "joined": key("attribution", 1, ["hub:ahub:b"], Question("Hi")),
    "prompt": key("attribution", 1, MODELS, Question("Hi ")),
    "parameter": key("attribution", 1, MODELS, Question("Hi", 299)),
    "kind": key("attribution", 1, MODELS, OtherQuestion("Hi")),
}


def test_any_difference_gives_another_key() -> None:
    assert len({KEY, *OTHERS.values()}) == 1 + len(OTHERS)


def test_the_key_is_64_hexadecimal_digits_and_the_same_for_lists_and_tuples() -> None:
    assert len(bytes.fromhex(KEY)) == 32
    assert key("attribution", 1, ("hub:a", "hub:b"), Question("Hi")) == KEY


def test_another_process_with_another_hash_seed_makes_the_same_key() -> None:
    code = "from cache.codec import key; print(key('a', 1, ['f'], {'x': 1, 'y': {'p', 'q', 'r'}}))"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(keys) == 1
