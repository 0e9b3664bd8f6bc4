"""Studies whose responses a server writes: the same tables, or why not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from analysis.problems import ProblemError
from analysis.saliency.request import AttributionRequest
from analysis.saliency.served.request import ServedResponseRequest
from analysis.saliency.study_density import study
from analysis.saliency.study_faithfulness import study as faithfulness
from analysis.studies.findings import Findings
from tests.support.chat_server import Fault, error_body, free_port
from tests.support.response_server import ResponseServer, Script
from tests.support.studies import answered

Scripts = list[dict[tuple[int, ...], Script]]
Local = tuple[Findings, Scripts]
Servers = Callable[..., Any]
CASES = 5


def table_bytes(findings: Findings) -> list[bytes]:
    """Every table as it is written."""
    return [
        repr((each.name, each.table.columns, list(each.table))).encode() for each in findings.tables
    ]


@pytest.mark.parametrize("dialect", ["ids", "probabilities"])
def test_a_server_that_writes_what_is_written_here_makes_the_same_tables(
    run: Any,
    local: Local,
    server: ResponseServer,
    servers: Servers,
    dialect: Any,
) -> None:
    server.dialect = dialect
    found = run(servers=servers())
    expected = local[0]
    assert table_bytes(found) == table_bytes(expected)
    assert found.statements == expected.statements
    told = [each for each in found.notes if each not in expected.notes]
    assert told == [
        f"The responses of {model.name} are those of a server, {server.address} (model {name})."
        for model, name in zip(run.pair, ("base", "tuned"), strict=True)
    ]
    assert set(expected.notes) <= set(found.notes)
    assert found.parameters["responses of the base model by"] == f"{server.address} (model base)"


def test_the_faithfulness_study_explains_a_servers_responses_too(
    run: Any, server: ResponseServer, servers: Servers
) -> None:
    few = replace(run.prompts, prompts=run.prompts.prompts[:2])
    here, there = (
        answered(faithfulness(replace(run.given(run.session({}), **changes), prompts=few)))
        for changes in ({}, {"servers": servers()})
    )
    assert table_bytes(there) == table_bytes(here)


def test_a_server_may_write_for_one_model_alone(
    run: Any, local: Local, server: ResponseServer, servers: Servers
) -> None:
    found = run(servers=(None, servers()[1]))
    assert table_bytes(found) == table_bytes(local[0])
    assert {each["model"] for each in server.asked} == {"tuned"}


def test_what_is_sent_is_the_prompt_in_ids_and_greedy(
    run: Any, local: Local, server: ResponseServer, servers: Servers
) -> None:
    run(servers=servers())
    assert {tuple(body["prompt"]) for body in server.asked} == {*local[1][0], *local[1][1]}
    body = next(each for each in server.asked if each["model"] == "tuned")
    assert (body["temperature"], body["repetition_penalty"], body["max_tokens"]) == (0, 1.0, 8)
    assert body["stop_token_ids"] == [1, 5]
    assert body["return_token_ids"]
    # Whoever returns ids is spared the log-probabilities.
    assert "logprobs" in server.asked[0]
    assert "logprobs" not in server.asked[-1]


def test_answers_are_kept_by_server_and_asked_for_once(
    run: Any, server: ResponseServer, servers: Servers
) -> None:
    store: dict[str, Any] = {}
    first = run(store, servers=servers())
    assert len(server.asked) == 2 * CASES
    server.faults.extend([Fault(500)] * 100)
    assert table_bytes(run(store, servers=servers())) == table_bytes(first)
    assert len(server.asked) == 2 * CASES
    # Another server's are not these.
    assert (
        "cannot be reached"
        in run.refused(store=store, servers=servers(f"http://127.0.0.1:{free_port()}/v1")).what
    )


def test_a_response_by_a_server_has_another_key_than_one_from_here(run: Any) -> None:
    choice = run.pair[0]
    here = AttributionRequest(choice, "a prompt")
    there = ServedResponseRequest(choice, "a prompt", place="http://one/v1", server_model="m")
    other = ServedResponseRequest(choice, "a prompt", place="http://two/v1", server_model="m")
    assert len({each.key(["mark"]) for each in (here, there, other)}) == 3


def test_a_server_that_dies_half_way_ends_the_study_and_it_goes_on_from_there(
    run: Any, local: Local, server: ResponseServer, servers: Servers
) -> None:
    store: dict[str, Any] = {}
    server.changes = lambda choice, body: (
        server.faults.extend([Fault(dropped=True)] * 200) if len(server.answered) == 6 else None
    )
    problem = run.refused(store=store, servers=servers())
    assert (problem.kind, server.address in problem.what) == ("network", True)
    answered_before = {(body["model"], tuple(body["prompt"])) for body in server.answered}
    assert len(answered_before) >= 6
    server.faults.clear()
    server.answered.clear()
    server.changes = lambda choice, body: None
    assert table_bytes(run(store, servers=servers())) == table_bytes(local[0])
    asked_again = {(body["model"], tuple(body["prompt"])) for body in server.answered}
    # What came while it gave up may have been lost: the client's requests in flight, at most.
    assert len(asked_again & answered_before) <= 4
    assert len(asked_again | answered_before) == 2 * CASES


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500),
        Fault(503, body=b"<html>busy</html>"),
        Fault(dropped=True),
        Fault(200, body=b"{"),
        Fault(429, {"Retry-After": "0"}, error_body("slow down")),
    ],
    ids=lambda fault: str(fault.status),
)
def test_a_failure_is_tried_again(
    run: Any,
    local: Local,
    server: ResponseServer,
    servers: Servers,
    fault: Fault,
) -> None:
    server.faults.extend([fault, fault])
    assert table_bytes(run(servers=servers())) == table_bytes(local[0])
    assert len(server.asked) == 2 * CASES + 2


def fails_on(
    server: ResponseServer, prompt: tuple[int, ...], spoil: Callable[[dict[str, Any]], None]
) -> None:
    """Spoil the answers to one prompt."""

    def changes(choice: dict[str, Any], body: dict[str, Any]) -> None:
        if tuple(body["prompt"]) == prompt:
            spoil(choice)

    server.changes = changes


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"text": "something else altogether"}, "is not the one that its token ids spell"),
        ({"finish_reason": "abort"}, "did not finish"),
        ({"text": None}, "did not return a completion"),
    ],
)
def test_one_answer_of_no_use_leaves_its_case_out_with_the_reason(
    run: Any,
    local: Local,
    server: ResponseServer,
    servers: Servers,
    spoil: dict[str, Any],
    words: str,
) -> None:
    prompt = list(local[1][1])[2]
    if "finish_reason" in spoil:
        # One that was not at its end.
        spoil = {**spoil, "token_ids": [], "text": ""}
    fails_on(server, prompt, lambda choice: choice.update(spoil))
    found = run(servers=servers())
    assert any(
        each.startswith("Case case 2 was left out.") and words in each for each in found.notes
    )
    cases = next(each for each in found.tables if each.name == "cases").table
    assert {row[0] for row in cases} == {f"case {number}" for number in (0, 1, 3, 4)}


def test_a_prompt_that_the_server_refuses_is_left_out_and_the_others_are_not(
    run: Any, local: Local, server: ResponseServer, servers: Servers
) -> None:
    server.faults.append(
        Fault(400, body=error_body("This model's maximum context length is 8 tokens"))
    )
    found = run(servers=servers(pace=type(servers()[0].pace)(1, attempts=3, first_wait=0.01)))
    assert sum("maximum context length" in each for each in found.notes) == 1


def test_texts_that_never_fit_end_the_study(
    run: Any, server: ResponseServer, servers: Servers
) -> None:
    server.changes = lambda choice, body: choice.update(text="quite another text")
    problem = run.refused(servers=servers())
    assert "3 answers" in problem.what
    assert "token ids spell" in problem.why


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token_ids": [4096]}, "outside the vocabulary of 4,096"),
        ({"token_ids": [-1]}, "outside the vocabulary of 4,096"),
        ({"token_ids": [1 << 61]}, "outside the vocabulary of 4,096"),
        ({"prompt_token_ids": [0, 9, 9]}, "it was given 3"),
        ({"prompt_token_ids": "hm"}, "it was given 0"),
        ({"token_ids": None}, "cut into others than the model wrote"),
        ({"token_ids": "12"}, "cut into others than the model wrote"),
        ({"token_ids": [1.5]}, "cut into others than the model wrote"),
    ],
)
def test_ids_that_cannot_be_the_models_end_the_study_at_once(
    run: Any, server: ResponseServer, servers: Servers, changes: dict[str, Any], words: str
) -> None:
    server.changes = lambda choice, body: choice.update(changes)
    problem = run.refused(servers=servers())
    assert problem.kind == "model"
    assert words in problem.why
    assert problem.remedy


def test_a_server_without_ids_is_refused(
    run: Any, server: ResponseServer, servers: Servers
) -> None:
    server.dialect = "none"
    problem = run.refused(servers=servers())
    assert "returns no token ids" in problem.what
    assert "vLLM" in problem.remedy


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(401), "key"),
        (Fault(403), "key"),
        (Fault(404, body=error_body("no")), "no model"),
        (Fault(402), "credit"),
    ],
)
def test_a_refusal_of_every_prompt_ends_the_study_at_the_first(
    run: Any, server: ResponseServer, servers: Servers, fault: Fault, words: str
) -> None:
    server.faults.extend([fault] * 100)
    assert words in run.refused(servers=servers()).what
    assert len(server.asked) <= 4


def test_a_server_too_slow_is_given_up(run: Any, server: ResponseServer, servers: Servers) -> None:
    release = threading.Event()
    server.faults.extend([Fault(held=release)] * 100)
    try:
        assert "did not answer within 0.2 seconds" in run.refused(servers=servers(seconds=0.2)).what
    finally:
        release.set()


def test_ids_behind_the_end_or_the_limit_are_cut_as_here(
    run: Any, local: Local, server: ResponseServer, servers: Servers
) -> None:
    """A server may run on: behind an end token, or past the limit of tokens."""

    def runs_on(choice: dict[str, Any], body: dict[str, Any]) -> None:
        choice["token_ids"] = [*choice["token_ids"], *choice["token_ids"], 7]
        choice["text"] = run.pool_text(body, choice["token_ids"])

    tokenizer = answered(run.pool.tokenizer(run.pair[1]))
    run.pool_text = lambda body, ids: tokenizer.decode(ids, skip_special_tokens=True)
    server.changes = runs_on
    assert table_bytes(run(servers=servers())) == table_bytes(local[0])


def test_several_are_asked_for_at_a_time_and_no_more(
    run: Any, server: ResponseServer, servers: Servers
) -> None:
    at_once, most, lock, full = 0, 0, threading.Lock(), threading.Event()

    def held(choice: dict[str, Any], body: dict[str, Any]) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
            if at_once == 4:
                full.set()
        full.wait(20)
        with lock:
            at_once -= 1

    server.changes = held
    run(servers=servers())
    assert most == 4


def test_without_a_cache_the_study_still_ends(
    run: Any, local: Local, server: ResponseServer, servers: Servers
) -> None:
    found = answered(study(run.given(run.session(None), servers=servers())))
    assert table_bytes(found) == table_bytes(local[0])


def test_closed_in_the_midst_it_leaves_nothing_behind(
    run: Any, server: ResponseServer, servers: Servers
) -> None:
    release = threading.Event()
    server.faults.extend([Fault(held=release)] * 100)
    steps = study(run.given(run.session({}), servers=servers()))
    try:
        for _ in range(8):
            next(steps)
        steps.close()
        assert not [each for each in threading.enumerate() if each.name == "server"]
    finally:
        release.set()


@pytest.mark.parametrize(("responses", "side"), [(("base",), "tuned"), (("tuned",), "base")])
def test_a_server_whose_responses_nobody_explains_is_refused(
    run: Any, servers: Servers, responses: tuple[str, ...], side: str
) -> None:
    one = servers()[0]
    both = (one, None) if side == "base" else (None, one)
    with pytest.raises(ProblemError, match=f"--{side}-server would change nothing"):
        run.given(run.session({}), response=responses, servers=both)
