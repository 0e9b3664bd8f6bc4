"""Our templates, read once."""

from __future__ import annotations

import pytest

from analysis.concepts.annotation.templates import Templates, load_templates


@pytest.fixture(scope="session")
def templates() -> Templates:
    return load_templates()
