"""Times one layer's word pairs at 7B width, base and tuned, against the published style.

Run: ``python -m tests.bench.bench_heads [--width D] [--heads H] [--words V] [--neurons N]``. The
published style is a Python loop over neuron pairs that sorts the whole vocabulary and compares
words pair by pair, with the thresholds of both words computed for every pair; a second figure
grants it thresholds that are computed once. It runs on a few neuron pairs of one head only: the
ratios are per neuron pair, and hold for a layer by extrapolation. Both work on the same random
numbers in one process, and the pairs of those neuron pairs are checked to be the same.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.heads.compute.word_pairs import head_word_pairs, layer_word_pairs
from analysis.words.compute.thresholds import similarity_thresholds
from tests.bench.costs import peak_mb, timed

HEAD_DIM = 128
DIMENSIONS = 300
K = 100


def published_style(
    embeddings: NDArray[np.float32],
    w_q: NDArray[np.float32],
    w_k: NDArray[np.float32],
    vectors: NDArray[np.float32],
    threshold: Callable[[int], float],
) -> list[tuple[int, int, int]]:
    """The word pairs of some neuron pairs, one after the other."""
    counts: Counter[tuple[int, int]] = Counter()
    for i in range(w_q.shape[1]):
        q, k = embeddings @ w_q[:, i], embeddings @ w_k[:, i]
        top_q = sorted(range(len(q)), key=lambda word, of=q: -abs(of[word]))[:K]
        top_k = sorted(range(len(k)), key=lambda word, of=k: -abs(of[word]))[:K]
        for a in top_q:
            for b in top_k:
                if a == b or q[a] * k[b] <= 0:
                    continue
                if vectors[a] @ vectors[b] > max(threshold(a), threshold(b)):
                    counts[a, b] += 1
    return sorted(((a, b, n) for (a, b), n in counts.items()), key=lambda row: (-row[2], row[:2]))


def report_published_style(
    name: str,
    ours: tuple[float, float],
    neurons: int,
    run: Callable[[], list[tuple[int, int, int]]],
) -> list[tuple[int, int, int]]:
    """Times one variant a neuron pair and prints it beside ours; its pairs."""
    found, *seconds = timed(run)
    took, used = (each / neurons for each in seconds)
    print(
        f"{name:<34} {1000 * took:8.1f} ms  ({1000 * used:.1f} ms of CPU, {neurons} neuron pairs)"
    )
    print(
        f"    ratio, extrapolated           {took / ours[0]:9.0f}   ({used / ours[1]:.0f} by CPU)"
    )
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--words", type=int, default=26_498)
    parser.add_argument("--neurons", type=int, default=8)
    options = parser.parse_args()
    random = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random)

    vectors = torch.nn.functional.normalize(normal(options.words, DIMENSIONS), dim=1).numpy()
    print(
        f"D = {options.width}, {options.heads} heads of {HEAD_DIM}, {options.words} words, "
        f"{DIMENSIONS}-dimensional vectors, {torch.get_num_threads()} threads"
    )
    wall, cpu = time.perf_counter(), time.process_time()
    thresholds = similarity_thresholds(vectors)
    print(f"thresholds of all words            {time.perf_counter() - wall:8.2f} s")

    seconds = used = 0.0
    for model in ("base", "tuned"):
        embeddings = normal(options.words, options.width)
        w_q, w_k = (normal(options.heads, options.width, HEAD_DIM) for _ in range(2))
        layer = partial(layer_word_pairs, embeddings, w_q, w_k, vectors, thresholds, K)
        found, took, busy = timed(lambda of=layer: sum(len(pairs.first) for pairs in of()))
        seconds, used = seconds + took, used + busy
        print(
            f"one layer, {model:<5}                 {took:8.2f} s"
            f"  ({busy:.1f} s of CPU, {found} pairs)"
        )
    print(f"one layer, base and tuned          {seconds:8.2f} s")
    print(f"whole run, thresholds and data     {time.perf_counter() - wall:8.2f} s", end="")
    print(f"  ({time.process_time() - cpu:.1f} s of CPU)")
    print(f"peak resident memory               {peak_mb() / 1024:8.2f} GB")

    every = 2 * options.heads * HEAD_DIM
    ours = (seconds / every, used / every)
    print(f"ours, a neuron pair                {1000 * ours[0]:8.1f} ms", end="")
    print(f"  ({1000 * ours[1]:.1f} ms of CPU)")

    def computed(word: int) -> float:
        cosines = vectors[:1000] @ vectors[word]
        return float(cosines.mean() + 1.96 * cosines.std())

    arrays = [
        each.numpy()
        for each in (embeddings, *(w[0, :, : options.neurons].contiguous() for w in (w_q, w_k)))
    ]
    style = partial(published_style, *arrays, vectors)
    report_published_style("published style", ours, options.neurons, partial(style, computed))
    expected = report_published_style(
        "  with thresholds computed once", ours, options.neurons, partial(style, thresholds.item)
    )
    same = head_word_pairs(*arrays, vectors, thresholds, K) == expected
    print(f"same pairs on that subset          {'yes' if same else 'NO':>8}")


if __name__ == "__main__":
    main()
