"""Subjects annotated by a server that answers to order."""

from __future__ import annotations

import json
from pathlib import Path

from analysis.concepts.annotation.annotation import Annotation
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.asking import Pace
from analysis.concepts.annotation.endpoint import Endpoint
from analysis.concepts.annotation.openai_completer import OpenAICompleter
from analysis.concepts.annotation.runner import annotate
from analysis.concepts.annotation.templates import Templates
from tests.support.chat_server import MODEL, ChatServer
from tests.support.scripted_completer import subjects

KEY = "sk-very-secret-0123456789"
QUICK = Pace(concurrency=1, attempts=3, first_wait=0.01)


def described(
    server: ChatServer,
    templates: Templates,
    folder: Path,
    *,
    count: int = 1,
    repeats: int = 1,
    pace: Pace = QUICK,
    seconds: float = 20.0,
) -> tuple[Annotation, ...]:
    """Some subjects annotated by the server."""
    completer = OpenAICompleter(Endpoint(MODEL, server.address, KEY), seconds=seconds)
    answers = AnswerFile(folder / "answers")
    return annotate(subjects(count), completer, templates, answers, repeats=repeats, pace=pace)


def body(**content: object) -> bytes:
    """A server's answer."""
    return json.dumps(content).encode()
