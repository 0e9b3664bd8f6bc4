"""``insttui concepts`` with a describing endpoint: asked, paid for once, interrupted, missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.chat_server import MODEL, ChatServer, Fault, chat_server, error_body
from tests.support.program import Home, Outcome

pytestmark = pytest.mark.slow

KEY = "sk-a-key-that-must-not-be-seen"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """An endpoint that answers sensibly."""
    with chat_server() as running:
        yield running


def concepts(home: Home, server: ChatServer | None, *options: str) -> Outcome:
    place = {
        "OPENAI_BASE_URL": server.address if server else "",
        "OPENAI_API_KEY": KEY if server else "",
    }
    arguments = ("concepts", "--layers", "2", "--rank", "3", "--words", "5", "--repeats", "2")
    return home.run(*arguments, *options, environment=place)


def test_components_are_described_and_never_paid_for_twice(home: Home, server: ChatServer) -> None:
    first = concepts(home, server, "--annotate", "--annotator", MODEL, "--yes")
    assert first.status == 0, first.errors
    assert [row["description"] for row in first.rows] == ["names of months"] * 6
    assert {row["level"] for row in first.rows} == {"semantics"}
    asked = len(server.asked)
    assert asked > 0
    again = concepts(home, server, "--annotate", "--annotator", MODEL, "--yes")
    assert again.output == first.output
    assert len(server.asked) == asked
    assert KEY not in first.errors + again.errors
    for file in home.folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def test_an_interrupted_run_goes_on_where_it_was(home: Home, server: ChatServer) -> None:
    server.faults.extend([None, None, None, Fault(401, body=error_body("no more credit"))])
    broken = concepts(home, server, "--annotate", "--annotator", MODEL, "--yes")
    assert broken.status != 0
    assert broken.output == b""
    done = concepts(home, server, "--annotate", "--annotator", MODEL, "--yes")
    assert done.status == 0
    bodies = [str(body) for body in server.answered]
    assert len(bodies) == len(set(bodies))


def test_nothing_is_asked_without_consent(home: Home, server: ChatServer) -> None:
    for options in (("--dry-run",), ()):
        done = concepts(home, server, "--annotate", "--annotator", MODEL, *options)
        assert "requests" in done.errors
        assert done.status == (0 if options else 2)
    assert server.asked == []


def test_without_an_endpoint_it_says_how_to_add_one(home: Home) -> None:
    done = concepts(home, None, "--annotate", "--yes")
    assert done.status == 2
    assert "OPENAI_API_KEY" in done.errors
    plain = concepts(home, None)
    assert plain.status == 0
    assert len(plain.rows) == 6
    assert {row["description"] for row in plain.rows} == {""}
