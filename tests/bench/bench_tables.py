"""How long a table of very many rows takes to fill, sort and filter, against Textual's DataTable.

    python -m tests.bench.bench_tables [--rows 100000]

Prints one line an act: milliseconds of processor time from the call to the painted screen, which
other work on the machine hardly changes, ours first, and the ratio. Both have the same eight
columns, in one app, in a terminal of 200×50.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from analysis.table import Table
from app.widgets.table_list import TableList

COLUMNS = ("case", "layer", "neuron", "change", "p_value", "share", "model", "prompt")
BAR_MS = 100
WORDS = "the sea"
TIMES = 5


def made_rows(count: int) -> list[tuple[str | int | float, ...]]:
    """Rows of names, whole numbers, numbers and texts."""
    chance = random.Random(0)
    return [
        (
            f"case-{chance.randrange(977)}",
            chance.randrange(32),
            number,
            chance.gauss(0, 1),
            chance.gauss(0, 1e-3),
            100 * chance.random(),
            "tuned" if number % 3 else "base",
            f"Write a poem of {chance.randrange(40)} lines about {chance.choice(SUBJECTS)}.",
        )
        for number in range(count)
    ]


SUBJECTS = ("the sea", "the moon", "an old bicycle", "tea")


class Both(App[None]):
    """The two tables, one visible at a time."""

    def compose(self) -> ComposeResult:
        """Ours and Textual's."""
        yield TableList(ascii_only=False, id="ours")
        yield DataTable(id="theirs")


async def timed(pilot: Pilot[None], act: Callable[[], object]) -> float:
    """Milliseconds of processor time until an act is on the screen."""
    begun = time.process_time()
    act()
    await pilot.pause()
    return 1000 * (time.process_time() - begun)


async def ours(pilot: Pilot[None], rows: list[tuple[str | int | float, ...]]) -> dict[str, float]:
    """Each act's median."""
    found: dict[str, list[float]] = {}
    table = pilot.app.query_one(TableList)
    pilot.app.query_one(DataTable).display = False
    table.focus()
    for _ in range(TIMES):

        async def note(name: str, act: Callable[[], object]) -> None:
            found.setdefault(name, []).append(await timed(pilot, act))

        await note("fill", lambda: table.show_table(Table(COLUMNS, rows)))
        await note("sort by a number", lambda: table._sort_by(COLUMNS.index("change")))
        await note("sort by a text", lambda: table._sort_by(COLUMNS.index("prompt")))
        await note("turn the order", table.action_turn)
        begun = time.process_time()
        slices = []
        while True:
            before = time.process_time()
            left = table._rows.prepare()
            slices.append(1000 * (time.process_time() - before))
            if not left:
                break
        found.setdefault("prepare to filter, in slices", []).append(
            1000 * (time.process_time() - begun)
        )
        found.setdefault("the longest slice", []).append(max(slices))
        await note("filter, sorted", lambda: table.filter(WORDS))
        await note("clear the filter", lambda: table.filter(""))
        table.show_table(Table(("none",), ()))
    return {name: statistics.median(values) for name, values in found.items()}


async def theirs(pilot: Pilot[None], rows: list[tuple[str | int | float, ...]]) -> dict[str, float]:
    """Each act once: filling takes very long."""
    table = pilot.app.query_one(DataTable)
    pilot.app.query_one(TableList).display = False
    table.display = True
    keys = table.add_columns(*COLUMNS)
    found = {"fill": await timed(pilot, lambda: table.add_rows(rows))}
    for name, column in (("sort by a number", "change"), ("sort by a text", "prompt")):
        key = keys[COLUMNS.index(column)]
        found[name] = await timed(pilot, lambda key=key: table.sort(key))

    def fill_with(words: str) -> None:
        table.clear()
        table.add_rows([row for row in rows if any(words in str(cell) for cell in row)])

    found["filter, sorted"] = await timed(pilot, lambda: fill_with(WORDS))
    return found


async def measured(count: int) -> None:
    """Print the table."""
    rows = made_rows(count)
    async with Both().run_test(size=(200, 50)) as pilot:
        first, second = await ours(pilot, rows), await theirs(pilot, rows)
    print(f"{count:,} rows of {len(COLUMNS)} columns; no act of ours above {BAR_MS} ms")
    print(f"{'':<30} {'ours':>8} {'DataTable':>10} {'ratio':>7}")
    for name, value in first.items():
        other = second.get(name)
        beside = "" if other is None else f"{other:>10.0f} {other / value:>6.0f}×"
        print(f"{name:<30} {value:>8.1f} {beside}".rstrip())


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    asyncio.run(measured(parser.parse_args().rows))


if __name__ == "__main__":
    main()
