"""Annotating through an endpoint that is not ours: ``transformers serve``, killed half way."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from analysis.concepts.annotation.annotation import Annotation, Subject
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.openai_completer import OpenAICompleter
from analysis.concepts.annotation.plan import plan
from analysis.concepts.annotation.runner import annotate
from analysis.concepts.annotation.templates import Templates, load_templates
from analysis.problems import ProblemError
from analysis.servers.endpoint import Endpoint
from analysis.servers.pace import Pace
from tests.support.chat_server import (
    ChatServer,
    Fault,
    chat_server,
    error_body,
    free_port,
    start_transformers_server,
)

DEMO = Path(__file__).parents[2] / "analysis" / "demo" / "weights" / "demo-tuned"
# The demo's chat template knows no system role, and its world knows no linguistics.
TEMPLATES = """
system_role = false
[description]
role = "Answer in one word."
turn = "Name one thing that belongs to these: {}"
examples = [["red, green, blue", "colours"]]
max_tokens = 24
[scenarios]
role = "Say what it is of use for."
turn = "What is {} of use for?"
examples = [["colours", "daily writing"]]
max_tokens = 24
[level]
role = "Say what it is."
turn = "What is {}?"
examples = [["colours", "semantics"]]
max_tokens = 24
"""
SUBJECTS = [
    Subject("demo", 0, number, words)
    for number, words in enumerate(
        [("cat", "dog", "horse"), ("apple", "pear"), ("Paris", "Rome"), ("red", "blue"), ("one",)]
    )
]
QUICK = Pace(concurrency=2, attempts=3, first_wait=0.2)


class Server:
    """``transformers serve`` on one port, started and killed at will, behind a faulty front."""

    def __init__(self, front: ChatServer, log: Path) -> None:
        self.front = front
        self._log = log
        self._port = free_port()
        self._process: Popen[bytes] | None = None
        front.upstream = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._process = start_transformers_server(self._port, self._log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with chat_server() as front:
        made = Server(front, tmp_path / "log")
        made.start()
        yield made
        made.kill()


@pytest.fixture
def small_templates(tmp_path: Path) -> Templates:
    file = tmp_path / "templates.toml"
    file.write_text(TEMPLATES)
    return load_templates(file)


@pytest.mark.slow
def test_a_real_server_with_faults_before_it_killed_half_way_and_resumed(
    server: Server, small_templates: Templates, tmp_path: Path
) -> None:
    front = server.front
    # Refused, failing and malformed before it is asked at all, and killed after six answers.
    front.faults.extend(
        [
            Fault(429, {"Retry-After": "0.5"}, error_body("slow down")),
            Fault(500),
            Fault(body=b'{"choices": []}'),
        ]
    )
    killer = threading.Thread(target=_kill_after, args=(server, 6))
    killer.start()
    with pytest.raises(ProblemError) as caught:
        annotated(front, small_templates, tmp_path)
    killer.join()
    assert caught.value.problem.kind == "network"
    kept = len(AnswerFile(tmp_path / "answers"))
    assert 6 <= kept == len(front.answered)
    left = plan(SUBJECTS, small_templates, str(DEMO), AnswerFile(tmp_path / "answers"), repeats=2)
    assert 0 < left.requests < len(SUBJECTS) * 2 * 3

    server.start()
    asked_before = len(front.asked)
    found = annotated(front, small_templates, tmp_path)
    assert all(each.complete for each in found)
    assert any(each.outcome == "described" for each in found)
    assert len(front.asked) - asked_before <= left.requests
    # A sampled question is asked once by the second repeat alone: every body comes once.
    times = Counter(_comparable(body) for body in front.answered)
    assert set(times.values()) == {1}
    assert len(AnswerFile(tmp_path / "answers")) == len(times)

    asked = len(front.asked)
    assert annotated(front, small_templates, tmp_path) == found
    assert len(front.asked) == asked


def annotated(front: ChatServer, templates: Templates, folder: Path) -> tuple[Annotation, ...]:
    """The subjects, described by the demo's tuned model behind the front."""
    completer = OpenAICompleter(Endpoint(str(DEMO), front.address, "none"), seconds=240)
    answers = AnswerFile(folder / "answers")
    return annotate(SUBJECTS, completer, templates, answers, repeats=2, pace=QUICK)


def _kill_after(server: Server, answers: int) -> None:
    wait = threading.Event()
    while len(server.front.answered) < answers:
        wait.wait(0.005)
    server.kill()


def _comparable(body: dict[str, Any]) -> str:
    return repr(sorted(body.items()))
