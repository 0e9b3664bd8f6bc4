"""Messages between the session and its engine process: length-prefixed, no pickle.

Messages carry requests and results as bytes, and the class of a request by name; the request tells
which result answers it. So the protocol does not list them.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import msgspec

from analysis.events import (
    Cancelled,
    Event,
    Failed,
    Finished,
    ModelFacts,
    Notice,
    Partial,
    Pause,
    Progress,
)
from analysis.request import Request, named
from cache.codec import CorruptDataError, decode, encode

_LENGTH = struct.Struct(">Q")
HEADER_SIZE = _LENGTH.size


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Session to engine: answer this encoded request, whose class is `kind`, ``module:class``."""

    job: int
    kind: str
    request: bytes

    @classmethod
    def of(cls, job: int, request: Request[Any]) -> Run:
        kind = type(request)
        return cls(job, f"{kind.__module__}:{kind.__qualname__}", encode(request))

    def asked(self) -> Request[Any]:
        """The request; CorruptDataError if it is not one."""
        kind = named(self.kind)
        if not (isinstance(kind, type) and issubclass(kind, Request)):
            raise CorruptDataError(self.kind)
        return decode(self.request, kind)


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Session to engine: cancel this job at the next batch or layer."""

    job: int


class GoOn(msgspec.Struct, frozen=True, tag="go_on"):
    """Session to engine: nobody uses this job's pause; the other answer to one is `Cancel`."""

    job: int


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """A result, encoded, complete or partial."""

    result: bytes
    whole: bool


class Said(msgspec.Struct, frozen=True, tag="said"):
    """Engine to session: an event of a running request."""

    job: int
    news: Progress | Notice | Pause | Failed | Cancelled | Answer

    @classmethod
    def of(cls, job: int, event: Event) -> Said:
        if isinstance(event, Partial | Finished):
            return cls(job, Answer(encode(event.result), isinstance(event, Finished)))
        return cls(job, event)

    def event(self, request: Request[Any]) -> Event:
        if not isinstance(self.news, Answer):
            return self.news
        result = decode(self.news.result, type(request).result_type())
        return Finished(result) if self.news.whole else Partial(result)


class Holds(msgspec.Struct, frozen=True, tag="holds"):
    """Engine to session: running, idle, and holding these models in memory."""

    models: tuple[ModelFacts, ...]


ToEngine = Run | Cancel | GoOn
FromEngine = Said | Holds


def frame(message: ToEngine | FromEngine) -> bytes:
    body = encode(message)
    return _LENGTH.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """Length in bytes of the message after a header of `HEADER_SIZE` bytes."""
    length: int = _LENGTH.unpack(header)[0]
    return length


def read_frame(stream: BinaryIO) -> bytes | None:
    """Wait for the next message and return its body; None at the end of the stream."""
    header = stream.read(HEADER_SIZE)
    if len(header) < HEADER_SIZE:
        return None
    length = body_length(header)
    body = stream.read(length)
    return body if len(body) == length else None
