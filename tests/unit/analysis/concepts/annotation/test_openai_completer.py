"""OpenAI's client against a server that misbehaves to order: each fault, in one's own words."""

from __future__ import annotations

import logging
import threading
import traceback
from pathlib import Path

import pytest

from analysis.concepts.annotation.annotation import gap_notes
from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.openai_completer import OpenAICompleter
from analysis.concepts.annotation.runner import annotate
from analysis.concepts.annotation.templates import Templates
from analysis.problems import ProblemError
from analysis.servers.endpoint import Endpoint
from tests.support.chat_server import (
    MODEL,
    ChatServer,
    Fault,
    error_body,
    free_port,
    sensible,
)
from tests.support.program import wait_until
from tests.support.scripted_completer import subjects
from tests.unit.analysis.concepts.annotation.described import (
    KEY,
    QUICK,
    Describe,
    failed,
    sent,
    written,
)

NEWER_NAME = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
NO_COMPLETIONS = (
    *(b"", b"not JSON", b"[]", b"null", b'{"choices": []}', b'{"choices": null}'),
    b'{"choices": [{"message": null}]}',
    b'{"choices": [{"message": {"content": 7}}]}',
    b'{"choices": [{"message": {"content": ["a"]}}]}',
    b"\xff\xfe\x00",
    b'{"choices": [{"mess',
)


def test_the_three_steps_through_the_client(server: ChatServer, describe: Describe) -> None:
    found = describe(count=2, repeats=2)
    assert {each.description for each in found} == {"names of months"}
    assert found[0].scenarios == ("daily writing", "translation")
    assert len(server.asked) == 2 * 2 + 2


def test_the_conversation_is_sent_and_nothing_else(
    server: ChatServer, templates: Templates, describe: Describe
) -> None:
    describe(repeats=2)
    greedy = [body for body in server.asked if body["temperature"] == 0]
    sampled = [body for body in server.asked if body["temperature"] == 1]
    fields = {"model", "messages", "temperature", "max_tokens"}
    assert all(body.keys() == fields for body in greedy)
    assert [body["top_p"] for body in sampled] == [0.9]
    subjects_of_steps = {
        "description": "base0, word0, und",
        "scenarios": "names of months",
        "level": "names of months",
    }
    allowed = {
        turn.content
        for step, subject in subjects_of_steps.items()
        for turn in templates.messages(step, subject)  # type: ignore[arg-type]
    }
    assert {turn["content"] for body in server.asked for turn in body["messages"]} == allowed
    headers = {name.lower(): value for name, value in server.headers[0].items()}
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["user-agent"] == "insttui"
    told = [name.removeprefix("x-stainless-") for name in headers if "x-stainless-" in name]
    assert all("retry" in name or "timeout" in name for name in told)


@pytest.mark.parametrize(
    "fault",
    [
        failed(429, "slow down"),
        Fault(500, body=b"<html>oops</html>"),
        Fault(503),
        Fault(408),
        Fault(dropped=True),
        Fault(200, {"Content-Type": "text/html"}, b"<html>a login page</html>"),
        Fault(200, {"Content-Encoding": "gzip"}, b"not compressed"),
        *(Fault(200, body=body) for body in NO_COMPLETIONS),
    ],
    ids=lambda fault: f"{fault.status}-{fault.body[:30]!r}" if not fault.dropped else "dropped",
)
def test_a_request_that_fails_is_made_again(
    server: ChatServer, describe: Describe, fault: Fault
) -> None:
    server.faults.append(fault)
    assert describe()[0].complete
    assert len(server.asked) == 4
    assert server.asked[0] == server.asked[1]


@pytest.mark.parametrize(
    ("headers", "date_in"), [({"Retry-After": "0.7"}, 0), ({}, 2)], ids=["seconds", "date"]
)
def test_it_waits_as_long_as_the_server_says(
    server: ChatServer, describe: Describe, headers: dict[str, str], date_in: int
) -> None:
    server.faults.append(Fault(429, headers, error_body("slow down"), date_in=date_in))
    describe()
    assert server.times[1] - server.times[0] >= 0.7


def test_a_server_that_takes_too_long_is_asked_again_and_then_named(
    server: ChatServer, describe: Describe
) -> None:
    release = threading.Event()
    server.faults.extend([Fault(held=release)] * 3)
    try:
        with pytest.raises(ProblemError, match=r"did not answer within 1 seconds") as caught:
            describe(seconds=1.0)
        assert caught.value.problem.kind == "network"
        # A server that is slow itself may still be reading what it was asked.
        wait_until(lambda: len(server.asked) >= 3, "three requests")
    finally:
        release.set()
    assert len(server.asked) == 3


def test_a_server_that_is_not_there_is_named(templates: Templates, tmp_path: Path) -> None:
    port = free_port()
    completer = OpenAICompleter(Endpoint(MODEL, f"http://127.0.0.1:{port}/v1"))
    with pytest.raises(ProblemError, match=f"127.0.0.1:{port}/v1 cannot be reached") as caught:
        annotate(subjects(1), completer, templates, AnswerFile(tmp_path / "answers"), pace=QUICK)
    assert "address" in caught.value.problem.remedy


