"""Times the directions of a matrix's change against a full decomposition by torch.

Run: ``python -m tests.bench.bench_changes [--width D] [--outputs F] [--rank R]``. The defaults are
the up projection of a 7B Llama. Base and tuned matrix are random, stored as a checkpoint stores
them (float16, [F, D]) and read from disk; the tuned one is the base one plus noise (``flat``, the
worst case: nothing separates one direction from the next), or plus a change whose singular values
fall as r^-0.6 (``falling``).

Either way runs in a process of its own; seconds begin after imports and contain reading. What the
full decomposition gives is the reference of the other columns: the largest relative difference of
the first R singular values, the smallest |cosine| of the directions that are called settled with
their own, how many those are, and the effective ranks.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from tests.bench.costs import in_a_process, peak_mb, timed


def make_pair(folder: Path, kind: str, width: int, outputs: int) -> None:
    """Writes a matrix before and after."""
    import torch
    from safetensors.torch import save_file

    random = torch.Generator().manual_seed(0)
    base = 0.02 * torch.randn(outputs, width, generator=random)
    change = torch.randn(outputs, width, generator=random)
    if kind == "falling":
        rank = width // 4
        left = torch.randn(outputs, rank, generator=random) * torch.arange(1, rank + 1) ** -0.6
        change = left @ torch.randn(rank, width, generator=random)
    change *= 1e-3 / change.std()
    for name, matrix in (("base", base), ("tuned", base + change)):
        save_file({"w": matrix.half()}, folder / f"{name}.safetensors")


def ours(folder: Path, rank: int) -> dict[str, np.ndarray]:
    """The way of the ``changes`` command, without words."""
    from analysis.changes.compute.reading import difference
    from analysis.changes.compute.spectrum import spectrum
    from analysis.engine.weights.matrices import WeightTensor
    from analysis.engine.weights.tensors import DiskTensors
    from analysis.models.checkpoint import Checkpoint

    sources = [
        DiskTensors(
            Checkpoint(
                folder=folder, config={}, weights=(folder / f"{name}.safetensors",), pickled=False
            )
        )
        for name in ("base", "tuned")
    ]
    shape = sources[0].shape("w")
    tensor = WeightTensor("up", ("w",), shape, side="reads")
    change = difference(*sources, tensor, tensor, keep=True)
    found = spectrum([change.blocks[0].T], rank)
    return {
        "values": found.singular_values,
        "directions": found.directions.numpy(),
        "settled": found.settled,
        "rank": np.array([found.effective_rank, found.effective_rank_error]),
    }


def full(folder: Path, rank: int) -> dict[str, np.ndarray]:
    """torch.linalg.svd of the difference, float32."""
    import torch
    from safetensors.torch import load_file

    base, tuned = (load_file(folder / f"{name}.safetensors")["w"] for name in ("base", "tuned"))
    _, values, right = torch.linalg.svd(tuned.float() - base.float(), full_matrices=False)
    shares = values.double() ** 2 / (values.double() ** 2).sum()
    effective = float(torch.exp(-(shares * shares.clamp_min(1e-300).log()).sum()))
    return {
        "values": values[:rank].double().numpy(),
        "directions": right[:rank].double().numpy(),
        "settled": np.ones(rank, np.bool_),
        "rank": np.array([effective, 0.0]),
    }


WAYS = {"torch svd": full, "ours": ours}


def run_way(name: str, folder: Path, rank: int) -> None:
    """Runs one way and leaves its answer in the folder."""
    import safetensors.torch  # noqa: F401

    import analysis.changes.compute.spectrum  # noqa: F401

    found, *seconds = timed(lambda: WAYS[name](folder, rank))
    np.savez(folder / f"{name}.npz", **found, cost=[*seconds, peak_mb() / 1024])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--outputs", type=int, default=11008)
    parser.add_argument("--rank", type=int, default=16)
    options = parser.parse_args()
    print(
        f"{options.outputs} x {options.width}, rank {options.rank}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'':20}{'seconds':>9}{'cpu s':>8}{'x ours':>8}{'peak GiB':>10}{'values':>10}"
        f"{'|cos|':>8}{'settled':>9}{'effective rank':>18}"
    )
    for kind in ("flat", "falling"):
        with tempfile.TemporaryDirectory() as name:
            compare(kind, Path(name), options)


def compare(kind: str, folder: Path, options: argparse.Namespace) -> None:
    """Prints a line for each way."""
    in_a_process(make_pair, folder, kind, options.width, options.outputs)
    found = {}
    for name in WAYS:
        in_a_process(run_way, name, folder, options.rank)
        with np.load(folder / f"{name}.npz") as stored:
            found[name] = dict(stored)
    reference = found["torch svd"]
    for name, each in found.items():
        wall, cpu, peak = each["cost"]
        settled = each["settled"]
        cosines = np.abs((each["directions"] * reference["directions"]).sum(axis=1))[settled]
        rank, error = each["rank"]
        print(
            f"{kind + ', ' + name:20}{wall:>9.2f}{cpu:>8.2f}{wall / found['ours']['cost'][0]:>8.1f}"
            f"{peak:>10.2f}{np.abs(each['values'] / reference['values'] - 1).max():>10.1e}"
            f"{cosines.min(initial=1.0):>8.4f}{settled.sum():>9}{f'{rank:.1f} ± {error:.1f}':>18}",
            flush=True,
        )


if __name__ == "__main__":
    main()
