"""Which types are tried: a third of them as a rule, all of them with ``--all-families``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import transformers

from tests.families.family import Family
from tests.families.models import NAMES
from tests.families.outside import CANNOT_RUN, SEES_AHEAD, TOLD_TO_DECODE
from tests.families.selection import SELECTED


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a type, and the tests of a type one after another: they share its model."""
    everything = metafunc.config.getoption("--all-families")
    chosen = [name for name in NAMES if everything or name in SELECTED]
    outsiders = [name for name in chosen if name in CANNOT_RUN or name in SEES_AHEAD]
    asked = {
        "family": [name for name in chosen if name not in outsiders],
        "outsider": outsiders,
        "told_to_decode": [name for name in chosen if name in TOLD_TO_DECODE],
    }
    for fixture, names in asked.items():
        if fixture in metafunc.fixturenames:
            marked = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]
            metafunc.parametrize(fixture, marked, indirect=fixture == "family", scope="module")


@pytest.fixture(scope="module")
def family(request: pytest.FixtureRequest) -> Family:
    """The tiny model of a type that runs and is causal, with its references."""
    return Family(request.param)


@pytest.fixture(autouse=True, scope="module")
def _quietly() -> Iterator[None]:
    """Without the advice of transformers on how to configure what is meant to be tiny."""
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    yield
    transformers.logging.set_verbosity(level)
