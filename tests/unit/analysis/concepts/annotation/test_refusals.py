"""What a server refuses reaches the user in its words, with what helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.concepts.annotation.answer_file import AnswerFile
from analysis.concepts.annotation.endpoint import Endpoint
from analysis.concepts.annotation.openai_completer import OpenAICompleter
from analysis.concepts.annotation.runner import annotate
from analysis.concepts.annotation.templates import Templates
from analysis.problems import Problem, ProblemError
from tests.support.chat_server import MODEL, ChatServer, Fault, completion_body, error_body
from tests.support.scripted_completer import subjects
from tests.unit.analysis.concepts.annotation.described import KEY, QUICK, body, described


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(401, body=error_body(f"Incorrect API key: {KEY}")), "input", "OPENAI_API_KEY"),
        (Fault(403, body=error_body("no")), "input", "OPENAI_API_KEY"),
        (Fault(404, body=error_body("no such model")), "input", "no such model"),
        (Fault(400, body=error_body("temperature is fixed")), "input", "temperature is fixed"),
        (
            Fault(429, body=error_body("you are broke", "insufficient_quota")),
            "input",
            "no credit left",
        ),
    ],
)
def test_a_refusal_is_not_repeated_and_says_what_to_do(
    server: ChatServer, templates: Templates, tmp_path: Path, fault: Fault, kind: str, words: str
) -> None:
    server.faults.append(fault)
    with pytest.raises(ProblemError) as caught:
        described(server, templates, tmp_path)
    assert caught.value.problem.kind == kind
    assert words in str(caught.value)
    assert caught.value.problem.remedy
    assert len(server.asked) == 1


def refused(server: ChatServer, templates: Templates, folder: Path, fault: Fault) -> Problem:
    """What is said where a server answers like that for good."""
    server.faults.extend([fault] * 10)
    with pytest.raises(ProblemError) as caught:
        described(server, templates, folder)
    return caught.value.problem


NO_SYSTEM_ROLE = [
    Fault(400, body=body(object="error", message="System role not supported", code=400)),
    Fault(
        400,
        body=body(message="Conversation roles must alternate user/assistant/user/assistant/..."),
    ),
    Fault(400, body=body(detail="Only user and assistant roles are supported!")),
    Fault(
        400,
        body=error_body(
            "Unsupported value: 'messages[0].role' does not support 'system' with this model."
        ),
    ),
    Fault(400, body=error_body("Developer instruction is not enabled for models/gemma-3-4b-it")),
    # Said with the status of a server that has failed, and meant for good.
    Fault(500, body=body(error={"code": 500, "message": "Jinja: System role not supported"})),
    Fault(200, body=body(error="the template has no system role")),
]


@pytest.mark.parametrize("fault", NO_SYSTEM_ROLE, ids=lambda fault: fault.body[:60].decode())
def test_a_model_without_a_system_role_is_told_of_the_templates_that_need_none(
    server: ChatServer, templates: Templates, tmp_path: Path, fault: Fault
) -> None:
    problem = refused(server, templates, tmp_path, fault)
    assert "system_role = false" in problem.remedy
    assert problem.remedy.count("templates.toml") == 1
    assert len(server.asked) == 1


# What a server sends, what is quoted of it, what helps, how often it is asked.
REASONS = {
    "an error that came with status 200": (
        Fault(body=body(error={"message": "Provider returned error: out of credits", "code": 402})),
        "out of credits",
        "Add to it",
        1,
    ),
    "an error of a provider behind the server": (
        Fault(
            body=body(
                error={
                    "message": "Provider returned error",
                    "code": 400,
                    "metadata": {"raw": '{"error": {"message": "top_k is odd"}}'},
                }
            )
        ),
        "Provider returned error: top_k is odd.",
        "one for chat",
        1,
    ),
    "an error in a choice": (
        Fault(
            body=completion_body(
                "names", finish_reason="error", error={"code": 502, "message": "upstream broke off"}
            )
        ),
        "status 502: upstream broke off.",
        "Go on later",
        3,
    ),
    "an error without a code": (
        Fault(body=body(error="Unexpected endpoint or method. (POST /chat/completions)")),
        "Unexpected endpoint or method.",
        "OPENAI_BASE_URL",
        3,
    ),
    "a detail": (
        Fault(422, body=body(detail="the field stop is not permitted")),
        "the field stop is not permitted",
        "one for chat",
        1,
    ),
    "a list of details": (
        Fault(
            422,
            body=body(
                detail=[
                    {"loc": ["body", "model"], "msg": "Field required", "type": "missing"},
                    {"loc": ["body", "n", 0], "msg": "Input should be 1", "type": "int"},
                ]
            ),
        ),
        "body.model: Field required; body.n.0: Input should be 1.",
        "one for chat",
        1,
    ),
    "a detail in a message": (
        Fault(422, body=body(message={"detail": [{"loc": ["body"], "msg": "too odd"}]})),
        "body: too odd.",
        "one for chat",
        1,
    ),
    "a text": (
        Fault(404, body=body(error="model 'm' not found, try pulling it first")),
        "try pulling it first",
        "the model's name",
        1,
    ),
    "a list": (
        Fault(400, body=b'[{"error": {"code": 400, "message": "API key not valid."}}]'),
        "API key not valid.",
        "one for chat",
        1,
    ),
    "a missing model with another status": (
        Fault(400, body=error_body("The model `m` does not exist", "model_not_found")),
        "does not exist",
        "the model's name",
        1,
    ),
    "a page": (
        Fault(
            502,
            {"Content-Type": "text/html"},
            b"<!DOCTYPE html>\n<html><head><title>m.org | 502: Bad\n gateway</title>"
            + b"<style>p {}</style></head><body>"
            + b"<p>long</p>" * 900
            + b"</body></html>",
        ),
        "status 502: m.org | 502: Bad gateway.",
        "Go on later",
        3,
    ),
    "a page without a title": (
        Fault(405, {"Content-Type": "text/html"}, b"<h1>Not &amp; allowed</h1><hr>nginx"),
        "status 405: Not & allowed nginx.",
        "OPENAI_BASE_URL",
        1,
    ),
    "a page in place of a completion": (
        Fault(200, {"Content-Type": "text/html"}, b"<html><title>Please log in</title></html>"),
        "It begins: Please log in.",
        "OPENAI_BASE_URL",
        3,
    ),
    "no choices": (
        Fault(body=body(id="1", choices=[])),
        "list of choices is empty",
        "another model",
        3,
    ),
    "no reason at all": (Fault(418), "status 418.", "one for chat", 1),
    "a fixed temperature": (
        Fault(
            400,
            body=error_body("'temperature' does not support 0 with this model. Only the default"),
        ),
        "does not support 0",
        "Choose a model that lets temperature and top_p be chosen",
        1,
    ),
    "no top_p": (
        Fault(400, body=error_body("`temperature` and `top_p` cannot both be specified")),
        "cannot both be",
        "Choose a model that lets temperature and top_p be chosen",
        1,
    ),
    "no limit of tokens by either name": (
        Fault(422, body=body(detail="the field max_tokens is not permitted")),
        "max_tokens is not permitted",
        "choose another model",
        2,
    ),
    "a limit that is too high": (
        Fault(400, body=error_body("max_tokens must be at most 32")),
        "at most 32",
        "max_tokens in a copy",
        1,
    ),
    "too much to read": (
        Fault(400, body=error_body("This model's maximum context length is 512 tokens.")),
        "512 tokens.",
        "--words",
        1,
    ),
    "what the key may not be used for": (
        Fault(403, body=error_body("Project proj_1 does not have access to model m")),
        "does not have access to model m",
        "OPENAI_API_KEY",
        1,
    ),
    "a key that is wrong": (
        Fault(401, body=error_body("Incorrect API key provided: sk-ve*************6789.")),
        "Incorrect API key provided: [key]",
        "OPENAI_API_KEY",
        1,
    ),
}


@pytest.mark.parametrize("case", REASONS)
def test_the_servers_reason_reaches_the_user_with_a_remedy(
    server: ChatServer, templates: Templates, tmp_path: Path, case: str
) -> None:
    fault, quoted, helps, times = REASONS[case]
    problem = refused(server, templates, tmp_path, fault)
    assert quoted in problem.why
    assert len(problem.why) < 400
    assert helps in problem.remedy
    assert len(server.asked) == times


def test_a_missing_key_is_asked_for(
    server: ChatServer, templates: Templates, tmp_path: Path
) -> None:
    server.faults.append(Fault(401, body=error_body("You didn't provide an API key.")))
    completer = OpenAICompleter(Endpoint(MODEL, server.address))
    with pytest.raises(ProblemError, match=r"asks for a key\. .*didn't provide.* Set OPENAI_API"):
        annotate(subjects(1), completer, templates, AnswerFile(tmp_path / "answers"), pace=QUICK)
