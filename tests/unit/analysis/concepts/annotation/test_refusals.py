"""What a server refuses reaches the user in its words, with what helps."""

from __future__ import annotations

import pytest

from analysis.problems import Problem, ProblemError
from tests.support.chat_server import ChatServer, Fault
from tests.unit.analysis.concepts.annotation.described import KEY, Describe, failed, sent, written


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (failed(401, f"Incorrect API key: {KEY}"), "OPENAI_API_KEY"),
        (failed(403, "no"), "OPENAI_API_KEY"),
        (failed(404, "no such model"), "no such model"),
        (failed(400, "temperature is fixed"), "temperature is fixed"),
        (failed(429, "you are broke", "insufficient_quota"), "no credit left"),
    ],
)
def test_a_refusal_is_not_repeated_and_says_what_to_do(
    server: ChatServer, describe: Describe, fault: Fault, words: str
) -> None:
    server.faults.append(fault)
    with pytest.raises(ProblemError) as caught:
        describe()
    assert caught.value.problem.kind == "input"
    assert words in str(caught.value)
    assert caught.value.problem.remedy
    assert len(server.asked) == 1


def refused(server: ChatServer, describe: Describe, fault: Fault) -> Problem:
    """What is said where a server answers like that for good."""
    server.faults.extend([fault] * 10)
    with pytest.raises(ProblemError) as caught:
        describe()
    return caught.value.problem


NO_SYSTEM_ROLE = [
    sent(400, object="error", message="System role not supported", code=400),
    sent(400, message="Conversation roles must alternate user/assistant/user/assistant/..."),
    sent(400, detail="Only user and assistant roles are supported!"),
    failed(400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
    failed(400, "Developer instruction is not enabled for models/gemma-3-4b-it"),
    # Said with the status of a server that has failed, and meant for good.
    sent(500, error={"code": 500, "message": "Jinja: System role not supported"}),
    sent(200, error="the template has no system role"),
]


@pytest.mark.parametrize("fault", NO_SYSTEM_ROLE, ids=lambda fault: fault.body[:60].decode())
def test_a_model_without_a_system_role_is_told_of_the_templates_that_need_none(
    server: ChatServer, describe: Describe, fault: Fault
) -> None:
    problem = refused(server, describe, fault)
    assert "system_role = false" in problem.remedy
    assert problem.remedy.count("templates.toml") == 1
    assert len(server.asked) == 1


HTML = {"Content-Type": "text/html"}
BEHIND = {"raw": '{"error": {"message": "top_k is odd"}}'}
BROKE_OFF = {"code": 502, "message": "upstream broke off"}
MISSING = {"loc": ["body", "model"], "msg": "Field required", "type": "missing"}
ODD = {"loc": ["body", "n", 0], "msg": "Input should be 1", "type": "int"}
GATEWAY = (
    b"<!DOCTYPE html>\n<html><head><title>m.org | 502: Bad\n gateway</title>"
    b"<style>p {}</style></head><body>" + b"<p>long</p>" * 900 + b"</body></html>"
)
FIXED = "'temperature' does not support 0 with this model. Only the default"
BOTH = "`temperature` and `top_p` cannot both be specified"
# What helps, what a server sends, what is quoted of it, how often it is asked.
REASONS = {
    "Add to it": [
        (
            sent(error={"message": "Provider returned error: out of credits", "code": 402}),
            "out of credits",
            1,
        )
    ],
    "one for chat": [
        (
            sent(error={"message": "Provider returned error", "code": 400, "metadata": BEHIND}),
            "Provider returned error: top_k is odd.",
            1,
        ),
        (sent(422, detail="the field stop is not permitted"), "the field stop is not permitted", 1),
        (
            sent(422, detail=[MISSING, ODD]),
            "body.model: Field required; body.n.0: Input should be 1.",
            1,
        ),
        (sent(422, message={"detail": [{"loc": ["body"], "msg": "too odd"}]}), "body: too odd.", 1),
        (
            Fault(400, body=b'[{"error": {"code": 400, "message": "API key not valid."}}]'),
            "API key not valid.",
            1,
        ),
        (Fault(418), "status 418.", 1),
    ],
    "Go on later": [
        (
            written("names", finish_reason="error", error=BROKE_OFF),
            "status 502: upstream broke off.",
            3,
        ),
        (Fault(502, HTML, GATEWAY), "status 502: m.org | 502: Bad gateway.", 3),
    ],
    "OPENAI_BASE_URL": [
        (
            sent(error="Unexpected endpoint or method. (POST /chat/completions)"),
            "Unexpected endpoint or method.",
            3,
        ),
        (
            Fault(405, HTML, b"<h1>Not &amp; allowed</h1><hr>nginx"),
            "status 405: Not & allowed nginx.",
            1,
        ),
        (
            Fault(200, HTML, b"<html><title>Please log in</title></html>"),
            "It begins: Please log in.",
            3,
        ),
    ],
    "the model's name": [
        (sent(404, error="model 'm' not found, try pulling it first"), "try pulling it first", 1),
        (failed(400, "The model `m` does not exist", "model_not_found"), "does not exist", 1),
    ],
    "another model": [(sent(id="1", choices=[]), "list of choices is empty", 3)],
    "Choose a model that lets temperature and top_p be chosen": [
        (failed(400, FIXED), "does not support 0", 1),
        (failed(400, BOTH), "cannot both be", 1),
    ],
    # By neither name.
    "choose another model": [
        (
            sent(422, detail="the field max_tokens is not permitted"),
            "max_tokens is not permitted",
            2,
        )
    ],
    "max_tokens in a copy": [(failed(400, "max_tokens must be at most 32"), "at most 32", 1)],
    "--words": [
        (failed(400, "This model's maximum context length is 512 tokens."), "512 tokens.", 1)
    ],
    "OPENAI_API_KEY": [
        (
            failed(403, "Project proj_1 does not have access to model m"),
            "does not have access to model m",
            1,
        ),
        (
            failed(401, "Incorrect API key provided: sk-ve*************6789."),
            "Incorrect API key provided: [key]",
            1,
        ),
    ],
}


@pytest.mark.parametrize(
    ("helps", "fault", "quoted", "times"),
    [(helps, *case) for helps, cases in REASONS.items() for case in cases],
)
def test_the_servers_reason_reaches_the_user_with_a_remedy(
    server: ChatServer, describe: Describe, helps: str, fault: Fault, quoted: str, times: int
) -> None:
    problem = refused(server, describe, fault)
    assert quoted in problem.why
    assert len(problem.why) < 400
    assert helps in problem.remedy
    assert len(server.asked) == times


def test_a_missing_key_is_asked_for(server: ChatServer, describe: Describe) -> None:
    server.faults.append(failed(401, "You didn't provide an API key."))
    with pytest.raises(ProblemError, match=r"asks for a key\. .*didn't provide.* Set OPENAI_API"):
        describe(key="")
