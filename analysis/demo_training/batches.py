"""Batches for both training stages: rows of corpus text, and instruction examples."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor

from analysis.demo_training.examples import TuningExample
from analysis.demo_training.tokenizer import ASSISTANT, END, END_OF_TURN, USER, token_id

Batch = tuple[Tensor, Tensor]
"""Inputs and targets, [rows, length] each."""

IGNORED = -100
"""Target of positions without a loss."""

Encoded = tuple[list[int], int]
"""Tokens of a prompt with its response, and how many of them belong to the prompt."""


def pack(texts: Sequence[str], tokenizer: Tokenizer, block: int) -> npt.NDArray[np.int64]:
    """All documents in one row, `<s>` before and `</s>` after each, cut into [rows, block + 1]."""
    end = token_id(tokenizer, END)
    stream: list[int] = []
    for encoding in tokenizer.encode_batch(list(texts)):
        stream += [*encoding.ids, end]
    rows = (len(stream) - 1) // block
    starts = np.arange(rows)[:, None] * block
    found: npt.NDArray[np.int64] = np.array(stream, dtype=np.int64)[starts + np.arange(block + 1)]
    return found


def corpus_batches(blocks: npt.NDArray[np.int64], rows: int, rng: random.Random) -> Iterator[Batch]:
    """Inputs and targets, [rows, block] each, without end; reshuffled on every pass."""
    order = list(range(len(blocks)))
    while True:
        rng.shuffle(order)
        for start in range(0, len(order) - rows + 1, rows):
            chosen = torch.from_numpy(blocks[order[start : start + rows]])
            yield chosen[:, :-1], chosen[:, 1:]


def encode_example(example: TuningExample, tokenizer: Tokenizer) -> Encoded:
    """The tokens of a prompt with its response, and how many of them belong to the prompt.

    The response begins with a space and ends with `</s>`, or with `<|end|>` in the chat template.
    """
    prompt, end = example.example.prompt, END
    if example.chat:
        prompt, end = f"{USER}{prompt}{END_OF_TURN}{ASSISTANT}", END_OF_TURN
    before = tokenizer.encode(prompt).ids
    response = tokenizer.encode(" " + example.response, add_special_tokens=False).ids
    return [*before, *response, token_id(tokenizer, end)], len(before)


def tuning_batches(
    examples: Sequence[Encoded], tokens: int, padding: int, rng: random.Random
) -> list[Batch]:
    """Inputs and targets [rows, length]; rows of similar length, at most `tokens` with padding.

    Targets are the response tokens; all other positions are `IGNORED`.
    """
    batches: list[list[Encoded]] = []
    shuffled = list(examples)
    rng.shuffle(shuffled)
    for start in range(0, len(shuffled), 4096):
        current: list[Encoded] = []
        for example in sorted(shuffled[start : start + 4096], key=lambda pair: len(pair[0])):
            if (len(current) + 1) * len(example[0]) > tokens and current:
                batches.append(current)
                current = []
            current.append(example)
        batches.append(current)
    rng.shuffle(batches)
    return [_pad(batch, padding) for batch in batches]


def _pad(batch: Sequence[Encoded], padding: int) -> Batch:
    width = max(len(ids) for ids, _ in batch) - 1
    inputs = torch.full((len(batch), width), padding)
    targets = torch.full((len(batch), width), IGNORED)
    for row, (ids, prompt) in enumerate(batch):
        inputs[row, : len(ids) - 1] = torch.tensor(ids[:-1])
        targets[row, prompt - 1 : len(ids) - 1] = torch.tensor(ids[prompt:])
    return inputs, targets


def with_replay(
    instructions: Sequence[Batch],
    corpus: Iterator[Batch],
    every: int,
) -> Iterator[Batch]:
    """Instruction batches, with one corpus batch after every `every` of them.

    The replay keeps the model from forgetting facts that no instruction asks for.
    """
    for number, batch in enumerate(instructions, 1):
        yield batch
        if number % every == 0:
            yield next(corpus)
