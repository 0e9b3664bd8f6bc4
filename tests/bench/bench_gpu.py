"""Times a 7B shape on one card, in eight minutes at most: a map, weights of a layer, and states.

Run: ``python -m tests.bench.bench_gpu [--shape 7b|tiny] [--device cuda] [--dtypes float32 bfloat16]
[--peers inseq captum] [--minutes 8]``. Weights are random. Per dtype it prints the seconds and the
peak memory beside the weights of a map of 80 prompt and 300 response tokens, ours and, over fewer
response tokens, what one would use instead, with the ratio by response token; the word pairs of
one layer's heads; the components of one layer; and the states of 800 prompts. What is still to do
when the minutes are over is left out, and said. The tiny shape is for trying the script on a CPU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from analysis.clustering.compute.hidden_states import last_states
from analysis.concepts.compute.principal import principal_words
from analysis.heads.compute.word_pairs import layer_word_pairs
from analysis.saliency.compute.importance import importance
from analysis.words.compute.thresholds import similarity_thresholds
from tests.bench.bench_saliency import VOCABULARY, captum_way, inseq_way

PEERS: dict[str, Callable[..., Tensor]] = {"inseq": inseq_way, "captum": captum_way}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Shape:
    """What is measured; `response` tokens of ours, `fewer` of the others."""

    width: int
    inner: int
    layers: int
    prompt: int
    response: int
    fewer: int
    words: int
    prompts: int


SHAPES = {
    "7b": Shape(4096, 11008, 32, 80, 300, 20, 20_000, 800),
    "tiny": Shape(128, 192, 2, 8, 12, 3, 200, 8),
}
HEAD_DIM = 128


def random_llama(shape: Shape, device: torch.device, dtype: torch.dtype) -> LlamaForCausalLM:
    """A Llama whose weights are made where they stay."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.width // HEAD_DIM,
        max_position_embeddings=4096,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        dtype=dtype,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config).to(dtype)
    model.to_empty(device=device)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(std=0.02)
            else:
                weight.fill_(1.0)
    # Not among the parameters, and lost with them.
    rotary = type(model.model.rotary_emb)(config).to(device)
    model.model.rotary_emb = rotary
    return model.eval().requires_grad_(False)


class Clock:
    """Times pieces of work on a device until the minutes are over."""

    def __init__(self, device: torch.device, minutes: float) -> None:
        self._device, self._end = device, time.monotonic() + 60 * minutes

    @property
    def over(self) -> bool:
        """Whether nothing more should begin."""
        return time.monotonic() > self._end

    def line(self, name: str, run: Callable[[], Any], note: str = "") -> float:
        """Prints the seconds and the peak memory of a piece of work; returns the seconds."""
        if self.over:
            print(f"{name:44} left out: the time is over")
            return float("nan")
        with self._peak() as peak:
            started = time.perf_counter()
            run()
            self._wait()
            seconds = time.perf_counter() - started
        memory = f"{peak[0] / 2**30:8.2f} GiB" if self._device.type == "cuda" else "       –    "
        print(f"{name:44}{seconds:9.2f} s{memory}  {note}", flush=True)
        return seconds

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    @contextmanager
    def _peak(self) -> Iterator[list[int]]:
        """Bytes beside what was there; there once the block is left."""
        found = [0]
        if self._device.type != "cuda":
            yield found
            return
        self._wait()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)
        before = torch.cuda.memory_allocated(self._device)
        yield found
        found[0] = torch.cuda.max_memory_allocated(self._device) - before


def maps(clock: Clock, model: LlamaForCausalLM, shape: Shape, peers: list[str]) -> None:
    """A map, ours and, over fewer response tokens, the others'."""
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(4, VOCABULARY, (shape.prompt + shape.response,), generator=random).tolist()
    prompt, response = ids[: shape.prompt], ids[shape.prompt :]
    importance(model, prompt[:4], response[:2])
    name = f"map, {shape.prompt} × {shape.response}"
    ours = clock.line(name, partial(importance, model, prompt, response)) / shape.response
    few = response[: shape.fewer]
    for peer in peers:
        if find_spec(peer) is None:
            print(f"{peer} is not installed: left out")
            continue
        try:
            took = clock.line(f"  {peer}, × {len(few)}", partial(PEERS[peer], model, prompt, few))
        except Exception as error:
            # The rest of the figures is worth having.
            print(f"  {peer} failed: {type(error).__name__}: {str(error)[:200]}")
            continue
        ratio = took / len(few) / ours
        print(f"  {peer}: {ratio:.0f} times as long by response token (the first ones are shorter)")


def weights(clock: Clock, model: LlamaForCausalLM, shape: Shape) -> None:
    """Word pairs and components of one layer, over words that stand at random places."""
    embeddings = model.get_input_embeddings().weight[: shape.words].float()
    attention = model.model.layers[0].self_attn
    heads = shape.width // HEAD_DIM
    w_q, w_k = (
        each.weight.float().T.reshape(shape.width, heads, HEAD_DIM).transpose(0, 1)
        for each in (attention.q_proj, attention.k_proj)
    )
    vectors = torch.nn.functional.normalize(torch.randn(shape.words, 300), dim=1).numpy()
    thresholds = similarity_thresholds(vectors)
    clock.line(
        f"word pairs of {heads} heads, {shape.words:,} words",
        lambda: list(layer_word_pairs(embeddings, w_q, w_k, vectors, thresholds, 100)),
    )
    down = model.model.layers[0].mlp.down_proj.weight.T
    clock.line("components of one layer", partial(principal_words, down, embeddings))


def states(clock: Clock, model: LlamaForCausalLM, shape: Shape) -> None:
    """The last token's states of all layers, of prompts of 24 tokens."""
    layers = range(shape.layers + 1)
    texts = torch.randint(4, VOCABULARY, (shape.prompts, 24)).tolist()
    clock.line(
        f"states of {shape.prompts} prompts of 24 tokens",
        lambda: list(last_states(model, texts, layers)),
    )


def main(arguments: list[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="7b")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=["float32", "bfloat16"])
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--minutes", type=float, default=8.0)
    options = parser.parse_args(arguments)
    shape, device = SHAPES[options.shape], torch.device(options.device)
    clock = Clock(device, options.minutes)
    named = torch.cuda.get_device_name(device) if device.type == "cuda" else "a CPU"
    print(f"D = {shape.width}, {shape.layers} layers, on {named}, torch {torch.__version__}")
    for name in options.dtypes:
        if clock.over:
            print(f"{name}: left out, the time is over")
            continue
        model = random_llama(shape, device, DTYPES[name])
        size = sum(each.numel() * each.element_size() for each in model.parameters())
        print(f"\n{name}: weights of {size / 2**30:.2f} GiB")
        maps(clock, model, shape, options.peers)
        weights(clock, model, shape)
        states(clock, model, shape)
        del model


if __name__ == "__main__":
    main()
