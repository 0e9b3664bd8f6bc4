"""The settings file."""

from __future__ import annotations

import pytest

from analysis.problems import ProblemError
from app.config import Settings, load_settings


@pytest.fixture
def config(tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    monkeypatch.setenv("INSTTUI_CONFIG", str(path))
    return path


def test_every_setting_is_read(config):
    config.write_text(
        'theme = "nord"\nascii = true\n[aliases]\nmine = "/models/mine"\n'
        '[keys]\n"saliency.grid" = "G,f5"\n'
    )
    assert load_settings() == Settings(
        theme="nord", ascii=True, aliases={"mine": "/models/mine"}, keys={"saliency.grid": "G,f5"}
    )


def test_no_file_in_the_platform_folder_is_no_problem(tmp_path, monkeypatch):
    monkeypatch.delenv("INSTTUI_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"theme = ", "config.toml"),
        (b"theme = 3", "theme"),
        (b"thema = 'x'", "thema"),
        (b"\xff\xff", "config.toml"),
        (b"[keys]\n'saliency.gird' = 'x'", "saliency.grid"),
    ],
)
def test_a_file_that_cannot_be_understood_is_named_with_what_is_wrong(config, content, word):
    config.write_bytes(content)
    with pytest.raises(ProblemError) as caught:
        load_settings()
    assert caught.value.problem.kind == "input"
    assert word in str(caught.value)


def test_a_named_file_must_exist(config):
    with pytest.raises(ProblemError, match="INSTTUI_CONFIG"):
        load_settings()
