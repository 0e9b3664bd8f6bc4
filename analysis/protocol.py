"""What travels between the session and its engine process: length-prefixed messages, no pickle."""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

from analysis.events import Event
from analysis.requests import Request
from analysis.results import ModelFacts
from cache.codec import encode

_LENGTH = struct.Struct(">Q")
HEADER_SIZE = _LENGTH.size


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Session to engine: answer this."""

    job: int
    request: Request


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Session to engine: give this up at the next batch or layer."""

    job: int


class Said(msgspec.Struct, frozen=True, tag="said"):
    """Engine to session: an event of a running request."""

    job: int
    event: Event


class Holds(msgspec.Struct, frozen=True, tag="holds"):
    """Engine to session: up, idle, and these models are in memory."""

    models: tuple[ModelFacts, ...]


ToEngine = Run | Cancel
FromEngine = Said | Holds


def frame(message: ToEngine | FromEngine) -> bytes:
    """A message as it goes over the pipe."""
    body = encode(message)
    return _LENGTH.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """Bytes of the message that follows a header of `HEADER_SIZE` bytes."""
    length: int = _LENGTH.unpack(header)[0]
    return length


def read_frame(stream: BinaryIO) -> bytes | None:
    """The body of the next message, waiting for it; None at the end of the stream."""
    header = stream.read(HEADER_SIZE)
    if len(header) < HEADER_SIZE:
        return None
    length = body_length(header)
    body = stream.read(length)
    return body if len(body) == length else None
