"""Times the components and words of one layer against the published way and scikit-learn.

Run: ``python -m tests.bench.bench_concepts [--patterns F] [--dimension D] [--words V] [--rank R]``,
with the extra ``bench`` installed. The defaults are one layer of a 7B Llama. The weights are
random: normal patterns, stretched so that the variance of dimension d falls as d^-0.3, stored as a
checkpoint stores them (float16, [D, F]); the word vectors are random too.

Every way runs in a process of its own and reads the layer from disk; the seconds leave reading and
imports out, the peak memory contains everything. Each is compared with a full decomposition and a
full sort in float64: the largest principal angle between the spaces of the R components, the
largest difference of an explained-variance ratio, and the share of words that stand at the same
place.

published      full SVD of the centred patterns; all components times all words, sorted (float32)
full SVD       the same, but products and sort for the R components only
sklearn full   sklearn.decomposition.PCA(svd_solver="full"), products, top K
sklearn cov    the same with "covariance_eigh"
sklearn rand   the same with "randomized", which is an approximation
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.linalg

from tests.bench.costs import peak_mb, timed

Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Directions [R, D], explained-variance ratios [R], word indices [R, K]."""


def make_layer(path: Path, patterns: int, dimension: int, words: int) -> None:
    """Writes random patterns and word vectors."""
    import torch
    from safetensors.torch import save_file

    random = torch.Generator().manual_seed(0)
    w_down = torch.randn(patterns, dimension, generator=random)
    w_down *= 0.02 * torch.arange(1, dimension + 1) ** -0.15
    vectors = torch.randn(words, dimension, generator=random)
    save_file({"w_down": w_down.T.contiguous().half(), "vectors": vectors}, path)


def ours(w_down, vectors, rank: int, k: int) -> Found:
    """`principal_words`, on the tensors as they are stored."""
    from analysis.concepts.compute.principal import principal_words

    found = principal_words(w_down, vectors, rank, k)
    return found.directions, found.explained_variance, found.word_indices


def full_decomposition(w_down, vectors, rank: int, k: int) -> Found:
    """Full SVD, then products and a full sort for `rank` components, as precise as the vectors."""
    import torch

    values = w_down.to(vectors.dtype)
    _, singular, right = torch.linalg.svd(values - values.mean(dim=0), full_matrices=False)
    variance = singular.square()
    cosines = right[:rank] @ torch.nn.functional.normalize(vectors, dim=1).T
    order = cosines.abs().argsort(dim=1, descending=True)
    return right[:rank].numpy(), (variance / variance.sum())[:rank].numpy(), order[:, :k].numpy()


def published(w_down, vectors, rank: int, k: int) -> Found:
    """What the paper's code does: every component has its words sorted, whatever is read of them.

    It then looks all of them up in an array of strings, which is left out here.
    """
    directions, ratios, words = full_decomposition(w_down, vectors, w_down.shape[1], k)
    return directions[:rank], ratios[:rank], words[:rank]


def exact(w_down, vectors, rank: int, k: int) -> Found:
    """The reference: the same in float64."""
    return full_decomposition(w_down, vectors.double(), rank, k)


def scikit_learn(solver: str) -> Callable[..., Found]:
    """Its PCA, then the words without a full sort."""

    def run(w_down, vectors, rank: int, k: int) -> Found:
        import torch
        from sklearn.decomposition import PCA

        pca = PCA(n_components=rank, svd_solver=solver, random_state=0).fit(w_down.float().numpy())
        directions = torch.from_numpy(pca.components_)
        cosines = directions @ torch.nn.functional.normalize(vectors, dim=1).T
        words = cosines.abs().topk(k, dim=1).indices
        return pca.components_, pca.explained_variance_ratio_, words.numpy()

    return run


WAYS: dict[str, Callable[..., Found]] = {
    "exact": exact,
    "ours": ours,
    "published": published,
    "full SVD": full_decomposition,
    "sklearn full": scikit_learn("full"),
    "sklearn cov": scikit_learn("covariance_eigh"),
    "sklearn rand": scikit_learn("randomized"),
}


def run_way(name: str, layer: Path, rank: int, k: int) -> None:
    """Reads the layer, runs one way, and leaves its answer beside the layer."""
    import torch
    from safetensors import safe_open

    if name.startswith("sklearn"):
        import sklearn.decomposition  # noqa: F401
    elif name == "ours":
        import analysis.concepts.compute.principal  # noqa: F401
    with safe_open(layer, "pt") as stored:
        w_down, vectors = stored.get_tensor("w_down").T, stored.get_tensor("vectors")
    with torch.no_grad():
        found, *seconds = timed(lambda: WAYS[name](w_down, vectors, rank, k))
    kept = dict(zip(("directions", "ratios", "words"), found, strict=True))
    np.savez(layer.with_name(f"{name}.npz"), **kept, cost=[*seconds, peak_mb() / 1024])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patterns", type=int, default=11008)
    parser.add_argument("--dimension", type=int, default=4096)
    parser.add_argument("--words", type=int, default=26498)
    parser.add_argument("--rank", type=int, default=300)
    parser.add_argument("--top", type=int, default=15)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--layer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "make":
        make_layer(options.layer, options.patterns, options.dimension, options.words)
    elif options.step:
        run_way(options.step, options.layer, options.rank, options.top)
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Runs every way in its own process; this one stays small, as children inherit its peak."""
    print(
        f"{options.patterns} x {options.dimension}, {options.words} words, rank {options.rank}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory() as folder:
        layer = Path(folder) / "layer.safetensors"

        def step(name: str) -> None:
            command = [sys.executable, "-m", "tests.bench.bench_concepts", *sys.argv[1:]]
            subprocess.run([*command, "--step", name, "--layer", str(layer)], check=True)

        step("make")
        found = {}
        print(
            f"{'':13}{'seconds':>9}{'cpu s':>8}{'x ours':>9}{'peak GiB':>10}{'angle rad':>11}"
            f"{'ratio diff':>12}{'same words':>12}"
        )
        for name in WAYS:
            step(name)
            with np.load(layer.with_name(f"{name}.npz")) as stored:
                found[name] = dict(stored)
            if name == "exact":
                reference = found[name]
                total = reference["ratios"].sum()
                print(f"first {options.rank} components: {total:.2%} of the variance")
                continue
            each = found[name]
            wall, cpu, peak = each["cost"]
            times = wall / found["ours"]["cost"][0]
            spaces = each["directions"].T.astype(float), reference["directions"].T
            print(
                f"{name:13}{wall:>9.2f}{cpu:>8.2f}{times:>9.1f}{peak:>10.2f}"
                f"{scipy.linalg.subspace_angles(*spaces).max():>11.1e}"
                f"{np.abs(each['ratios'] - reference['ratios']).max():>12.1e}"
                f"{(each['words'] == reference['words']).mean():>12.3%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
