"""What travels between the session and its engine process: length-prefixed messages, no pickle.

Requests and results travel as bytes within a message, and the class of a request by its name: who
reads them knows from the request which result answers it. So no message lists them.
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
    Progress,
)
from analysis.request import Request, named
from cache.codec import CorruptDataError, decode, encode

_LENGTH = struct.Struct(">Q")
HEADER_SIZE = _LENGTH.size


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Session to engine: answer this.

    Attributes:
        job: Number of the job.
        kind: ``module:class`` of the request.
        request: The request, encoded.
    """

    job: int
    kind: str
    request: bytes

    @classmethod
    def of(cls, job: int, request: Request[Any]) -> Run:
        """The message that asks for the answer to a request."""
        kind = type(request)
        return cls(job, f"{kind.__module__}:{kind.__qualname__}", encode(request))

    def asked(self) -> Request[Any]:
        """The request.

        Raises:
            CorruptDataError: It is none.
        """
        kind = named(self.kind)
        if not (isinstance(kind, type) and issubclass(kind, Request)):
            raise CorruptDataError(self.kind)
        return decode(self.request, kind)


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Session to engine: give this up at the next batch or layer."""

    job: int


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """A result, whole or still growing, encoded."""

    result: bytes
    whole: bool


class Said(msgspec.Struct, frozen=True, tag="said"):
    """Engine to session: an event of a running request."""

    job: int
    news: Progress | Notice | Failed | Cancelled | Answer

    @classmethod
    def of(cls, job: int, event: Event) -> Said:
        """The message that passes an event on."""
        if isinstance(event, Partial | Finished):
            return cls(job, Answer(encode(event.result), isinstance(event, Finished)))
        return cls(job, event)

    def event(self, request: Request[Any]) -> Event:
        """What was said of a request."""
        if not isinstance(self.news, Answer):
            return self.news
        result = decode(self.news.result, type(request).result_type())
        return Finished(result) if self.news.whole else Partial(result)


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
