"""The Neurons view on a pair of the shape of a model with 7 billion parameters.

Run: ``python -m tests.bench.bench_neurons_view [--layers L] [--neurons U]``. The counts are drawn
at random, by a process of their own; everything from the engine's messages on is the app's own
code, on a screen of 200×50. Prints resident memory with and without the counts, and what a moved
threshold costs: in processor time, since other work on the machine does not change that.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from analysis.events import Event, Finished
from analysis.models.request import ArchitectureRequest
from analysis.neurons.instructions import demo_instructions
from analysis.neurons.request import FrequenciesRequest
from analysis.neurons.result import Frequencies, LayerFrequencies
from analysis.neurons.sets import EPSILONS
from analysis.request import Request
from app.frame.registry import VIEWS
from cache.codec import decode, encode
from tests.app.pair_app import PairApp, until_shown
from tests.bench.costs import in_a_process, resident_bytes
from tests.support.scripted_session import answer
from tests.support.scripted_weights import architecture

INSTRUCTIONS = 50
TIMES = 10
KEY = str([each.id for each in VIEWS if "pair" in each.workspaces].index("components") + 1)


def draw(options: argparse.Namespace, folder: Path) -> None:
    """Write what the engine would send for every category and model."""
    for category in demo_instructions().categories:
        for model in ("demo-base", "demo-tuned"):
            found = drawn(model, category, options.layers, options.neurons)
            (folder / f"{model} {category}").write_bytes(encode(found))


def drawn(model: str, category: str, layers: int, neurons: int) -> Frequencies:
    """Counts at random, falling with ε; a few neurons are active all the time."""
    rng = np.random.default_rng(len(category) + len(model))
    found = []
    for _ in range(layers):
        often = rng.beta(0.5, 1.5, neurons)
        steps = [INSTRUCTIONS / (1 + np.exp((epsilon - often) * 12)) for epsilon in EPSILONS]
        found.append(
            LayerFrequencies(
                starts=np.array([0, neurons]),
                reached=np.rint(steps).astype(np.uint16),
                mean=often.astype(np.float32),
                expert_reached=np.zeros((100, 0), np.uint16),
                expert_mean=np.zeros(0, np.float32),
            )
        )
    return Frequencies(model, category, INSTRUCTIONS, 1000, tuple(found), (), 0.0)


async def measure(options: argparse.Namespace, folder: Path) -> None:
    """Open the view, move thresholds, print."""

    def script(request: Request) -> Iterator[Event]:
        if isinstance(request, ArchitectureRequest):
            yield Finished(architecture(request, layers=options.layers))
        elif isinstance(request, FrequenciesRequest):
            message = (folder / f"{request.model.name} {request.category}").read_bytes()
            yield Finished(decode(message, Frequencies))
        else:
            yield from answer(request)

    pair = PairApp(folder, script=script)
    async with pair.running(size=(200, 50)) as pilot:
        await until_shown(pilot, "Capital of a country")
        before = resident_bytes()
        await pilot.press(KEY)
        await until_shown(pilot, "all 6 categories are there", seconds=600)
        gc.collect()
        print(f"resident: {before / 1e6:.0f} MB, with the counts {resident_bytes() / 1e6:.0f} MB")
        for shown in ("changes", "overlaps", "layers", "list"):
            if shown == "list":
                await pilot.press("enter")
            elif shown != "changes":
                await pilot.press("v")
            await pilot.pause()
            costs = []
            for number in range(TIMES):
                started = time.process_time()
                await pilot.press("[" if number % 2 else "]")
                await pilot.pause()
                costs.append(time.process_time() - started)
            print(
                f"{shown:8}: ε moved in {1e3 * statistics.median(costs):.0f} ms of processor "
                f"time, at most {1e3 * max(costs):.0f}"
            )
        print(f"resident at the end: {resident_bytes() / 1e6:.0f} MB")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--neurons", type=int, default=11_008)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        in_a_process(draw, options, Path(folder))
        asyncio.run(measure(options, Path(folder)))


if __name__ == "__main__":
    main()
