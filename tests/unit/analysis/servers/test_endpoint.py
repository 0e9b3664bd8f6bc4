"""Where components are described, and a key that shows up nowhere."""

from __future__ import annotations

import pytest

from analysis.problems import ProblemError
from analysis.servers.endpoint import OPENAI, Endpoint, endpoint

KEY = "sk-very-secret"


def test_a_key_alone_means_openai_and_an_address_alone_needs_no_key() -> None:
    assert endpoint("gpt", environment={"OPENAI_API_KEY": KEY}) == Endpoint("gpt", OPENAI, KEY)
    found = endpoint("m", environment={"OPENAI_BASE_URL": "http://localhost:8000/v1/"})
    assert found == Endpoint("m", "http://localhost:8000/v1", "")


def test_settings_go_before_the_environment() -> None:
    environment = {"OPENAI_BASE_URL": "http://elsewhere/v1", "OPENAI_API_KEY": KEY}
    assert endpoint("m", "http://here/v1", environment).base_url == "http://here/v1"


def test_without_an_endpoint_it_is_said_how_to_add_one_and_a_model_must_be_named() -> None:
    with pytest.raises(ProblemError) as caught:
        endpoint("m", environment={})
    assert "OPENAI_API_KEY" in caught.value.problem.remedy
    assert "OPENAI_BASE_URL" in caught.value.problem.remedy
    with pytest.raises(ProblemError, match="No model is set"):
        endpoint(environment={"OPENAI_API_KEY": KEY})


@pytest.mark.parametrize(
    "address", ["localhost:8000", "ftp://host/v1", "http://", "http://host:port/v1", "http://[::1"]
)
def test_an_address_that_makes_no_sense_is_refused(address: str) -> None:
    with pytest.raises(ProblemError, match="address cannot be used"):
        endpoint("m", address, {"OPENAI_API_KEY": KEY})


@pytest.mark.parametrize("key", ["sk two", "sk-ключ", "sk\nX-Header: 1"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ProblemError) as caught:
        endpoint("m", environment={"OPENAI_API_KEY": key})
    assert key not in str(caught.value)


def test_the_key_stands_in_no_representation() -> None:
    found = Endpoint("m", f"https://user:{KEY}@host:8000/v1?key={KEY}", KEY)
    assert KEY not in f"{found!r} {found} {found.place} {[found]}"
    assert found.place == "https://host:8000/v1"


@pytest.mark.parametrize(
    ("key", "said", "shown"),
    [
        ("sk-very-secret", "your key is sk-very-secret.", "your key is [key]."),
        ("sk-very-secret", "key=sk-very-secret&n=1", "key=[key]&n=1"),
        ("sk-very-secret", "Incorrect key: sk-ve****cret.", "Incorrect key: [key]"),
        ("sk-very-secret", "key ****cret, or sk-ver...", "key [key], or [key]"),
        ("sk-very-secret", "wait... for **bold** secrets", "wait... for **bold** secrets"),
        # What is so short is no secret, and would blot out parts of words.
        ("x", "max_tokens: extra text", "max_tokens: extra text"),
        ("none", "none of the models", "none of the models"),
        ("test", "the latest test", "the latest test"),
        ("", "no key", "no key"),
    ],
)
def test_the_key_is_blotted_out_of_errors_and_nothing_else(key: str, said: str, shown: str) -> None:
    assert Endpoint("m", api_key=key).without_key(said) == shown
