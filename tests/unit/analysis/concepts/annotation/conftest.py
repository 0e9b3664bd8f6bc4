"""Our templates, read once, and a server that answers to order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from analysis.concepts.annotation.templates import Templates, load_templates
from tests.support.chat_server import ChatServer, chat_server


@pytest.fixture(scope="session")
def templates() -> Templates:
    return load_templates()


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as made:
        yield made
