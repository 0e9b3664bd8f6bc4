"""Our templates, read once, and a server that answers to order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from analysis.concepts.annotation.templates import Templates, load_templates
from tests.support.chat_server import ChatServer, chat_server
from tests.unit.analysis.concepts.annotation.described import Describe, described


@pytest.fixture(scope="session")
def templates() -> Templates:
    return load_templates()


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as made:
        yield made


@pytest.fixture
def describe(server: ChatServer, templates: Templates, tmp_path: Path) -> Describe:
    """Has the server annotate subjects; takes the options of `described`."""
    return partial(described, server, templates, tmp_path)
