"""Times direct contributions against a plain loop over heads, written for Llama by hand.

Run: ``python -m tests.bench.bench_contributions [--layers L] [--width D] [--tokens T]``. A random
Llama of float32 weights. The plain way reads the whole text with its attentions as output, keeps
what enters every projection, and for each head multiplies through W_O and the head's row behind the
last norm; then the same for each head and token, and for each neuron. Ours reads the text as it
does in the app, with its checks. Either way runs in a process of its own; seconds begin after
imports and building, the second of two runs counts. ``apart`` is the largest difference of a head's
or a word's contribution.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.costs import in_a_process, peak_mb, timed


def model_of(layers: int, width: int) -> Any:
    """The model; the same in every process."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    heads = width // 64
    config = LlamaConfig(
        hidden_size=width,
        intermediate_size=width * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 4),
        vocab_size=32_000,
    )
    return LlamaForCausalLM(config).eval()


def ours(model: Any, ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """As in the engine."""
    from analysis.contributions.compute.contributions import take_apart

    found = take_apart(model, ids, 5)
    return found.direct.parts.heads, found.words


def plain(model: Any, ids: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A loop over layers, heads and tokens."""
    import torch

    kept: dict[Any, Any] = {}

    def keep(name: Any) -> Any:
        return lambda _module, args: kept.__setitem__(name, args[0][0])

    hooks = []
    for number, layer in enumerate(model.model.layers):
        hooks.append(layer.self_attn.o_proj.register_forward_pre_hook(keep((number, "z"))))
        hooks.append(layer.self_attn.v_proj.register_forward_pre_hook(keep((number, "x"))))
        hooks.append(layer.mlp.down_proj.register_forward_pre_hook(keep((number, "mlp"))))
    hooks.append(model.model.norm.register_forward_pre_hook(keep("stream")))
    model.set_attn_implementation("eager")
    heads = model.config.num_attention_heads
    found, words = [], []
    with torch.no_grad():
        out = model(input_ids=torch.tensor([ids]), output_attentions=True, use_cache=False)
        for hook in hooks:
            hook.remove()
        norm, stream = model.model.norm, kept["stream"][-1]
        size = (stream.square().mean() + norm.variance_epsilon).sqrt()
        u = model.lm_head.weight[5] * norm.weight / size
        for number, layer in enumerate(model.model.layers):
            attention = layer.self_attn
            z = kept[number, "z"][-1].view(heads, -1)
            v = attention.v_proj(kept[number, "x"]).view(len(ids), -1, z.shape[1])
            w_o = attention.o_proj.weight
            shared = heads // v.shape[1]
            for head in range(heads):
                own = w_o[:, head * z.shape[1] : (head + 1) * z.shape[1]]
                found.append(float(z[head] @ own.T @ u))
                written = out.attentions[number][0, head, -1][:, None] * v[:, head // shared]
                words.append((written @ own.T @ u).numpy())
            neurons = kept[number, "mlp"][-1] * (u @ layer.mlp.down_proj.weight)
            neurons.abs().topk(10)
    shape = (model.config.num_hidden_layers, heads)
    return np.array(found).reshape(shape), np.array(words).reshape(*shape, len(ids))


WAYS = {"plain loop": plain, "ours": ours}


def run_way(name: str, folder: Path, layers: int, width: int, tokens: int) -> None:
    """Run one way and leave its answer in the folder."""
    import analysis.contributions.compute.contributions  # noqa: F401

    model = model_of(layers, width)
    ids = tuple(int(each) for each in np.random.default_rng(0).integers(3, 32_000, tokens))
    WAYS[name](model, ids)
    (heads, words), *seconds = timed(lambda: WAYS[name](model, ids))
    np.savez(folder / f"{name}.npz", heads=heads, words=words, cost=[*seconds, peak_mb() / 1024])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=512)
    options = parser.parse_args()
    print(
        f"{options.layers} layers of {options.width}, {options.tokens} tokens, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':14}{'seconds':>9}{'cpu s':>8}{'x ours':>8}{'peak GiB':>10}{'apart':>10}")
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for way in WAYS:
            given = (options.layers, options.width, options.tokens)
            in_a_process(run_way, way, Path(name), *given)
            with np.load(Path(name) / f"{way}.npz") as stored:
                found[way] = dict(stored)
    mine = found["ours"]
    for way, each in found.items():
        wall, cpu, peak = each["cost"]
        apart = max(np.abs(each[key] - mine[key]).max() for key in ("heads", "words"))
        print(
            f"{way:14}{wall:>9.2f}{cpu:>8.2f}{wall / mine['cost'][0]:>8.1f}{peak:>10.2f}"
            f"{apart:>10.1e}"
        )


if __name__ == "__main__":
    main()
