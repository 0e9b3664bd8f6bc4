"""``insttui cache``: what is stored, and removing it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.commands.options import add_cache_option, add_output, positive

if TYPE_CHECKING:
    from analysis.table import Cell
    from cache.store import Entry, Removed
    from cache.stores import ResultStore

_MEGABYTE = 1_000_000
_PROMPT_CELLS = 60
_SHOWN = ("created", "size", "analysis", "model", "prompt")
_EXACT = ("created", "last_read", "bytes", "analysis", "model", "prompt", "key")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in (
        ("info", "folder, number of results, size and limit"),
        ("list", "the stored results, newest first"),
        ("clear", "remove every stored result"),
    ):
        action = actions.add_parser(name, help=summary, description=summary)
        if name == "list":
            add_output(action, rows="the results", instead="a table")
        add_cache_option(action)
    prune = actions.add_parser("prune", help="remove old results")
    prune.add_argument(
        "--older-than",
        type=positive,
        metavar="DAYS",
        help="not read for so many days; of a shared cache, written so many days ago",
    )
    prune.add_argument(
        "--max-size",
        type=positive,
        metavar="MB",
        help="the least recently read beyond this size; of a shared cache, the oldest",
    )
    add_cache_option(prune)


def run(options: argparse.Namespace) -> int:
    from analysis.problems import problem
    from app.commands.output import say
    from app.commands.session import cache_place, opened_at
    from cache.errors import CacheError

    try:
        store = opened_at(cache_place(options))
        if store.repaired:
            say(store.repaired)
        {"info": _info, "list": _list, "prune": _prune, "clear": _clear}[options.action](
            store, options
        )
    except CacheError as error:
        raise problem("storage", "The cache cannot be used.", error.reason, error.remedy) from error
    return 0


def _info(store: ResultStore, options: argparse.Namespace) -> None:
    from app.terminal.text import prose

    info = store.info()
    facts: tuple[tuple[str, Cell], ...] = (
        ("folder", info.place),
        ("results", info.entries),
        ("size", _megabytes(info.bytes)),
        ("limit", "none" if info.size_limit is None else _megabytes(info.size_limit)),
    )
    for name, value in facts:
        print(f"{name:8} {prose(str(value))}")
    if info.read_only:
        print(f"{'writing':8} {prose(info.read_only)}")


def _list(store: ResultStore, options: argparse.Namespace) -> None:
    from analysis.table import Table
    from app.commands.output import asks_rows, show, write_table

    newest_first = sorted(store.entries(), key=lambda entry: entry.created, reverse=True)
    if asks_rows(options):
        write_table(Table(_EXACT, [_exact(entry) for entry in newest_first]), options)
    else:
        show("Stored results", Table(_SHOWN, [_for_readers(entry) for entry in newest_first]))


def _exact(entry: Entry) -> tuple[Cell, ...]:
    label = entry.label
    described = (label.analysis, label.model, label.prompt) if label else (None, None, None)
    accessed = None if entry.accessed is None else entry.accessed.isoformat()
    moments = entry.created.isoformat(), accessed
    return (*moments, entry.size, *described, entry.key)


def _for_readers(entry: Entry) -> tuple[Cell, ...]:
    from app.terminal.text import fit, prose

    label = entry.label
    described = (
        (label.analysis, label.model, fit(prose(label.prompt), _PROMPT_CELLS))
        if label
        else ("?", "", "")
    )
    created = entry.created.astimezone().strftime("%Y-%m-%d %H:%M")
    return (created, _megabytes(entry.size), *described)


def _prune(store: ResultStore, options: argparse.Namespace) -> None:
    from datetime import timedelta

    from analysis.problems import problem

    if options.older_than is None and options.max_size is None:
        raise problem("input", "Say what to remove: --older-than DAYS, --max-size MB, or both.")
    removed = store.prune(
        older_than=timedelta(days=options.older_than) if options.older_than else None,
        max_bytes=options.max_size * _MEGABYTE if options.max_size else None,
    )
    _report(removed)


def _clear(store: ResultStore, options: argparse.Namespace) -> None:
    _report(store.clear())


def _report(removed: Removed) -> None:
    results = "result" if removed.entries == 1 else "results"
    print(f"removed {removed.entries} {results}, {_megabytes(removed.bytes)}")


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"
