"""Trains the pair: corpus → tokenizer → `demo-base` → `demo-tuned`, on the CPU from a seed."""

from __future__ import annotations

import os
import platform
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch
import transformers
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from analysis.demo.catalog import (
    DEMO_BASE,
    DEMO_LORA,
    DEMO_STEPS,
    DEMO_TUNED,
    INFO_NAME,
    VECTORS_NAME,
)
from analysis.demo_training.adapter import AfterStep, require_peft, tune_adapter
from analysis.demo_training.batches import (
    Batch,
    Encoded,
    corpus_batches,
    encode_example,
    pack,
    tuning_batches,
    with_replay,
)
from analysis.demo_training.corpus import documents
from analysis.demo_training.examples import tuning_examples
from analysis.demo_training.optimisation import Meter, Report, optimise
from analysis.demo_training.tokenizer import (
    ASSISTANT,
    BEGIN,
    END,
    END_OF_TURN,
    PADDING,
    USER,
    as_pretrained,
    token_id,
    train_tokenizer,
)
from analysis.demo_training.vectors import write_word_vectors


@dataclass(frozen=True)
class TrainingBudget:
    """Amounts of data and learning rates; the defaults make the shipped pair.

    Attributes:
        documents: number of documents in the corpus.
        epochs: passes over the corpus.
        examples: number of instruction examples for tuning.
        tuning_steps: steps of tuning, and of the adapter's; if need be, examples are read again.
        block: tokens in a row of a pre-training batch.
        batch, tuning_batch: tokens in a batch of each stage, padding included.
        base_rate, tuned_rate, adapter_rate: peak learning rates of the stages.
        smoothing: label smoothing in tuning.
        replay: one batch of corpus text follows every `replay` batches of instructions.
        rank, alpha: r and α of the LoRA adapter.
        checkpoints: steps of the adapter's training after which it is kept.
    """

    documents: int = 50_000
    epochs: int = 3
    examples: int = 80_000
    tuning_steps: int = 1000
    block: int = 128
    batch: int = 2048
    tuning_batch: int = 4096
    base_rate: float = 3e-3
    tuned_rate: float = 8e-4
    adapter_rate: float = 3e-3
    smoothing: float = 0.02
    replay: int = 8
    rank: int = 16
    alpha: float = 32.0
    checkpoints: tuple[int, ...] = (100, 250, 500)


def train_pair(
    output: Path,
    *,
    seed: int = 0,
    progress: Report | None = None,
    budget: TrainingBudget | None = None,
) -> None:
    """Write the models, their adapters, word vectors and a record of the training to `output`.

    `demo-base` is trained on the corpus; from it come `demo-tuned`, all of whose weights are tuned
    on instructions, and `demo-lora`, an adapter tuned on the same batches, with its checkpoints in
    `demo-steps`. The same seed, budget, machine and number of threads give the same weights. With
    the default budget it takes about 50 minutes on two otherwise idle cores;
    `evaluation.complete_info` then evaluates the result.

    Args:
        output: a folder, created if missing; existing files of the same names are replaced.
        seed: for the corpus, the initial weights and every shuffle.
        progress: called after every step, from this thread.
        budget: amounts of data and learning rates; the default makes the shipped pair.

    Raises:
        ProblemError: ``input`` if peft is not installed.
        OSError: if `output` cannot be written.
    """
    require_peft()
    budget = budget or TrainingBudget()
    output.mkdir(parents=True, exist_ok=True)
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # as below
    texts = _prepare(seed, budget, output / VECTORS_NAME, progress)
    # Create each record as its stage ends, because it includes the seconds so far.
    base = _stage(_train_base(output / DEMO_BASE, texts, seed, budget, progress))
    tuned = _stage(_tune(output, texts, seed, budget, progress))
    adapter = _stage(_tune_adapter(output, texts, seed, budget, progress))
    record = {
        "seed": seed,
        "budget": asdict(budget),
        "parameters": LlamaForCausalLM(demo_config(texts.tokenizer)).num_parameters(),
        "vocabulary": texts.tokenizer.get_vocab_size(),
        "corpus_tokens": int(texts.blocks[:, 1:].size),
        "tuning_tokens": sum(len(ids) for ids, _ in texts.examples),
        "tuning_response_tokens": sum(len(ids) - prompt for ids, prompt in texts.examples),
        "stages": {"base": base, "tuned": tuned, "adapter": adapter},
        "threads": torch.get_num_threads(),
        "versions": {"torch": str(torch.__version__), "transformers": transformers.__version__},
        "platform": platform.platform(),
    }
    (output / INFO_NAME).write_bytes(msgspec.json.encode({"training": record}))


@dataclass(frozen=True)
class _Texts:
    """Training data in tokens of one tokenizer: corpus rows [rows, block + 1], and examples."""

    tokenizer: Tokenizer
    blocks: npt.NDArray[np.int64]
    examples: list[Encoded]


def _prepare(seed: int, budget: TrainingBudget, vectors: Path, progress: Report | None) -> _Texts:
    """Write the corpus, its word vectors and the examples, and train the tokenizer."""
    meter = Meter("corpus", 4, progress)
    texts = list(documents(budget.documents, seed))
    meter.step()
    write_word_vectors(texts, vectors)
    meter.step()
    tuning = list(tuning_examples(budget.examples, seed + 1))
    spelled_out = [f"{one.example.prompt} {one.response}" for one in tuning]
    tokenizer = train_tokenizer([*texts, *spelled_out])
    meter.step()
    blocks = pack(texts, tokenizer, budget.block)
    examples = [encode_example(one, tokenizer) for one in tuning]
    meter.step()
    return _Texts(tokenizer, blocks, examples)