@pytest.mark.parametrize(
    "fault",
    [failed(400, "filtered", "content_filter"), written(None, finish_reason="content_filter")],
)
def test_words_that_a_server_will_not_speak_of_are_not_asked_about_again(
    server: ChatServer, describe: Describe, fault: Fault
) -> None:
    server.faults.append(fault)
    assert describe()[0].outcome == "unparsed"
    describe()
    assert len(server.asked) == 1


def test_after_an_interruption_no_answered_request_is_repeated(
    server: ChatServer, describe: Describe
) -> None:
    def answer(body: dict[str, object]) -> str:
        if len(server.answered) == 7:
            server.faults.extend([Fault(500)] * 3)
        return sensible(body)

    server.answer = answer
    with pytest.raises(ProblemError):
        describe(count=5, repeats=3)
    assert len(server.answered) < 15
    describe(count=5, repeats=3)
    # Repeats of a sampled question have the same body: count each as often as it may be asked.
    for asked in server.answered:
        assert server.answered.count(asked) <= 1 + (asked["temperature"] == 1)
    assert len(server.answered) == 5 * 3 + 2


def test_the_key_reaches_nothing_that_is_written_of_errors(
    server: ChatServer,
    describe: Describe,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not a log at its most talkative, the screen, or an error's traceback."""
    for name in ("", "openai", "httpx2", "httpcore2"):
        caplog.set_level(logging.DEBUG, logger=name)
    describe(repeats=2)
    written = ""
    for status in (400, 401, 404, 429, 500):
        server.faults.extend([failed(status, f"your key is {KEY}")] * 3)
        with pytest.raises(ProblemError) as caught:
            describe(count=9)
        server.faults.clear()
        written += "".join(traceback.format_exception(caught.value))
    assert "your key is [key]" in written
    assert "chat/completions" in caplog.text
    written += caplog.text + "".join(capfd.readouterr())
    written += "".join(file.read_text() for file in tmp_path.rglob("*") if file.is_file())
    assert KEY not in written


@pytest.mark.parametrize("key", ["none", "test", "x", "e", "words", KEY])
def test_an_answer_is_kept_as_it_came_whatever_the_key_is(
    server: ChatServer, describe: Describe, tmp_path: Path, key: str
) -> None:
    """Servers on one's own machine are given any word as a key, and answers have words in them."""
    text = f"words for testing, none like {KEY}"
    server.answer = lambda body: text if "hidden" in body["messages"][0]["content"] else "none"
    (found,) = describe(key=key)
    assert (found.description, found.scenarios) == (text, ())
    assert text in (tmp_path / "answers").read_text()


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    "content",
    [
        {"detail": [{"loc": ["body", "max_tokens"], "msg": "Extra inputs are not permitted"}]},
        {"error": "Unrecognized request argument supplied: max_tokens"},
        {"message": "max_tokens is deprecated"},
        {"error": {"message": NEWER_NAME, "code": "unsupported_parameter"}},
    ],
)
def test_a_limit_that_is_unknown_is_asked_for_by_its_newer_name(
    server: ChatServer, describe: Describe, content: dict[str, object], status: int
) -> None:
    server.faults.append(sent(status, **content))
    assert describe()[0].complete
    limits = [body.keys() & {"max_tokens", "max_completion_tokens"} for body in server.asked]
    assert limits == [{"max_tokens"}, *[{"max_completion_tokens"}] * 3]


@pytest.mark.parametrize(
    ("text", "ended", "gap"),
    [
        ("names of", "content_filter", "filter"),
        (None, "content_filter", "filter"),
        ("names of", "length", "cut"),
        (None, "length", "cut"),
        (" ", "stop", "empty"),
        (None, "stop", "empty"),
    ],
)
def test_what_is_not_the_models_whole_answer_is_not_taken_for_one_and_is_told(
    server: ChatServer, describe: Describe, text: str | None, ended: str, gap: str
) -> None:
    server.faults.append(written(text, finish_reason=ended))
    found = describe()
    assert (found[0].outcome, found[0].gaps) == ("unparsed", (gap,))
    (note,) = gap_notes(found)
    assert note.startswith("1 of 1 descriptions has ")


def test_a_refusal_is_kept_in_its_words_and_told(server: ChatServer, describe: Describe) -> None:
    message = {"role": "assistant", "content": None, "refusal": "cannot tell"}
    server.faults.append(written(None, message=message))
    found = describe(count=2)
    assert [each.gaps for each in found] == [("refusal",), ()]
    assert (found[0].raw[0], found[0].outcome) == ("cannot tell", "unparsed")
    assert gap_notes(found)[0].startswith("1 of 2 descriptions has no answer because the model ref")
