"""Reads one map of an archive by its place, without the archive's directory in memory.

A directory of a hundred thousand maps takes a second to read, and as Python objects 100 MB.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.files.json_lines import broken
from analysis.saliency.cases.entries import missing

SUFFIX = ".npy"
_HEAD = struct.Struct("<4s22xHH")
# What stands before an array, at most: its header's length has two bytes.
_LONGEST_HEADER = (1 << 16) + 16


class Member(NamedTuple):
    """Where a map lies: offset of its local header, packed size, checksum, compression."""

    at: int
    packed: int
    crc: int
    method: int


def members(path: Path) -> Iterator[tuple[str, Member]]:
    """(case id, place) of every map, in the archive's order; raises ProblemError, ``storage``."""
    try:
        with zipfile.ZipFile(path) as archive:
            for each in archive.infolist():
                if each.filename.endswith(SUFFIX):
                    name = each.filename.removesuffix(SUFFIX)
                    place = each.header_offset, each.compress_size, each.CRC, each.compress_type
                    yield name, Member(*place)
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, zipfile.BadZipFile) as error:
        raise broken(path, None, f"It is no archive: {error}.") from None


def read_map(
    descriptor: int, path: Path, case_id: str, member: Member, shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """The uint8 [N, M] array of a case.

    Its header is trusted only if it agrees with `shape`, which the tokens tell.

    Raises:
        ProblemError: ``storage``, for a map that is damaged, of another shape, or another case's.
    """
    count = shape[0] * shape[1]
    try:
        file = BytesIO(_unpacked(descriptor, path, case_id, member, count + _LONGEST_HEADER))
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        stored, fortran, dtype = read(file)
        if dtype != np.uint8 or stored != shape:
            raise broken(
                path,
                None,
                f"The map of case {case_id!r} should be uint8 {shape}, but it is {dtype} {stored}.",
            )
        data = file.read()
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise broken(path, None, f"Case {case_id!r} cannot be read: {error}.") from None
    if len(data) != count:
        raise broken(path, None, f"The map of case {case_id!r} is cut short or too long.")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape, order="F" if fortran else "C")


def _unpacked(descriptor: int, path: Path, case_id: str, member: Member, most: int) -> bytes:
    """A member's bytes, no more than `most`, if they are the case's and agree with their sum."""
    name = f"{case_id}{SUFFIX}"
    if member.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    mark, name_length, extra = _HEAD.unpack(os.pread(descriptor, _HEAD.size, member.at).ljust(30))
    found = os.pread(descriptor, name_length, member.at + _HEAD.size)
    if mark != b"PK\3\4" or found not in (name.encode(), name.encode("cp437", "replace")):
        raise zipfile.BadZipFile("its place holds something else")
    start = member.at + _HEAD.size + name_length + extra
    data = os.pread(descriptor, member.packed, start)
    if member.method == zipfile.ZIP_DEFLATED:
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, most)
    if zlib.crc32(data) != member.crc:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {name!r}")
    return data
