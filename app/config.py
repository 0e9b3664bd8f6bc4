"""Settings: a TOML file in the platform's configuration folder, or where INSTTUI_CONFIG points."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

import msgspec
from platformdirs import user_config_path, user_state_path

from analysis.files.text import utf8
from analysis.problems import problem


class Annotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model describes components, and its prices; the key comes from the environment only.

    Attributes:
        model: The endpoint's name for the model.
        base_url: The endpoint's address; empty for OPENAI_BASE_URL.
        price_in: Price of a million tokens sent; None if unknown.
        price_out: Price of a million tokens received.
        templates: A file of prompt templates; empty for ours.
        concurrency: Maximum number of concurrent requests.
    """

    model: str = ""
    base_url: str = ""
    price_in: float | None = None
    price_out: float | None = None
    templates: str = ""
    concurrency: int = 8


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The configuration file.

    Attributes:
        theme: Name of a Textual theme; empty for the last one chosen in the palette.
        ascii: Show tokens and marks in plain ASCII.
        aliases: The user's model names: alias to hub id or folder.
        vectors: Word vectors for the analyses of weights: a file or folder; empty for none.
        annotation: Which language model describes components.
        keys: The user's keys: action id (see the help panel) to one or more, comma separated.
    """

    theme: str = ""
    ascii: bool = False
    aliases: dict[str, str] = {}
    vectors: str = ""
    annotation: Annotation = Annotation()
    keys: dict[str, str] = {}


def settings_file() -> Path:
    """Where the settings are read from."""
    given = os.environ.get("INSTTUI_CONFIG")
    if given:
        return Path(given).expanduser()
    return user_config_path("insttui", appauthor=False) / "config.toml"


def state_file() -> Path:
    """Where the app keeps its state between runs."""
    return user_state_path("insttui", appauthor=False) / "state.json"


def load_settings() -> Settings:
    """The user's settings, or the defaults if there is no file.

    Raises:
        ProblemError: The file is unreadable or invalid, or INSTTUI_CONFIG names a missing file.
    """
    path = settings_file()
    try:
        settings = msgspec.toml.decode(utf8(path.read_bytes()), type=Settings)
    except FileNotFoundError:
        if not os.environ.get("INSTTUI_CONFIG"):
            return Settings()
        raise problem(
            "input",
            f"There is no settings file {path}.",
            "INSTTUI_CONFIG names it.",
            "Create it, or unset INSTTUI_CONFIG.",
        ) from None
    except OSError as error:
        raise problem("storage", f"The settings in {path} cannot be read.", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise problem(
            "input",
            f"The settings in {path} cannot be understood.",
            f"{error}.",
            "Known settings are theme, ascii and the tables [aliases] and [keys].",
        ) from error
    _check_keys(settings, path)
    return settings


def _check_keys(settings: Settings, path: Path) -> None:
    from app.frame.actions import ACTIONS

    for name in settings.keys:
        if name not in ACTIONS:
            close = get_close_matches(name, ACTIONS, n=1)
            raise problem(
                "input",
                f"The settings in {path} give a key to an unknown action, {name!r}.",
                remedy=f"Did you mean {close[0]!r}?" if close else "The help panel lists them all.",
            )
