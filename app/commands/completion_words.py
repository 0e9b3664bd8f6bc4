"""What a shell offers after a tab: commands, options, choices, names of models, files and folders.

argparse knows commands, options and choices. What else a value may be follows from its metavar,
which is the same for the same kind of thing in every command.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from argcomplete.completers import DirectoriesCompleter, FilesCompleter, SuppressCompleter
from argcomplete.finders import CompletionFinder

from app.commands.parser import every_parser

Completer = Callable[..., Iterable[str]]

_DEVICES = ("auto", "cpu", "cuda", "mps", "disk")
_WORDS = ("english", "demo", "tokens")
_FILES, _FOLDERS = FilesCompleter(), DirectoriesCompleter()


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell that asks through ``_ARGCOMPLETE``, and exit; return if none asks."""
    for _, each in every_parser(parser):
        for action in each._actions:
            completer = _COMPLETERS.get(_kind(action))
            if action.choices is None and action.nargs != 0:
                action.completer = completer or SuppressCompleter()  # type: ignore[attr-defined]
    # Options only once a dash is typed: a tab after a command is for what it needs.
    CompletionFinder()(parser, always_complete_options=False)


def _kind(action: argparse.Action) -> str:
    """What a value is, by its metavar; a file of prompts is one of its own."""
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    return f"{metavar} of {action.dest}" if action.dest == "prompts" else metavar


def _models(prefix: str, **_: Any) -> Mapping[str, str]:
    """Names of models, with what each stands for, and folders."""
    from analysis.demo import catalog
    from analysis.models.aliases import ALIASES
    from analysis.problems import ProblemError
    from app.config import load_settings

    try:
        own = load_settings().aliases
    except ProblemError:
        # The command that is being typed will say so.
        own = {}
    return {
        **dict.fromkeys(_FOLDERS(prefix), "folder"),
        **dict.fromkeys(catalog.demo_names(), "embedded"),
        **{name: each.reference for name, each in ALIASES.items()},
        **own,
    }


def _series(prefix: str, **_: Any) -> list[str]:
    """The demo's training run and folders; behind a comma, one more model."""
    from analysis.demo.catalog import DEMO_STEPS

    before, comma, last = prefix.rpartition(",")
    if comma:
        return [f"{before},{each}" for each in _models(last)]
    return [DEMO_STEPS, *_models(prefix)]


def _either(words: Iterable[str], files: Completer) -> Completer:
    """Words that stand for something, or a file."""
    return lambda prefix, **_: [*words, *files(prefix)]


_COMPLETERS: dict[str, Completer] = {
    "REF": _models,
    "REF,...": _series,
    "FILE": _FILES,
    "FILE of prompts": _either(("demo",), _FILES),
    "DIR": _FOLDERS,
    "WORDS": _either(_WORDS, _FILES),
    "DEVICE": lambda **_: _DEVICES,
}
