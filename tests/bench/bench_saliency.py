"""Times importance against the published way, one forward and backward pass a response token.

Run: ``python -m tests.bench.bench_saliency [--dimension D] [--layers L] [--repeats R]``. Both ways
run in one process on the same random Llama; the table gives seconds, their ratio and the largest
difference relative to a column's largest entry.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from analysis.saliency import importance

SIZES = ((32, 32), (64, 64), (64, 192))
VOCABULARY = 8192


def published_way(model: LlamaForCausalLM, prompt: list[int], response: list[int]) -> torch.Tensor:
    """Importance with weights that require gradients and a pass over the prefix a token."""
    columns = []
    for m, token in enumerate(response):
        ids = torch.tensor([[*prompt, *response[:m]]])
        embeddings = model.get_input_embeddings()(ids).detach().requires_grad_()
        logits = model(inputs_embeds=embeddings, use_cache=False).logits[0, -1]
        logits.log_softmax(-1)[token].backward()
        columns.append((embeddings * embeddings.grad)[0, : len(prompt)].sum(-1).detach())
        model.zero_grad()
    return torch.stack(columns, dim=1)


def fastest(run: Callable[[], torch.Tensor], repeats: int) -> tuple[float, torch.Tensor]:
    """Seconds of the fastest of some runs, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=options.dimension,
            intermediate_size=options.dimension * 11 // 4,
            num_hidden_layers=options.layers,
            num_attention_heads=8,
            num_key_value_heads=8,
        )
    ).eval()
    print(f"Llama D={options.dimension} L={options.layers}, {torch.get_num_threads()} threads")
    print(f"{'N':>5}{'M':>5}{'published s':>13}{'ours s':>9}{'ratio':>7}{'difference':>12}")
    for n, m in SIZES:
        ids = torch.randint(0, VOCABULARY, (n + m,)).tolist()
        prompt, response = ids[:n], ids[n:]
        theirs, expected = fastest(partial(published_way, model, prompt, response), options.repeats)
        ours, computed = fastest(partial(importance, model, prompt, response), options.repeats)
        difference = ((computed - expected).abs() / expected.abs().amax(0)).max()
        print(f"{n:>5}{m:>5}{theirs:>13.2f}{ours:>9.2f}{theirs / ours:>7.2f}{difference:>12.1e}")


if __name__ == "__main__":
    main()
