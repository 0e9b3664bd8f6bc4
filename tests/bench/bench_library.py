"""How a case library of 100,000 cases opens, filters and sorts in the real program.

    python -m tests.bench.bench_library [--cases N] [--folder DIR]

Writes such a library by script, unless the folder has one, and drives `insttui --results` in a
pseudo-terminal of 200×50: first without an index beside the cases, then with one. Times are from
the key, or the start, to the last byte at the terminal's end.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from tests.bench.bench_terminal import Bench, Figure
from tests.support.terminal import Terminal

MODELS = ("bench_base", "bench_tuned")
DATASETS = ("questions", "letters", "stories", "code")
WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "ser", "tun") for b in "abcdefghijklmnop"]
COUNT = 100_000
KINDS_OF_MAP = 500
# Stands in one case of a thousand.
RARE = "zebrafish"


def write_library(folder: Path, count: int) -> None:
    """A library of two models, prompts of 30 to 100 words, responses of 20 to 60."""
    folder.mkdir(parents=True, exist_ok=True)
    draw, numbers = random.Random(0), np.random.default_rng(0)
    lengths = [(draw.randint(30, 100), draw.randint(20, 60)) for _ in range(KINDS_OF_MAP)]
    with (folder / "cases.jsonl").open("w") as cases, (folder / "ratings.jsonl").open("w") as rated:
        for number in range(count):
            words = draw.choices(WORDS, k=lengths[number % KINDS_OF_MAP][0])
            if number % 1000 == 7:
                words[3] = RARE
            entry = {
                "id": f"case-{draw.randrange(10**6)}-{number}",
                "dataset": DATASETS[number % len(DATASETS)],
                "prompt": " ".join(words),
                "prompt_tokens": [f"▁{word}" for word in words],
                "instruction_spans": [" ".join(words[:12])],
                "instruction_mask": "1" * 12 + "0" * (len(words) - 12),
            }
            cases.write(json.dumps(entry, ensure_ascii=False) + "\n")
            if number % 10 == 0:
                line = {"id": entry["id"], "model": MODELS[1], "rating": 1.0 + number % 4}
                rated.write(json.dumps(line) + "\n")
    (folder / "models.json").write_text(json.dumps({"models": MODELS}))
    maps = [numbers.integers(0, 11, shape, dtype=np.uint8) for shape in lengths]
    for model in MODELS:
        with (
            (folder / "cases.jsonl").open("rb") as cases,
            (folder / f"responses_{model}.jsonl").open("w") as responses,
            ZipFile(folder / f"salience_{model}.npz", "w", ZIP_DEFLATED, compresslevel=1) as maps_,
        ):
            for number, line in enumerate(cases):
                shown = maps[number % KINDS_OF_MAP]
                name = json.loads(line)["id"]
                pieces = [f"▁{word}" for word in draw.choices(WORDS, k=shown.shape[1])]
                answer = {"id": name, "response_tokens": pieces}
                responses.write(json.dumps(answer, ensure_ascii=False) + "\n")
                with maps_.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, shown, allow_pickle=False)


class Browsing:
    """The program on a library, with folders of its own for state and settings."""

    def __init__(self, bench: Bench, library: Path, count: int) -> None:
        self._command = [bench.program, "--results", str(library)]
        self._environment = bench.environment
        self._count = count

    @contextmanager
    def opened(self) -> Iterator[Terminal]:
        """The program, just started."""
        with Terminal(self._command, environment=self._environment) as terminal:
            yield terminal

    def whole(self, terminal: Terminal) -> float:
        """Read until every case is listed; the time of the last byte."""
        return terminal.wait_for(f"{self._count} of {self._count} cases", 600)


def settled(terminal: Terminal, key: str) -> float:
    """Milliseconds from a key to the last byte that it made."""
    return answered(terminal, key)[1]


def answered(terminal: Terminal, key: str) -> tuple[float, float]:
    """Milliseconds from a key until the screen has answered, and to the last byte of all.

    It has answered once nothing came for 15 ms: a long search shows what it has, then the rest.
    """
    at = terminal.write(key)
    terminal.read(1.0)
    terminal.read_until_quiet(0.015)
    first = 1e3 * (terminal.last_byte - at)
    terminal.read_until_quiet(0.6)
    return first, 1e3 * (terminal.last_byte - at)


def first_opening(browsing: Browsing) -> list[Figure]:
    """Without an index: the first rows, a cursor key meanwhile, all rows, all scores."""
    with browsing.opened() as terminal:
        first = terminal.wait_for("case-", 60) - terminal.started
        keys = []
        for _ in range(8):
            at = terminal.write("\x1b[B")
            terminal.read(1.0)
            keys.append(1e3 * (terminal.last_byte - at))
            terminal.read_for(0.1)
        listed = browsing.whole(terminal) - terminal.started
        at_list = terminal.resident_memory() / 1e6
        terminal.wait_until(lambda: "so far" not in terminal.shown(), 600)
        scored = terminal.last_byte - terminal.started
        terminal.read_until_quiet(1.0)
        memory = max(at_list, terminal.resident_memory() / 1e6)
        terminal.end()
    return [
        Figure("first opening: rows on screen", 5.0, first, "s"),
        Figure("  the same: every case is listed", 30, listed, "s"),
        Figure("  the same: every score is there", 120, scored, "s"),
        Figure("  the same: a cursor key meanwhile", 100, statistics.median(keys), "ms"),
        Figure("  the same: memory of the UI process", 200, memory, "MB"),
    ]


def later_openings(browsing: Browsing) -> list[Figure]:
    """With an index: the first screen, filters as letters are typed, every order, memory."""
    firsts = []
    for _ in range(4):
        with browsing.opened() as terminal:
            firsts.append(browsing.whole(terminal) - terminal.started)
    with browsing.opened() as terminal:
        browsing.whole(terminal)
        terminal.wait_until(lambda: "so far" not in terminal.shown(), 600)
        terminal.read_until_quiet(1.0)
        begun = settled(terminal, "/")
        rare = [answered(terminal, letter) for letter in RARE]
        settled(terminal, "\x15")
        common = [answered(terminal, letter) for letter in "kab lof 1"]
        settled(terminal, "\x1b")
        orders = [settled(terminal, "o") for _ in range(7)]
        turned = settled(terminal, "O")
        filtered = [settled(terminal, key) for key in "fffff"]
        ends = [settled(terminal, key) for key in ("\x1b[F", "\x1b[H")]
        opened = settled(terminal, "\r")
        memory = terminal.resident_memory() / 1e6
        terminal.end()
    return [
        Figure("opening with an index: every case is listed", 1.0, statistics.median(firsts), "s"),
        Figure("/ until one can type", 100, begun, "ms"),
        *_typed("a letter of a rare word", rare),
        *_typed("a letter of common words", common),
        Figure("sort by a column, slowest", 100, max(orders), "ms", _each(orders)),
        Figure("turn the order round", 100, turned, "ms"),
        Figure("the next dataset, slowest", 100, max(filtered), "ms"),
        Figure("to the end and back, slower one", 100, max(ends), "ms"),
        Figure("open a case", 500, opened, "ms"),
        Figure("memory of the UI process", 200, memory, "MB"),
    ]


def _typed(what: str, times: list[tuple[float, float]]) -> list[Figure]:
    answers, ends = ([each[part] for each in times] for part in (0, 1))
    return [
        Figure(f"{what}: rows shown", 100, max(answers), "ms", _each(answers)),
        Figure("  the same: every row is found", 300, max(ends), "ms", _each(ends)),
    ]


def _each(times: list[float]) -> str:
    return ", ".join(f"{each:.0f}" for each in times)


def main() -> int:
    """Measure all and print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=COUNT, metavar="N")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the library is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        library = options.folder or Path(made, "large")
        if not (library / "cases.jsonl").exists():
            began = time.monotonic()
            write_library(library, options.cases)
            print(f"wrote {options.cases:,} cases in {time.monotonic() - began:.0f} s")
        for each in library.glob(".insttui-*"):
            each.unlink()
        home = Path(made, "home")
        home.mkdir()
        browsing = Browsing(Bench(home, None), library, options.cases)
        missed = False
        for measure in (first_opening, later_openings):
            for figure in measure(browsing):
                print(figure.row(), flush=True)
                missed |= figure.measured is None or figure.measured > figure.bar
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
