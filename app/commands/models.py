"""``insttui models``: the names a model can be called by, and what is on this disk."""

from __future__ import annotations

from argparse import Namespace

from analysis.models.availability import models_table
from analysis.table import Table
from app.commands.output import write_rows
from app.commands.show_table import show
from app.config import load_settings


def run(options: Namespace) -> int:
    """List the aliases, the demo pair and the models in the hub cache."""
    table = models_table(load_settings().aliases)
    if options.csv:
        write_rows(table, options.csv)
    else:
        show("Models", _for_readers(table))
    return 0


def _for_readers(table: Table) -> Table:
    """The columns that fit a terminal; the sizes and partners are in the CSV."""
    chosen = [table.columns.index(name) for name in ("name", "local", "reference", "note")]
    rows = [tuple(row[index] for index in chosen) for row in table]
    return Table(tuple(table.columns[index] for index in chosen), rows)
