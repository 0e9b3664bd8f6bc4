"""Times the totals of a response beside libraries asked for the same: a sum over response tokens.

Run: ``python -m tests.bench.bench_totals [--shapes 64,192 300,2000] [--peers inseq captum]
[--asked A] [--layers L] [--width D]``. Everything runs in one process. Others explain one response
token after the other; of a long response they are asked for A of its tokens, evenly spread, and
their time is multiplied. Per way the table gives seconds, the ratio to ours, peak memory beside
what was there before, and the largest difference to our totals as a share of their largest, where
all tokens were asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from analysis.saliency.compute.importance import importance, totals
from tests.bench.bench_saliency import (
    captum_way,
    fastest,
    inseq_way,
    peak_memory,
    random_llama,
    tokens_of,
)

PEERS = {"inseq": inseq_way, "captum": captum_way}

Asked = Callable[[LlamaForCausalLM, list[int], list[int]], Tensor]


def spread(count: int, asked: int) -> list[int]:
    """So many response tokens of all, from the middle of as many equal parts."""
    asked = min(asked, count)
    return [(2 * part + 1) * count // (2 * asked) for part in range(asked)]


def asked_of_a_peer(way: Asked, places: list[int]) -> Asked:
    """The importance for some response tokens only, each with its prefix, summed up."""

    def summed(model: LlamaForCausalLM, prompt: list[int], response: list[int]) -> Tensor:
        if len(places) >= len(response):
            return way(model, prompt, response).detach().sum(dim=1)
        columns = [
            way(model, [*prompt, *response[:m]], response[m : m + 1]).detach()[: len(prompt)]
            for m in places
        ]
        return torch.cat(columns, dim=1).sum(dim=1)

    return summed


def compare(model: LlamaForCausalLM, shape: str, options: argparse.Namespace) -> None:
    """Prints the table of one shape."""
    prompt, response = tokens_of(shape)
    count = len(response)
    places = spread(count, options.asked)
    times = count / len(places)
    ways: dict[str, tuple[Asked, float]] = {"ours, totals": (totals, 1.0)}
    if options.map:
        ours: Asked = lambda *given: importance(*given).sum(dim=1)  # noqa: E731
        ways["ours, map summed"] = (ours, 1.0)
    for name in options.peers:
        ways[name] = (asked_of_a_peer(PEERS[name], places), times)
    print(f"\nN={len(prompt)} M={count}, of others {len(places)} response tokens asked")
    print(f"{'':18}{'seconds':>10}{'to ours':>10}{'memory':>10}{'difference':>12}")
    first: tuple[float, Tensor] | None = None
    for name, (way, factor) in ways.items():
        # What a library does at its first call only is not what is compared.
        way(model, prompt[:4], response[:2])
        with peak_memory() as highest:
            seconds, computed = fastest(partial(way, model, prompt, response), 1)
        seconds *= factor
        first = first or (seconds, computed)
        apart = float((computed - first[1]).abs().max() / first[1].abs().max())
        print(
            f"{name:18}{seconds:10.2f}{seconds / first[0]:10.1f}{highest[0] / 1e6:7.0f} MB"
            + (f"{apart:12.1e}" if factor == 1 else f"{'':>12}"),
            flush=True,
        )


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=["64,192", "300,2000"])
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--asked", type=int, default=192)
    parser.add_argument("--map", action="store_true", help="our map too")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--layers", type=int, default=8)
    options = parser.parse_args()
    print(f"Llama D={options.width} L={options.layers}, {torch.get_num_threads()} threads")
    model = random_llama(options.width, options.layers)
    for shape in options.shapes:
        compare(model, shape, options)


if __name__ == "__main__":
    main()
