"""Hidden states gathered in batches are those of every text by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.clustering.compute import hidden_states
from analysis.clustering.compute.hidden_states import Gathered, last_states
from tests.support.small_models import CONFIGURATIONS, small_model
from tests.support.studies import driven

LENGTHS = (5, 1, 9, 3, 9, 2, 7)


def sequences(seed=0):
    random = np.random.default_rng(seed)
    return [tuple(map(int, random.integers(3, 97, length))) for length in LENGTHS]


def gathered(*arguments, **options):
    """The states, and what was done after every batch."""
    return driven(last_states(*arguments, Gathered(**options)))


def one_by_one(model, ids, layers):
    with torch.no_grad():
        found = [model(torch.tensor([each]), output_hidden_states=True) for each in ids]
    return np.stack(
        [[each.hidden_states[layer][0, -1].double().numpy() for each in found] for layer in layers]
    )


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_batches_give_what_every_text_gives_by_itself(family):
    model = small_model(family)
    layers = range(model.config.num_hidden_layers + 1)
    states, done = gathered(model, sequences(), layers, batch=3)
    assert states.dtype == np.float32
    assert states == pytest.approx(one_by_one(model, sequences(), layers), abs=2e-5)
    assert done == [3, 6, 7]


def test_only_the_layers_asked_for_are_kept():
    model = small_model("llama")
    states, _ = gathered(model, sequences(), [2, 0])
    assert states == pytest.approx(one_by_one(model, sequences(), [2, 0]), abs=2e-5)


def test_layer_0_is_the_embedding_of_the_last_token():
    model = small_model("llama")
    states, _ = gathered(model, sequences(), [0])
    last = torch.tensor([each[-1] for each in sequences()])
    assert np.array_equal(states[0], model.get_input_embeddings()(last).detach().numpy())


def test_a_batch_shrinks_when_memory_runs_out(monkeypatch):
    model = small_model("llama")
    compute, sizes = hidden_states._states, []

    def scarce(model, batch, layers):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return compute(model, batch, layers)

    monkeypatch.setattr(hidden_states, "_states", scarce)
    states, done = gathered(model, sequences(), [1], batch=6)
    assert sizes == [6, 3, 1, 1, 1, 1, 1, 1, 1]
    assert done == [1, 2, 3, 4, 5, 6, 7]
    assert states == pytest.approx(one_by_one(model, sequences(), [1]), abs=2e-5)


def test_memory_that_does_not_suffice_for_one_text_is_no_endless_loop(monkeypatch):
    def scarce(model, batch, layers):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(hidden_states, "_states", scarce)
    with pytest.raises(torch.OutOfMemoryError):
        gathered(small_model("llama"), sequences(), [1])


def test_long_texts_go_in_smaller_batches(monkeypatch):
    monkeypatch.setattr(hidden_states, "MOST_TOKENS", 18)
    _, done = gathered(small_model("llama"), sequences(), [1])
    assert done == [2, 4, 6, 7]
