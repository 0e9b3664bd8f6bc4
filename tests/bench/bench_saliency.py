"""Times importance beside what one would use instead, on the same model and the same tokens.

Run: ``python -m tests.bench.bench_saliency [--shapes 64,192 32,300] [--peers inseq captum published
frozen] [--layers L] [--width D] [--repeats R]``, ``--delta-rule`` for a Qwen3-Next of linear and
full attention in place of a Llama, ours alone. Everything runs in one process. Per way the table
gives seconds, body-forwards (how many forward passes without the head the time would suffice for,
in all, per prompt and per response token), the ratio to ours, the share of the matrix-product rate
that the machine reaches when it multiplies matrices of the model's own size, peak memory beside
what was there before, and the largest difference to the first row, relative to a column's largest
entry. ``--half`` prints instead how many scores S are the same in half precision as in float32,
``--norms`` what frozen norms cost beside the plain gradient, by the same algorithm and by turns.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from analysis.saliency.compute.importance import importance, totals
from analysis.saliency.density import normalize
from tests.bench.costs import resident_bytes, timed

SHAPES = ["64,192", "32,300", "128,128", "256,32"]
PEERS = ("inseq", "captum", "published", "frozen")
OURS = ("auto", "forward", "reverse")
VOCABULARY = 32_000

Way = Callable[[LlamaForCausalLM, list[int], list[int]], Tensor]


def random_llama(width: int, layers: int, dtype: torch.dtype = torch.float32) -> LlamaForCausalLM:
    """A Llama with random weights, 64 numbers a head."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=width * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=width // 64,
        max_position_embeddings=4096,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return LlamaForCausalLM(config).eval().to(dtype)


def random_qwen3_next(width: int, layers: int) -> Any:
    """A Qwen3-Next with random weights: of four layers three follow the gated delta rule."""
    from transformers import Qwen3NextConfig, Qwen3NextForCausalLM

    torch.manual_seed(0)
    config = Qwen3NextConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=width * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=width // 64,
        head_dim=64,
        linear_num_key_heads=width // 64,
        linear_num_value_heads=width // 64,
        linear_key_head_dim=64,
        linear_value_head_dim=64,
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=width,
        shared_expert_intermediate_size=width,
    )
    return Qwen3NextForCausalLM(config).eval()


def words_tokenizer() -> PreTrainedTokenizerFast:
    """One word a token, so that a text is exactly the tokens it was made of."""
    special = ("[pad]", "[bos]", "[eos]", "[unk]")
    rest = (f"w{index}" for index in range(len(special), VOCABULARY))
    known = {word: index for index, word in enumerate((*special, *rest))}
    words = Tokenizer(WordLevel(known, "[unk]"))
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[pad]",
        bos_token="[bos]",
        eos_token="[eos]",
        unk_token="[unk]",
    )


def text_of(ids: list[int]) -> str:
    """The text that the words tokenizer cuts into these ids."""
    return " ".join(f"w{index}" for index in ids)


def published_way(model: LlamaForCausalLM, prompt: list[int], response: list[int]) -> Tensor:
    """One forward and one backward pass over the prefix a response token, weight gradients on."""
    columns = []
    for m, token in enumerate(response):
        ids = torch.tensor([[*prompt, *response[:m]]])
        embeddings = model.get_input_embeddings()(ids).detach().requires_grad_()
        logits = model(inputs_embeds=embeddings, use_cache=False).logits[0, -1]
        logits.log_softmax(-1)[token].backward()
        columns.append((embeddings * embeddings.grad)[0, : len(prompt)].sum(-1).detach())
        model.zero_grad()
    return torch.stack(columns, dim=1)


def frozen_way(model: LlamaForCausalLM, prompt: list[int], response: list[int]) -> Tensor:
    """The same without weight gradients."""
    model.requires_grad_(False)
    try:
        return published_way(model, prompt, response)
    finally:
        model.requires_grad_(True)


