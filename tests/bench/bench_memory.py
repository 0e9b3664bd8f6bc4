"""How much memory the studies of prompts hold for each prompt, with a session that answers at once.

    python -m tests.bench.bench_memory [--prompts N ...]

A study should hold what its tables need and no answer. Prints bytes a prompt (tracemalloc) at the
study's end and at its peak, between the smallest and the largest number of prompts.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis.events import Event, Finished
from analysis.request import ModelChoice, Request
from analysis.saliency import study_density, study_position
from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt
from analysis.saliency.gather import AskedCases
from analysis.studies.findings import Findings
from analysis.studies.study import Study
from tests.support.scripted_session import attribution
from tests.support.studies import KeepingJob, KeepingSession

BASE, TUNED = (ModelChoice(name, f"/{name}") for name in ("demo-base", "demo-tuned"))
STUDIES: dict[str, Callable[[AskedCases], Study]] = {
    "density": study_density.study,
    "position": study_position.study,
}


class AnsweringSession(KeepingSession):
    """Has every answer in its cache, made when it is read and not held."""

    def submit(
        self, request: Any, listener: Callable[[Event], None], *, background: bool = False
    ) -> KeepingJob:
        """Answer at once."""
        listener(Finished(self.cached(request), from_cache=True))
        return KeepingJob()

    def cached(self, request: Request[Any]) -> Any:
        """The answer."""
        return attribution(request)

    def holds(self, request: Request[Any]) -> bool:
        """Every one."""
        return True


def prompt_set(count: int) -> PromptSet:
    """Prompts of a dozen words, in four datasets, some rated."""
    prompts = tuple(
        StudyPrompt(
            f"case-{number}",
            f"set-{number % 4}",
            f"Write the number {number} in words and say why it is a good one.",
            ((0, 16),),
            guessed=False,
            rating=1.0 + number % 4,
        )
        for number in range(count)
    )
    return PromptSet("made", prompts, "digest")


def held(study: Callable[[AskedCases], Study], count: int, folder: Path) -> tuple[int, int, float]:
    """Bytes that a study's findings hold, its peak, both beside its prompts, and seconds."""
    given = AskedCases(AnsweringSession({}), BASE, TUNED, prompt_set(count), cases_folder=folder)
    gc.collect()
    tracemalloc.start()
    began = time.monotonic()
    found = _found(study(given))
    gc.collect()
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.tables
    return size, peak, time.monotonic() - began


def _found(steps: Study) -> Findings:
    """What a study finds; what it says on the way is let go."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Findings = end.value
            return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--prompts", type=int, nargs="+", default=[1000, 20_000], metavar="N")
    options = parser.parse_args()
    counts = sorted(options.prompts)
    for name in options.studies:
        study = STUDIES[name]
        with tempfile.TemporaryDirectory() as made:
            # What it imports is no part of it.
            held(study, 40, Path(made))
        sizes = []
        for count in counts:
            with tempfile.TemporaryDirectory() as made:
                size, peak, seconds = held(study, count, Path(made))
            sizes.append((count, size, peak))
            told = f"held {size / 1e6:8.1f} MB, peak {peak / 1e6:8.1f} MB, {seconds:6.1f} s"
            print(f"{name:<10} {count:>7,} prompts: {told}", flush=True)
        (few, size, peak), (many, later, highest) = sizes[0], sizes[-1]
        if many > few:
            each, most = (later - size) / (many - few), (highest - peak) / (many - few)
            print(f"{name:<10} a prompt: held {each:,.0f} bytes, peak {most:,.0f} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
