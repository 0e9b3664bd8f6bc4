"""Which server and which model there: what is given, and what the server says that it serves."""

from __future__ import annotations

import json

import pytest

from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.saliency.served import server as module
from analysis.saliency.served.server import response_server
from analysis.servers.pace import Pace
from tests.support.chat_server import ChatServer, chat_server, free_port

KEY = "sk-very-secret-0123456789"
CHOICE = ModelChoice("my-tune", "/data/models/tuned-7b")


def named(server: ChatServer, choice: ModelChoice = CHOICE, model: str = "") -> str:
    """The model that is asked for there."""
    return response_server(server.address, model, choice, environment={}).endpoint.model


def test_a_named_model_is_taken_without_asking() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    found = response_server(address, "m", CHOICE, environment={"OPENAI_API_KEY": KEY})
    assert found.words == f"{address}/v1 (model m)"
    assert found.endpoint.api_key == KEY
    assert KEY not in f"{found} {found.in_key()}"
    assert found.pace.concurrency == 16


def test_the_only_model_is_taken_else_the_one_named_alike() -> None:
    with chat_server() as server:
        server.models = ["any name"]
        assert named(server) == "any name"
        server.models = ["other", "tuned-7b"]
        assert named(server) == "tuned-7b"
        server.models = ["other", "my-tune"]
        assert named(server) == "my-tune"


@pytest.mark.parametrize("models", [[], ["one", "two"], ["my-tune", "tuned-7b"]])
def test_where_that_does_not_say_which_it_is_asked(models: list[str]) -> None:
    with chat_server() as server:
        server.models = models
        with pytest.raises(ProblemError) as caught:
            named(server)
    assert "--tuned-server-model" in caught.value.problem.remedy
    assert all(repr(each) in caught.value.problem.why for each in models)


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Pace", lambda *_, **options: Pace(attempts=2, first_wait=0.01))
    address = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(ProblemError) as caught:
        response_server(address, "", CHOICE, environment={})
    assert f"{address} cannot be reached" in caught.value.problem.what
    assert "OPENAI_BASE_URL" not in str(caught.value)
    assert "used without it" in caught.value.problem.remedy


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://host/v1", "http://", "http://[::1"])
def test_an_address_that_makes_no_sense_is_refused(address: str) -> None:
    with pytest.raises(ProblemError, match="address cannot be used"):
        response_server(address, "m", CHOICE, environment={})


def test_only_address_and_name_count_in_the_key_of_what_a_study_finds() -> None:
    address = "http://user:pass@localhost:8000/v1"
    one, other = (
        response_server(address, "m", CHOICE, concurrency=n, environment={"OPENAI_API_KEY": key})
        for n, key in ((1, KEY), (9, ""))
    )
    assert one.in_key() == other.in_key() == ("http://localhost:8000/v1", "m")
    assert "pass" not in json.dumps(one.in_key())
