"""Apps under test: in a terminal of one kind, and waited for on any machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.views.saliency.pair import Pair
from tests.support.settling import be_patient


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


@pytest.fixture(autouse=True)
def _exports_go_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "SSH_TTY", "TMUX", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _the_plain_gradient_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked but for a key; `test_saliency_choice` has what is asked without one."""
    monkeypatch.setattr(Pair, "settles", False)
