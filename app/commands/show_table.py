"""A table on standard output, for a reader; the CSV of the same table is `app.frame.export`'s."""

from __future__ import annotations

from rich.console import Console, JustifyMethod
from rich.table import Table as RichTable
from rich.text import Text

from analysis.table import Cell, Table
from app.terminal.text import prose

_WIDEST = 1 << 12


def show(title: str, table: Table) -> None:
    """Print a table with its title; numbers right, text as it is."""
    drawn = RichTable(title=Text(prose(title)), title_justify="left", box=None, pad_edge=False)
    rows = [[_text(cell) for cell in row] for row in table]
    kinds = [
        next((cell for cell in column if cell is not None), "")
        for column in zip(*table, strict=True)
    ]
    for index, column in enumerate(table.columns):
        numeric = index < len(kinds) and isinstance(kinds[index], int | float)
        justify: JustifyMethod = "right" if numeric else "left"
        drawn.add_column(Text(column), justify=justify, no_wrap=True)
    for row in rows:
        drawn.add_row(*row)
    # Wider than the terminal, a row goes on in the next line: nothing is cut, grep finds it whole.
    natural = Console(width=_WIDEST).measure(drawn).maximum
    Console(width=natural, soft_wrap=True).print(drawn)


def _text(cell: Cell) -> Text:
    if cell is None:
        return Text("")
    if isinstance(cell, float):
        return Text(f"{cell:.4g}")
    return Text(prose(str(cell)))
