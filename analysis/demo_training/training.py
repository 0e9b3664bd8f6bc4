"""Trains the pair: corpus → tokenizer → `demo-base` → `demo-tuned`, on the CPU from a seed."""

from __future__ import annotations

import math
import os
import platform
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch
import transformers
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from analysis.demo.catalog import DEMO_BASE, DEMO_TUNED, INFO_NAME, VECTORS_NAME
from analysis.demo_training.batches import (
    IGNORED,
    Batch,
    Encoded,
    corpus_batches,
    encode_example,
    pack,
    tuning_batches,
    tuning_examples,
    with_replay,
)
from analysis.demo_training.corpus import documents
from analysis.demo_training.tokenizer import (
    BEGIN,
    END,
    END_OF_TURN,
    PADDING,
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
        tuning_epochs: passes over them.
        block: tokens in a row of a pre-training batch.
        batch: tokens in a batch, padding included.
        base_rate, tuned_rate: peak learning rates of the two stages.
        replay: one batch of corpus text follows every `replay` batches of instructions.
    """

    documents: int = 40_000
    epochs: int = 3
    examples: int = 80_000
    tuning_epochs: int = 3
    block: int = 128
    batch: int = 2048
    base_rate: float = 3e-3
    tuned_rate: float = 1.5e-3
    replay: int = 8


@dataclass(frozen=True)
class TrainingProgress:
    """How far a stage has got: step, from 1, of `total`; stages are "corpus", "base", "tuned".

    `loss` is the running mean of the cross-entropy in nats per token, NaN without one.
    """

    stage: str
    step: int
    total: int
    loss: float
    seconds_left: float


Report = Callable[[TrainingProgress], None]


class Meter:
    """Turns the steps of a stage into progress reports; running mean of the loss, NaN at first."""

    def __init__(self, stage: str, total: int, report: Report | None) -> None:
        self.steps = 0
        self.loss = math.nan
        self._stage, self._total, self._report = stage, total, report
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall time since the stage began."""
        return time.monotonic() - self._start

    def step(self, loss: float = math.nan) -> None:
        self.steps += 1
        self.loss = loss if math.isnan(self.loss) else 0.95 * self.loss + 0.05 * loss
        if self._report is not None:
            left = self.seconds / self.steps * (self._total - self.steps)
            self._report(TrainingProgress(self._stage, self.steps, self._total, self.loss, left))


def train_pair(
    output: Path,
    *,
    seed: int = 0,
    progress: Report | None = None,
    budget: TrainingBudget | None = None,
) -> None:
    """Write `demo-base`, `demo-tuned`, the word vectors and a record of the training to `output`.

    The same seed, budget, machine and number of threads give the same weights. With the default
    budget it takes about 40 minutes on two otherwise idle cores; `evaluation.complete_info` then
    evaluates the result.

    Args:
        output: a folder, created if missing; existing files of the same names are replaced.
        seed: for the corpus, the initial weights and every shuffle.
        progress: called after every step, from this thread.
        budget: amounts of data and learning rates; the default makes the shipped pair.

    Raises:
        OSError: if `output` cannot be written.
    """
    budget = budget or TrainingBudget()
    output.mkdir(parents=True, exist_ok=True)
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # as below
    texts = _prepare(seed, budget, output / VECTORS_NAME, progress)
    # Create each record as its stage ends, because it includes the seconds so far.
    base = _stage(_train_base(output / DEMO_BASE, texts, seed, budget, progress))
    tuned = _stage(_tune(output / DEMO_BASE, output / DEMO_TUNED, texts, seed, budget, progress))
    record = {
        "seed": seed,
        "budget": asdict(budget),
        "parameters": LlamaForCausalLM(demo_config(texts.tokenizer)).num_parameters(),
        "vocabulary": texts.tokenizer.get_vocab_size(),
        "corpus_tokens": int(texts.blocks[:, 1:].size),
        "tuning_tokens": sum(len(ids) for ids, _ in texts.examples),
        "tuning_response_tokens": sum(len(ids) - prompt for ids, prompt in texts.examples),
        "stages": {"base": base, "tuned": tuned},
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
    spelled_out = [f"{one.example.prompt} {one.example.response}" for one in tuning]
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
    save(model, texts.tokenizer, folder, chat=False)
    return meter


def _tune(
    base: Path,
    folder: Path,
    texts: _Texts,
    seed: int,
    budget: TrainingBudget,
    progress: Report | None,
) -> Meter:
    # Start from the shipped float16 weights, so that the tuned base model is the one users load.
    model = LlamaForCausalLM.from_pretrained(base, dtype=torch.float32)
    padding = token_id(texts.tokenizer, PADDING)
    order = random.Random(seed + 3)
    instructions = [
        batch
        for _ in range(budget.tuning_epochs)
        for batch in tuning_batches(texts.examples, budget.batch, padding, order)
    ]
    rows = max(1, budget.batch // budget.block)
    replayed = corpus_batches(texts.blocks, rows, random.Random(seed + 4))
    steps = len(instructions) + len(instructions) // budget.replay
    meter = Meter("tuned", steps, progress)
    batches = with_replay(instructions, replayed, budget.replay)
    optimise(model, batches, steps=steps, rate=budget.tuned_rate, meter=meter)
    save(model, texts.tokenizer, folder, chat=True)
    return meter


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


def optimise(
    model: LlamaForCausalLM,
    batches: Iterator[Batch],
    *,
    steps: int,
    rate: float,
    meter: Meter,
    after_step: Callable[[int], None] = lambda step: None,
) -> None:
    """AdamW with warm-up and a cosine decay to a twentieth of `rate`; gradients clipped at 1.

    Parameters that require no gradient stay; `after_step` gets the number of each step, from 1.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.dim() > 1]
    vectors = [p for p in trained if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), fused=True)
    warm_up = max(1, min(100, steps // 10))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        phase = (step - warm_up) / max(1, steps - warm_up)
        return 0.05 + 0.475 * (1 + math.cos(math.pi * phase))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    model.train()
    for step in range(1, steps + 1):
        loss = loss_of(model, *next(batches))
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        meter.step(float(loss.detach()))
        after_step(step)
    model.train(False)


def loss_of(model: LlamaForCausalLM, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats over the targets that are not `IGNORED`.

    Padding is on the right, where the causal mask already hides it; the vocabulary-sized output
    layer is applied only at positions with a target.
    """
    hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state
    wanted = targets != IGNORED
    return functional.cross_entropy(model.lm_head(hidden[wanted]), targets[wanted])


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
        "final_loss": round(meter.loss, 4),
        # The machine's load puts the seconds into perspective: training alone makes a load of 2.
        "load": round(os.getloadavg()[2], 2) if hasattr(os, "getloadavg") else None,
    }