def _train_base(
    folder: Path, texts: _Texts, seed: int, budget: TrainingBudget, progress: Report | None
) -> Meter:
    torch.manual_seed(seed)
    model = LlamaForCausalLM(demo_config(texts.tokenizer))
    rows = max(1, budget.batch // budget.block)
    steps = max(1, budget.epochs * len(texts.blocks) // rows)
    meter = Meter("base", steps, progress)
    batches = corpus_batches(texts.blocks, rows, random.Random(seed + 2))
    optimise(model, batches, steps=steps, rate=budget.base_rate, meter=meter)
    draw_chat_tokens(model, texts.tokenizer, seed + 6)
    save(model, texts.tokenizer, folder, chat=False)
    return meter


def _tune(
    output: Path, texts: _Texts, seed: int, budget: TrainingBudget, progress: Report | None
) -> Meter:
    # Start from the shipped float16 weights, so that the tuned base model is the one users load.
    model = LlamaForCausalLM.from_pretrained(output / DEMO_BASE, dtype=torch.float32)
    meter = Meter("tuned", budget.tuning_steps, progress)
    _follow_instructions(model, texts, seed, budget, budget.tuned_rate, meter)
    save(model, texts.tokenizer, output / DEMO_TUNED, chat=True)
    return meter


def _tune_adapter(
    output: Path, texts: _Texts, seed: int, budget: TrainingBudget, progress: Report | None
) -> Meter:
    meter = Meter("adapter", budget.tuning_steps, progress)

    def take_steps(model: LlamaForCausalLM, after_step: AfterStep) -> None:
        rate = budget.adapter_rate
        _follow_instructions(model, texts, seed, budget, rate, meter, after_step)

    tune_adapter(
        output / DEMO_BASE,
        output / DEMO_LORA,
        take_steps,
        rank=budget.rank,
        alpha=budget.alpha,
        seed=seed + 5,
        save_at={n: output / DEMO_STEPS / f"checkpoint-{n}" for n in budget.checkpoints},
    )
    return meter


def _follow_instructions(
    model: LlamaForCausalLM,
    texts: _Texts,
    seed: int,
    budget: TrainingBudget,
    rate: float,
    meter: Meter,
    after_step: AfterStep = lambda step: None,
) -> None:
    """Tune what requires a gradient in a model: the same steps whatever that is."""
    optimise(
        model,
        _instructions(texts, seed, budget),
        steps=budget.tuning_steps,
        rate=rate,
        meter=meter,
        # Weights that no instruction needs stay where pre-training left them.
        decay=0.0,
        smoothing=budget.smoothing,
        after_step=after_step,
    )


def _instructions(texts: _Texts, seed: int, budget: TrainingBudget) -> Iterator[Batch]:
    """Batches of instructions and, now and then, of the corpus; the same for the same seed."""
    padding = token_id(texts.tokenizer, PADDING)
    order = random.Random(seed + 3)
    rows = max(1, budget.tuning_batch // budget.block)
    replayed = corpus_batches(texts.blocks, rows, random.Random(seed + 4))
    while True:
        instructions = tuning_batches(texts.examples, budget.tuning_batch, padding, order)
        yield from with_replay(instructions, replayed, budget.replay)


def demo_config(tokenizer: Tokenizer) -> LlamaConfig:
    """Llama with 8 layers of 8 heads, small enough to train on two cores in half an hour."""
    return LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=144,
        intermediate_size=384,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        # Larger than the usual 0.02, which suits hidden sizes in the thousands.
        initializer_range=0.04,
        bos_token_id=token_id(tokenizer, BEGIN),
        eos_token_id=token_id(tokenizer, END),
        pad_token_id=token_id(tokenizer, PADDING),
    )


def draw_chat_tokens(model: LlamaForCausalLM, tokenizer: Tokenizer, seed: int) -> None:
    """Give the tokens of the chat template embeddings as if they were added after the training.

    No text of the corpus has them, so that training leaves all with one and the same row. An
    adapter that changes layers alone could then neither tell them apart nor end a turn. Each row is
    drawn like the others: around their mean, with their standard deviation in every dimension.
    """
    added = [token_id(tokenizer, each) for each in (USER, ASSISTANT, END_OF_TURN)]
    rows = model.model.embed_tokens.weight.detach()
    others = torch.ones(len(rows), dtype=torch.bool)
    others[added] = False
    deviation, mean = torch.std_mean(rows[others], dim=0)
    noise = torch.randn(len(added), len(mean), generator=torch.Generator().manual_seed(seed))
    rows[added] = mean + deviation * noise


def save(model: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path, *, chat: bool) -> None:
    """Write a folder like a hub model: configuration, float16 weights, tokenizer."""
    stops = [token_id(tokenizer, END)]
    if chat:
        stops.append(token_id(tokenizer, END_OF_TURN))
    half = LlamaForCausalLM(model.config).half()  # type: ignore[no-untyped-call]  # as above
    half.load_state_dict(model.state_dict())
    half.generation_config.eos_token_id = stops
    half.generation_config.do_sample = False
    half.save_pretrained(folder)
    as_pretrained(tokenizer, chat=chat).save_pretrained(folder)


def _stage(meter: Meter) -> dict[str, Any]:
    return {
        "steps": meter.steps,
        "seconds": round(meter.seconds),
        "processor_seconds": round(meter.processor_seconds),
        "final_loss": round(meter.loss, 4),
        # The machine's load puts the seconds into perspective: training alone makes a load of 2.
        "load": round(os.getloadavg()[2], 2) if hasattr(os, "getloadavg") else None,
    }
