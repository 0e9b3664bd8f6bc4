"""Training: batches as they should be, and the same weights from the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.demo_training.batches import (
    IGNORED,
    encode_example,
    pack,
    tuning_batches,
)
from analysis.demo_training.corpus import documents
from analysis.demo_training.evaluation import LoadedModel
from analysis.demo_training.examples import tuning_examples
from analysis.demo_training.optimisation import TrainingProgress
from analysis.demo_training.tokenizer import END_OF_TURN, token_id, train_tokenizer
from analysis.demo_training.training import TrainingBudget, train_pair
from analysis.demo_training.vectors import co_occurrences

TEXTS = list(documents(40, seed=5))
TOKENIZER = train_tokenizer(TEXTS, size=600)


def test_every_token_of_the_corpus_is_a_target_once() -> None:
    rows = pack(TEXTS, TOKENIZER, block=32)
    ids = [n for text in TEXTS for n in [*TOKENIZER.encode(text).ids, 1]]
    assert rows[:, :-1].ravel().tolist() == ids[: rows.shape[0] * 32]
    assert rows[:, 1:].ravel().tolist() == ids[1 : rows.shape[0] * 32 + 1]


def test_a_response_is_a_target_with_its_end_and_nothing_else_is() -> None:
    examples = list(tuning_examples(30, seed=2))
    encoded = [encode_example(example, TOKENIZER) for example in examples]
    batches = tuning_batches(encoded, 256, padding=2, rng=random.Random(0))
    responses = sorted(tuple(ids[prompt:]) for ids, prompt in encoded)
    targets = [row[row != IGNORED].tolist() for _, batch in batches for row in batch]
    assert sorted(map(tuple, targets)) == responses
    assert sum(len(inputs) for inputs, _ in batches) == 30


def test_a_chat_example_ends_its_turn() -> None:
    chat = next(example for example in tuning_examples(30, seed=2) if example.chat)
    ids, _ = encode_example(chat, TOKENIZER)
    assert ids[-1] == token_id(TOKENIZER, END_OF_TURN)


def test_neighbours_count_by_their_distance_and_documents_stay_apart() -> None:
    counts = co_occurrences([["a", "b", "x", "a"], ["b"]], ["a", "b"]).toarray()
    np.testing.assert_allclose(counts, [[2 / 3, 1.5], [1.5, 0]])


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Steps this small only lose time waiting for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_the_same_seed_gives_the_same_pair(tmp_path: Path) -> None:
    budget = TrainingBudget(
        documents=60,
        epochs=1,
        examples=60,
        tuning_steps=6,
        block=32,
        batch=256,
        tuning_batch=256,
        checkpoints=(2, 4),
    )
    reports: list[TrainingProgress] = []
    train_pair(tmp_path / "one", budget=budget, progress=reports.append)
    train_pair(tmp_path / "two", budget=budget)
    assert {"corpus", "base", "tuned", "adapter"} == {report.stage for report in reports}
    assert reports[-1].step == reports[-1].total
    for name in ("demo-base", "demo-tuned"):
        one = LoadedModel.open(tmp_path / "one" / name).model.state_dict()
        two = LoadedModel.open(tmp_path / "two" / name).model.state_dict()
        assert all(torch.equal(one[key], two[key]) for key in one)
    for adapter in ("demo-lora", "demo-steps/checkpoint-2", "demo-steps/checkpoint-4"):
        files = [tmp_path / run / adapter / "adapter_model.safetensors" for run in ("one", "two")]
        assert files[0].read_bytes() == files[1].read_bytes()
    vectors = [(tmp_path / run / "vectors.npz").read_bytes() for run in ("one", "two")]
    assert vectors[0] == vectors[1]
