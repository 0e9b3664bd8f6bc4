"""``insttui cache``: what is stored on this disk, and removing it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import timedelta

from analysis.problems import problem
from analysis.table import Cell, Table
from app.commands import storage
from app.commands.show_table import show
from app.terminal.text import fit, prose
from cache.errors import CacheError
from cache.store import Entry, Removed, Store

_MEGABYTE = 1_000_000
_PROMPT_CELLS = 60


def run(options: Namespace) -> int:
    """List, count or remove stored results."""
    try:
        store = Store(storage.cache_folder(options))
        if store.repaired:
            print(f"insttui: {prose(store.repaired)}", file=sys.stderr)
        {"info": _info, "list": _list, "prune": _prune, "clear": _clear}[options.action](
            store, options
        )
    except CacheError as error:
        raise problem("storage", "The cache cannot be used.", str(error)) from error
    return 0


def _info(store: Store, options: Namespace) -> None:
    info = store.info()
    facts: tuple[tuple[str, Cell], ...] = (
        ("folder", str(info.directory)),
        ("results", info.entries),
        ("size", _megabytes(info.bytes)),
        ("limit", _megabytes(info.size_limit)),
    )
    for name, value in facts:
        print(f"{name:8} {prose(str(value))}")
    if info.read_only:
        print(f"{'writing':8} {prose(info.read_only)}")


def _list(store: Store, options: Namespace) -> None:
    newest_first = sorted(store.entries(), key=lambda entry: entry.created, reverse=True)
    columns = ("created", "size", "analysis", "model", "prompt")
    show("Stored results", Table(columns, list(_rows(newest_first))))


def _rows(entries: list[Entry]) -> Iterator[tuple[Cell, ...]]:
    for entry in entries:
        label = entry.label
        described = (
            (label.analysis, label.model, fit(prose(label.prompt), _PROMPT_CELLS))
            if label
            else ("?", "", "")
        )
        created = entry.created.astimezone().strftime("%Y-%m-%d %H:%M")
        yield (created, _megabytes(entry.size), *described)


def _prune(store: Store, options: Namespace) -> None:
    if options.older_than is None and options.max_size is None:
        raise problem("input", "Say what to remove: --older-than DAYS, --max-size MB, or both.")
    removed = store.prune(
        older_than=timedelta(days=options.older_than) if options.older_than else None,
        max_bytes=options.max_size * _MEGABYTE if options.max_size else None,
    )
    _report(removed)


def _clear(store: Store, options: Namespace) -> None:
    _report(store.clear())


def _report(removed: Removed) -> None:
    results = "result" if removed.entries == 1 else "results"
    print(f"removed {removed.entries} {results}, {_megabytes(removed.bytes)}")


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"
