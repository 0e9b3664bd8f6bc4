"""Encodes values as msgpack, with numpy arrays as npy, and decodes them; nothing is ever pickled.

The cache's files and the pipe to the engine process both use this encoding. It is canonical: equal
values give equal bytes, so the bytes can be hashed.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, overload

import msgspec
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from cache.errors import CorruptDataError

__all__ = ["CorruptDataError", "decode", "encode", "key"]

T = TypeVar("T")

_ARRAY = 1  # msgpack extension code of an npy file


def encode(value: object) -> bytes:
    """Encode plain values, `msgspec.Struct`s and numpy arrays, nested to any depth.

    Raises TypeError for anything else, such as an array of Python objects.
    """
    return _ENCODER.encode(value)


@overload
def decode(data: bytes | memoryview, expected: type[T]) -> T: ...
@overload
def decode(data: bytes | memoryview, expected: UnionType) -> Any: ...
def decode(data: bytes | memoryview, expected: Any) -> Any:
    """Decode what `encode` wrote, checked against the type `expected`.

    `expected` may be a union of tagged structures; ``NDArray[np.float32]`` accepts only that dtype.
    Arrays own their memory and are writable.

    Raises:
        CorruptDataError: `data` is damaged or holds a value of another type.
    """
    decoder = _decoder(expected)
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise CorruptDataError(str(error)) from error


@lru_cache(maxsize=64)
def _decoder(expected: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(expected, ext_hook=_unpack, dec_hook=_check)


def _pack(value: object) -> msgspec.msgpack.Ext:
    if type(value) is not np.ndarray:
        raise TypeError(f"{type(value).__name__} values cannot be stored")
    if value.dtype.hasobject:
        raise TypeError("arrays of Python objects cannot be stored")
    header = io.BytesIO()
    npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(value))
    # "A" matches the order in the header: Fortran order only if the array is laid out that way.
    return msgspec.msgpack.Ext(_ARRAY, b"".join((header.getvalue(), value.tobytes("A"))))


def _unpack(code: int, data: memoryview) -> NDArray[Any]:
    """The array in an npy file, read without `numpy.load`, which trusts the size in the header."""
    if code != _ARRAY:
        raise ValueError(f"unknown extension {code}")
    # numpy accepts headers of up to 10,000 characters.
    start = io.BytesIO(data[: 1 << 14])
    try:
        if npy.read_magic(start) != (1, 0):
            raise ValueError("unknown version of npy")
        shape, fortran, dtype = npy.read_array_header_1_0(start)
    except Exception as error:  # numpy parses the header as Python, with all that can go wrong
        raise ValueError(f"an array with a damaged header: {error}") from error
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    if math.prod(shape) * dtype.itemsize != len(data) - start.tell():
        raise ValueError("an array that is cut short")
    array: NDArray[Any] = np.ndarray(
        shape, dtype, buffer=data, offset=start.tell(), order="F" if fortran else "C"
    )
    # A copy is aligned and does not keep the surrounding message alive.
    return array.copy(order="K")


def _check(expected: Any, value: object) -> object:
    """Accept an array where ``NDArray[dtype]`` is expected, provided it has that dtype."""
    if (get_origin(expected) or expected) is not np.ndarray:
        raise ValueError(f"{expected} cannot be stored")
    if not isinstance(value, np.ndarray):
        raise ValueError("no array")
    parameters = get_args(expected)  # shape and dtype, the dtype again with its scalar type
    for scalar in get_args(parameters[1]) if parameters else ():
        kind = get_origin(scalar) or scalar  # np.floating has a parameter of its own
        if kind is not Any and not (value.dtype.isnative and issubclass(value.dtype.type, kind)):
            raise ValueError(f"an array of {value.dtype}, not of {kind.__name__}")
    return value


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_pack, order="deterministic")


def key(analysis: str, version: int, fingerprints: Sequence[str], request: object) -> str:
    """64 hexadecimal digits that change with anything the result depends on.

    Args:
        analysis: Name of the analysis.
        version: Its version; a new one where the same request gives another result.
        fingerprints: One a model, in the order the request names them (see `fingerprint`).
        request: Prompt and parameters, anything that `codec.encode` takes. Adding a field to a
            request's structure changes its keys, with or without a default.
    """
    parts = (analysis, version, tuple(fingerprints), request)
    return hashlib.sha256(encode(parts)).hexdigest()