def inseq_way(model: LlamaForCausalLM, prompt: list[int], response: list[int]) -> Tensor:
    """Inseq's input_x_gradient of p(y_m), divided by p(y_m)."""
    import inseq

    explained = inseq.load_model(model, "input_x_gradient", tokenizer=words_tokenizer())
    found = explained.attribute(
        text_of(prompt),
        text_of(prompt + response),
        step_scores=["probability"],
        show_progress=False,
        pretty_progress=False,
    ).sequence_attributions[0]
    values = found.target_attributions[: len(prompt), -len(response) :].sum(-1)
    return values / found.step_scores["probability"][-len(response) :]


def captum_way(model: LlamaForCausalLM, prompt: list[int], response: list[int]) -> Tensor:
    """Captum's gradient attribution of language models, gradient times activation."""
    from captum.attr import LayerGradientXActivation, LLMGradientAttribution, TextTokenInput

    tokenizer = words_tokenizer()
    method = LLMGradientAttribution(
        LayerGradientXActivation(model, model.get_input_embeddings()), tokenizer
    )
    found = method.attribute(TextTokenInput(text_of(prompt), tokenizer), torch.tensor(response))
    return found.token_attr.T


def ways(peers: list[str]) -> dict[str, Way]:
    """Everything that is compared, ours first."""
    others: dict[str, Way] = {
        "inseq": inseq_way,
        "captum": captum_way,
        "published": published_way,
        "frozen": frozen_way,
    }
    mine: dict[str, Way] = {
        f"ours, {method}": partial(importance, method=method) for method in OURS
    }
    return {**mine, **{name: others[name] for name in peers}}


