"""Subjects annotated by a server that answers to order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from analysis.concepts.annotation.annotation import Annotation
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.openai_completer import OpenAICompleter
from analysis.concepts.annotation.runner import annotate
from analysis.concepts.annotation.templates import Templates
from analysis.servers.endpoint import Endpoint
from analysis.servers.pace import Pace
from tests.support.chat_server import (
    MODEL,
    ChatServer,
    Fault,
    completion_body,
    error_body,
)
from tests.support.scripted_completer import subjects

KEY = "sk-very-secret-0123456789"
QUICK = Pace(concurrency=1, attempts=3, first_wait=0.01)
Describe = Callable[..., tuple[Annotation, ...]]


def described(
    server: ChatServer,
    templates: Templates,
    folder: Path,
    *,
    count: int = 1,
    repeats: int = 1,
    seconds: float = 20.0,
    key: str = KEY,
) -> tuple[Annotation, ...]:
    """Some subjects annotated by the server."""
    completer = OpenAICompleter(Endpoint(MODEL, server.address, key), seconds=seconds)
    answers = AnswerFile(folder / "answers")
    return annotate(subjects(count), completer, templates, answers, repeats=repeats, pace=QUICK)


def sent(status: int = 200, **content: object) -> Fault:
    """A server's answer in JSON."""
    return Fault(status, body=json.dumps(content).encode())


def failed(status: int, message: str, code: str = "") -> Fault:
    """An error as OpenAI words it."""
    return Fault(status, body=error_body(message, code))


def written(text: str | None, **choice: object) -> Fault:
    """A completion that is no usual one."""
    return Fault(body=completion_body(text, **choice))
