"""A file of named arrays behind lines of text: written whole or not at all, read in a flash.

The text comes first, because it is written while the arrays grow; then the arrays, and at the end
what the file is about as JSON, with the arrays' places and checksum. The text is not read with it.
"""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from analysis.files.writing import whole_bytes

_MAGIC = b"insttui1"
_TAIL = struct.Struct("<QI8s")  # length and checksum of the JSON


class _Array(msgspec.Struct):
    name: str
    dtype: str
    shape: tuple[int, ...]


class _End(msgspec.Struct):
    about: msgspec.Raw
    text: int
    arrays: list[_Array]
    checksum: int


def write_columns(
    path: Path, about: object, arrays: Mapping[str, NDArray[Any]], text: BinaryIO | None = None
) -> None:
    """Write arrays of numbers, and what they are about, behind the text of a stream.

    Raises:
        OSError: The file cannot be written; the one that was there stays.
    """
    with whole_bytes(path) as stream:
        size = 0
        if text is not None:
            text.seek(0)
            shutil.copyfileobj(text, stream, 1 << 20)
            size = text.tell()
        checksum, listed = 0, []
        for name, each in arrays.items():
            data = np.ascontiguousarray(each)
            checksum = zlib.crc32(data.tobytes(), checksum)
            stream.write(data.tobytes())
            listed.append(_Array(name, data.dtype.str, data.shape))
        raw = msgspec.Raw(msgspec.json.encode(about))
        end = msgspec.json.encode(_End(raw, size, listed, checksum))
        stream.write(end + _TAIL.pack(len(end), zlib.crc32(end), _MAGIC))


def read_columns(
    descriptor: int, type_: type[Any]
) -> tuple[Any, dict[str, NDArray[Any]], int] | None:
    """What an open file is about, its arrays, and the length of its text.

    None for a file that is none of these, damaged, or about something else than `type_`.
    """
    size = os.fstat(descriptor).st_size
    if size < _TAIL.size:
        return None
    length, checksum, magic = _TAIL.unpack(os.pread(descriptor, _TAIL.size, size - _TAIL.size))
    if magic != _MAGIC or length > size - _TAIL.size:
        return None
    data = os.pread(descriptor, length, size - _TAIL.size - length)
    if zlib.crc32(data) != checksum:
        return None
    try:
        end = msgspec.json.decode(data, type=_End)
        about = msgspec.json.decode(end.about, type=type_)
    except msgspec.DecodeError:
        return None
    data = os.pread(descriptor, size - _TAIL.size - length - end.text, end.text)
    if zlib.crc32(data) != end.checksum:
        return None
    arrays, at = {}, 0
    for each in end.arrays:
        count = int(np.prod(each.shape))
        found = np.frombuffer(data, np.dtype(each.dtype), count, at).reshape(each.shape)
        arrays[each.name] = found
        at += found.nbytes
    return about, arrays, end.text
