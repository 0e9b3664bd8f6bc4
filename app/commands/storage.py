"""The result cache of a command line: its folder, its store, and a session on it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from analysis.session.session import Session
from app.terminal.text import prose
from cache.store import CacheUnavailableError, Store


def cache_folder(options: Namespace) -> Path:
    """Where results are kept."""
    given: str | None = getattr(options, "cache_dir", None)
    return Path(given).expanduser() if given else user_cache_path("insttui", appauthor=False)


def open_store(options: Namespace) -> tuple[Store | None, str]:
    """The result store and, where it cannot be used or had to be mended, a sentence saying so."""
    try:
        store = Store(cache_folder(options))
    except CacheUnavailableError as error:
        return None, f"Results will not be kept: {error}"
    return store, store.repaired


@contextmanager
def session(options: Namespace) -> Iterator[Session]:
    """A session on the user's cache, closed at the end whatever happens."""
    store, warning = open_store(options)
    if warning:
        print(f"insttui: {prose(warning)}", file=sys.stderr)
    opened = Session(store)
    try:
        yield opened
    finally:
        opened.close()
