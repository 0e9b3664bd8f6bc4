"""How fast and how quiet the real program is in a terminal of 200×50, against what it has to hold.

    python -m tests.bench.bench_terminal [--model FOLDER]

Prints one table. Times are from the key to the last byte at the terminal's end, medians of several
keys. With `--model` another pair than the demo computes (the folder serves as base and as tuned).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from analysis.demo.catalog import DEMO_BASE, DEMO_TUNED, examples
from analysis.events import Event, Partial
from analysis.models.references import resolve
from analysis.models.request import LoadRequest
from analysis.saliency.request import AttributionRequest
from analysis.session.session import Session
from tests.support.terminal import Terminal

# No escape sequence contains these.
LETTERS = "ÄÖÜßàéèêøñ" * 3
DOWN, RIGHT, HELD = "\x1b[B", "\x1b[C", 100

LIBRARY_MODELS = ("bench_base", "bench_tuned")

SENTENCE = "the word choice in this email is fine but could be more formal and less direct"
WORDS = SENTENCE.split()

# The least that Textual draws.
EMPTY = """
from textual.app import App
from textual.widgets import Static

class Empty(App):
    def compose(self):
        yield Static(" insttui ")

Empty().run()
"""

# What a user needs at least to read an example.
READING_S = 3.0

PROMPT = "Explain in one sentence: " + " ".join(WORDS * 12)


@dataclass(frozen=True)
class Figure:
    """One line of the table; `measured` is None where it could not be measured."""

    name: str
    bar: float
    measured: float | None
    unit: str
    note: str = ""

    def row(self) -> str:
        """The line as text."""
        if self.measured is None:
            return f"{self.name:<46} {self.bar:>8g} {'–':>9} {self.unit:<4} –   {self.note}"
        verdict = "ok" if self.measured <= self.bar else "NOT"
        return (
            f"{self.name:<46} {self.bar:>8g} {self.measured:>9.4g} {self.unit:<4} {verdict:<3} "
            f"{self.note}"
        ).rstrip()


def write_library(folder: Path, *, prompt_tokens: int = 600, response_tokens: int = 300) -> None:
    """Write a library of one case as large as grids get."""
    prompt = [WORDS[i % len(WORDS)] for i in range(prompt_tokens)]
    case = {
        "id": "large",
        "dataset": "bench",
        "prompt": " ".join(prompt),
        "reference": "",
        "instruction_spans": [" ".join(prompt[:15])],
        "context": "",
        "prompt_tokens": ["▁" + word for word in prompt],
        "instruction_mask": "1" * 15 + "0" * (prompt_tokens - 15),
    }
    (folder / "cases.jsonl").write_text(json.dumps(case) + "\n")
    random = np.random.default_rng(0)
    for model in LIBRARY_MODELS:
        response = ["▁" + WORDS[(7 * i) % len(WORDS)] for i in range(response_tokens)]
        line = {"id": "large", "response_tokens": response}
        (folder / f"responses_{model}.jsonl").write_text(json.dumps(line) + "\n")
        importance = random.standard_normal((prompt_tokens, response_tokens))
        levels = np.ceil(10 * (np.maximum(importance, 0) / importance.max(axis=0)))
        np.savez_compressed(folder / f"salience_{model}.npz", large=levels.astype(np.uint8))


class Bench:
    """The program with folders of its own, so that no cache or state of the user plays a part."""

    def __init__(self, folder: Path, model: str | None) -> None:
        program = shutil.which("insttui", path=str(Path(sys.executable).parent))
        if program is None:
            raise SystemExit("insttui is not installed beside this Python: pip install -e .")
        self.program = program
        self.folder = folder
        self.environment = {
            f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "CONFIG", "STATE")
        }
        # What is measured is the grid, not the answers that a new user would see first.
        state = Path(self.environment["XDG_STATE_HOME"], "insttui", "state.json")
        state.parent.mkdir(parents=True)
        state.write_text(json.dumps({"face": "grid"}), encoding="utf-8")
        # As installed: pip compiles what it installs, an editable checkout may be forbidden to.
        self.environment |= {"PYTHONDONTWRITEBYTECODE": ""}
        self.library = folder / "library"
        self.library.mkdir()
        write_library(self.library)
        self.pair = ["--base", model, "--tuned", model] if model else []

    @contextmanager
    def large_grid(self) -> Iterator[Terminal]:
        """The program with a 600×300 grid on screen and its cursor off the edges."""
        arguments = [self.program, "--results", str(self.library)]
        with Terminal(arguments, environment=self.environment) as terminal:
            terminal.wait_for("large", 20)
            terminal.read_until_quiet(0.5)
            terminal.write("\r")
            terminal.wait_for("instruction score", 20)
            terminal.read_until_quiet(0.5)
            for key in DOWN * 3 + RIGHT * 3:
                terminal.write(key)
            terminal.read_until_quiet(0.5)
            yield terminal

    @contextmanager
    def computing(self) -> Iterator[Terminal]:
        """The program while its engine generates and attributes a long prompt."""
        # Nothing stored, no draft: what an earlier measurement left would be shown at once.
        fresh = tempfile.mkdtemp(dir=self.folder)
        environment = self.environment | {"XDG_STATE_HOME": fresh, "XDG_CACHE_HOME": fresh}
        with Terminal([self.program, *self.pair], environment=environment) as terminal:
            terminal.wait_for("Examples", 60)
            terminal.read_until_quiet(0.5)
            terminal.write(PROMPT)
            terminal.read_until_quiet(0.5)
            terminal.write("\x12")
            terminal.wait_for_screen("response tokens", timeout=60)
            yield terminal


def help_time(bench: Bench) -> list[Figure]:
    """`--help` over an interpreter that does nothing."""

    def seconds(command: list[str]) -> float:
        times = []
        for _ in range(8):
            start = time.perf_counter()
            subprocess.run(
                command, check=True, stdout=subprocess.DEVNULL, env=os.environ | bench.environment
            )
            times.append(time.perf_counter() - start)
        return statistics.median(times[1:])

    over = seconds([bench.program, "--help"]) - seconds([sys.executable, "-c", "pass"])
    return [Figure("--help over an empty interpreter", 0.15, over, "s")]


def first_paint(bench: Bench) -> list[Figure]:
    """From the start to the header on screen, beside an empty app; what is in memory by then."""
    times, empty, torch = [], [], 0
    for _ in range(6):
        with Terminal([bench.program, *bench.pair], environment=bench.environment) as terminal:
            times.append(terminal.wait_for(" insttui ", 20) - terminal.started)
            torch += terminal.has_mapped("libtorch")
        with Terminal([sys.executable, "-c", EMPTY]) as terminal:
            empty.append(terminal.wait_for(" insttui ", 20) - terminal.started)
    note = f"an empty Textual app: {statistics.median(empty[1:]):.3f} s"
    return [
        Figure("first paint, warm", 0.5, statistics.median(times[1:]), "s", note),
        Figure("starts with torch in the UI process", 0, torch, ""),
    ]


def cursor_keys(bench: Bench) -> list[Figure]:
    """Bytes and time of one cursor key, of a held key, and of none."""
    sizes, firsts, lasts = [], [], []
    with bench.large_grid() as terminal:
        for key in [DOWN, RIGHT] * 8:
            at, before = terminal.write(key), len(terminal.output)
            terminal.read(1.0)
            firsts.append(1e3 * (terminal.last_byte - at))
            terminal.read_until_quiet(0.2)
            lasts.append(1e3 * (terminal.last_byte - at))
            sizes.append(len(terminal.output) - before)
        drained = []
        for key in (DOWN, RIGHT):
            at = terminal.write(key * HELD)
            terminal.read_until_quiet(0.6)
            drained.append(terminal.last_byte - at)
        memory = terminal.resident_memory() / 1e6
        idle = len(terminal.read_for(5.0))
    return [
        Figure("cursor key in 600×300, no scroll: bytes", 1024, statistics.median(sizes), "B"),
        Figure("  the same: until the cursor has moved", 10, statistics.median(firsts), "ms"),
        Figure("  the same: until all panes have followed", 10, statistics.median(lasts), "ms"),
        Figure("hundred keys held down: drained", 0.2, max(drained), "s"),
        Figure("idle for 5 s: bytes", 0, idle, "B"),
        Figure("resident memory of the UI process", 120, memory, "MB"),
    ]


def first_example(bench: Bench) -> list[Figure]:
    """From enter on the first example to both maps with their scores; computed, then stored."""
    times = []
    for ready in ("engine ready", "Examples"):
        with Terminal([bench.program, *bench.pair], environment=bench.environment) as terminal:
            terminal.wait_for(ready, 60)
            terminal.read_until_quiet(0.3)
            before = len(terminal.output)
            at = terminal.write("\r")
            times.append(terminal.wait_for("different answers", 120, since=before) - at)
            # Scores are there before all is, and only what is whole is stored.
            terminal.wait_for_screen("engine ready", timeout=120)
    computed, stored = times
    return [
        Figure("first example, both maps, engine up", 5.0, computed, "s"),
        Figure("the same in a new process, from the cache", 0.5, stored, "s"),
    ]


def first_answers(bench: Bench) -> list[Figure]:
    """From enter on the first example to both responses and totals, by a session without cache.

    Enter at once, as the engine starts; and after the time that it takes to read an example.
    """
    base, tuned = (resolve(name) for name in (DEMO_BASE, DEMO_TUNED))
    found = []
    for reading_s in (0.0, READING_S):
        times: dict[tuple[str, str], float] = {}
        session = Session()
        for model in (tuned, base):
            session.submit(LoadRequest(model)).put_behind(True)
        time.sleep(reading_s)
        began = time.monotonic()

        def hear(model: str, event: Event, began: float = began, times: Any = times) -> None:
            if isinstance(event, Partial) and event.result.ended != "running":
                times.setdefault((model, "answer"), time.monotonic() - began)
                if not np.isnan(event.result.totals).any():
                    times.setdefault((model, "totals"), time.monotonic() - began)

        prompt = examples()[0].prompt
        jobs = [
            session.submit(AttributionRequest(model, prompt), partial(hear, model.name))
            for model in (tuned, base)
        ]
        for job in jobs:
            job.wait(300)
        session.close()
        what = f"enter after {reading_s:g} s, cold: "
        answers = max(times[name, "answer"] for name in (DEMO_BASE, DEMO_TUNED))
        totals = max(times[name, "totals"] for name in (DEMO_BASE, DEMO_TUNED))
        note = f"the tuned one after {times[DEMO_TUNED, 'answer']:.2f} s"
        found += [
            Figure(f"{what}both answers", 5.0, answers, "s", note),
            Figure("  the same: totals of both, later by", 1.0, totals - answers, "s"),
        ]
    return found


def while_computing(bench: Bench) -> list[Figure]:
    """How soon a letter typed into the prompt entry is seen while the engine computes."""
    latencies = []
    with bench.computing() as terminal:
        for key in "1":
            terminal.write(key)
            terminal.read_for(0.3)
        for letter in LETTERS:
            before = len(terminal.output)
            at = terminal.write(letter)
            terminal.wait_for(letter, 10, since=before)
            latencies.append(1e3 * (terminal.last_byte - at))
            terminal.read_for(0.05)
        busy = "engine ready" not in "\n".join(terminal.screen())
    note = "" if busy else "the engine had finished before the end"
    p95 = statistics.quantiles(latencies, n=20)[-1]
    return [Figure("key while the engine computes, p95", 50, p95, "ms", note)]


def quit_time(bench: Bench) -> list[Figure]:
    """From `q` to the end of the process while the engine computes."""
    times = []
    for _ in range(3):
        with bench.computing() as terminal:
            terminal.read_for(0.3)
            at = terminal.write("\x03")
            times.append(terminal.wait_for_exit(10) - at)
    return [Figure("quit while the engine computes", 0.3, statistics.median(times), "s")]


MEASUREMENTS: dict[Callable[[Bench], list[Figure]], str] = {
    help_time: "--help",
    first_paint: "first paint",
    cursor_keys: "cursor keys",
    first_example: "first example",
    first_answers: "first answers",
    while_computing: "key while the engine computes",
    quit_time: "quit while the engine computes",
}


def main() -> int:
    """Measure all and print the table; 1 when a bar is missed or nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="folder of a model that computes in place of the demo pair")
    model = parser.parse_args().model
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), model)
        for measure, name in MEASUREMENTS.items():
            try:
                figures += measure(bench)
            except (TimeoutError, OSError, subprocess.CalledProcessError) as error:
                reason = str(error).strip().splitlines()[0]
                figures.append(Figure(name, float("nan"), None, "", reason))
    print(f"{'figure':<46} {'bar':>8} {'measured':>9}")
    for figure in figures:
        print(figure.row())
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return int(any(f.measured is None or f.measured > f.bar for f in figures))


if __name__ == "__main__":
    raise SystemExit(main())
