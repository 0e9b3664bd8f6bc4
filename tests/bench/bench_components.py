"""Peak memory of counting activations, at 50, 100 and 200 instructions a category.

Run: ``python -m tests.bench.bench_components [--width D] [--layers L] [--tokens T]``. A random
Llama of the width of a model with a billion parameters, with few layers so that two cores suffice.
Each number of instructions runs in a process of its own: within one, a peak only grows.
"""

from __future__ import annotations

import argparse
import time

from tests.bench.costs import in_a_process, peak_mb

COUNTS = (50, 100, 200)


def measure(count: int, options: argparse.Namespace) -> None:
    """Print the peak of one number of instructions a category."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from analysis.neurons.compute.batches import Text, in_batches, padded
    from analysis.neurons.compute.counting import Counter
    from analysis.neurons.compute.feed_forward import feed_forwards

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=1000,
        hidden_size=options.width,
        intermediate_size=4 * options.width,
        num_hidden_layers=options.layers,
        num_attention_heads=options.width // 64,
        num_key_value_heads=options.width // 256,
    )
    model = LlamaForCausalLM(config).eval().requires_grad_(False)
    loaded = peak_mb()
    started = time.process_time()
    kept = []
    for category in range(options.categories):
        generator = torch.Generator().manual_seed(category)
        texts = []
        for index in range(count):
            low, high = options.tokens // 2, options.tokens * 3 // 2
            length = int(torch.randint(low, high, (1,), generator=generator))
            ids = torch.randint(1000, (length,), generator=generator).tolist()
            texts.append(Text(index, tuple(ids), (True,) * length))
        counter = Counter(feed_forwards(model), "gate")
        for batch in in_batches(texts):
            ids, mask, counted = padded(batch, torch.device("cpu"))
            with torch.no_grad(), counter.counting(counted):
                model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
        kept.append(counter.layers())
    seconds = time.process_time() - started
    sizes = [
        each.nbytes for found in kept for layer in found for each in (layer.reached, layer.mean)
    ]
    print(
        f"{count:4} a category: peak {peak_mb():7.0f} MB, of it {loaded:7.0f} MB with the model "
        f"loaded; {sum(sizes) / 1e6:.1f} MB kept; {seconds:.0f} s of CPU",
        flush=True,
    )


def main() -> None:
    """Measure every count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=20, help="of an instruction, on average")
    parser.add_argument("--categories", type=int, default=1)
    options = parser.parse_args()
    for count in COUNTS:
        in_a_process(measure, count, options)


if __name__ == "__main__":
    main()