def fastest(run: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Seconds of the fastest of some runs, and the last result."""
    done = [timed(run) for _ in range(repeats)]
    return min(seconds for _, seconds, _ in done), done[-1][0]


def matrix_rate(model: LlamaForCausalLM, length: int) -> float:
    """Floating-point operations a second of states times a feed-forward matrix."""
    weight = torch.randn(model.config.intermediate_size, model.config.hidden_size)
    states = torch.randn(8 * length, weight.shape[1])
    seconds, _ = fastest(lambda: states @ weight.T, 20)
    return 2 * states.shape[0] * weight.numel() / seconds


def least_operations(model: LlamaForCausalLM, prompt: int, response: int) -> float:
    """Products that min(N, M) passes through the body cannot do without, nothing truncated."""
    weights = sum(each.numel() for each in model.model.layers.parameters())
    return min(prompt, response) * 2 * weights * (prompt + response - 1)


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Bytes by which the process grew at most; there once the block is left."""
    before, highest, stop = resident_bytes(), [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.01):
            highest[0] = max(highest[0], resident_bytes() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield highest
    finally:
        stop.set()
        watcher.join()


def tokens_of(shape: str) -> tuple[list[int], list[int]]:
    """Random tokens of a prompt and a response whose lengths are written as ``N,M``."""
    length, count = map(int, shape.split(","))
    torch.manual_seed(1)
    ids = torch.randint(4, VOCABULARY, (length + count,)).tolist()
    return ids[:length], ids[length:]


def compare(model: LlamaForCausalLM, shape: str, options: argparse.Namespace) -> None:
    """Prints the table of one shape."""
    prompt, response = tokens_of(shape)
    length, count, ids = len(prompt), len(response), prompt + response
    fed = torch.tensor([ids[:-1]])
    with torch.no_grad():
        body, _ = fastest(lambda: model.model(fed, use_cache=False), 5)
    rate = matrix_rate(model, len(ids))
    print(f"\nN={length} M={count}: body {body:.3f} s, matrix products {rate / 1e9:.0f} GFLOP/s")
    print(
        f"{'':16}{'seconds':>9}{'forwards':>10}{'a row':>8}{'a column':>10}{'to auto':>9}"
        f"{'of rate':>9}{'memory':>9}{'difference':>12}"
    )
    ours: tuple[float, Tensor] | None = None
    for name, way in ways(options.peers).items():
        # What a library does at its first call only is not what is compared.
        way(model, prompt[:4], response[:2])
        with peak_memory() as highest:
            seconds, computed = fastest(partial(way, model, prompt, response), options.repeats)
        computed = computed.detach()
        ours = ours or (seconds, computed)
        difference = float(((computed - ours[1]).abs() / ours[1].abs().amax(0)).max())
        share = least_operations(model, length, count) / seconds / rate
        print(
            f"{name:16}{seconds:9.2f}{seconds / body:10.1f}{seconds / body / length:8.2f}"
            f"{seconds / body / count:10.2f}{seconds / ours[0]:9.2f}"
            f"{share:9.0%}{highest[0] / 1e6:6.0f} MB{difference:12.1e}",
            flush=True,
        )


def half_precision(shape: str, options: argparse.Namespace) -> None:
    """Prints how the scores of half precision agree with those of float32."""
    prompt, response = tokens_of(shape)
    exact = random_llama(options.width, options.layers)
    expected = normalize(importance(exact, prompt, response).numpy()).astype(int)
    for dtype in (torch.bfloat16, torch.float16):
        # The same weights, rounded; what is left is the precision of the passes.
        model = random_llama(options.width, options.layers, dtype)
        rounded = model.to(torch.float32)
        same_weights = normalize(importance(rounded, prompt, response).numpy()).astype(int)
        for method in ("forward", "reverse"):
            model = random_llama(options.width, options.layers, dtype)
            scores = normalize(importance(model, prompt, response, method=method).numpy())
            for name, other in (("float32", expected), ("the same weights", same_weights)):
                apart = np.abs(scores.astype(int) - other)
                print(
                    f"N={len(prompt)} M={len(response)}"
                    f" {str(dtype).removeprefix('torch.'):9} {method:8}"
                    f" against {name:17}: equal {(apart == 0).mean():6.1%},"
                    f" within one {(apart <= 1).mean():6.1%}"
                )


def processor_seconds(run: Callable[[], Any]) -> float:
    """Seconds of processor time, which other work on the machine adds little to."""
    started = time.process_time()
    run()
    return time.process_time() - started


def frozen_norms(model: Any, shape: str, options: argparse.Namespace) -> None:
    """Prints processor time of frozen norms and of the plain gradient, and their ratio."""
    prompt, response = tokens_of(shape)
    ways: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        algorithm: (
            partial(importance, model, prompt, response, method=algorithm),
            partial(importance, model, prompt, response, method=f"frozen_norms_{algorithm}"),
        )
        for algorithm in ("forward", "reverse")
    }
    ways["totals"] = (
        partial(totals, model, prompt, response),
        partial(totals, model, prompt, response, method="frozen_norms"),
    )
    for algorithm, both in ways.items():
        # What is tried at a model's first call only is not what is compared.
        for way in both:
            way()
        # By turns, so that a machine that slows down slows both.
        turns = [[processor_seconds(way) for way in both] for _ in range(max(3, options.repeats))]
        plain, frozen = (min(seconds) for seconds in zip(*turns, strict=True))
        print(
            f"N={len(prompt)} M={len(response)} {algorithm:8} gradient {plain:7.2f} s, "
            f"frozen norms {frozen:7.2f} s, ratio {frozen / plain:.2f}",
            flush=True,
        )


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=SHAPES)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--norms", action="store_true")
    parser.add_argument("--delta-rule", action="store_true")
    options = parser.parse_args()
    name = "Qwen3-Next" if options.delta_rule else "Llama"
    print(f"{name} D={options.width} L={options.layers}, {torch.get_num_threads()} threads")
    if options.delta_rule:
        options.peers, model = [], random_qwen3_next(options.width, options.layers)
    else:
        model = random_llama(options.width, options.layers)
    for shape in options.shapes:
        if options.half:
            half_precision(shape, options)
        elif options.norms:
            frozen_norms(model, shape, options)
        else:
            compare(model, shape, options)


if __name__ == "__main__":
    main()
