"""``insttui models``: the names of known models, and which are on this disk."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.commands.options import add_output

if TYPE_CHECKING:
    from analysis.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_output(parser, instead="a table")


def run(options: argparse.Namespace) -> int:
    from analysis.models.availability import models_table
    from app.commands.output import asks_rows, show, write_table
    from app.config import load_settings

    table = models_table(load_settings().aliases)
    if asks_rows(options):
        write_table(table, options)
    else:
        show("Models", _for_readers(table))
    return 0


def _for_readers(table: Table) -> Table:
    """The columns that fit a terminal; sizes and partners are in CSV and JSON only."""
    chosen = [table.columns.index(name) for name in ("name", "local", "reference", "note")]
    rows = [tuple(row[index] for index in chosen) for row in table]
    return type(table)(tuple(table.columns[index] for index in chosen), rows)
