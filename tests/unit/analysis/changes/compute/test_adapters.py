"""What a LoRA adapter changed is taken from its factors, and is what peft's merged weights show."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.changes.compute.analyses import changes
from analysis.changes.request import ChangesRequest
from analysis.engine.pool import ModelPool
from analysis.engine.weights import weights_of
from analysis.request import ModelChoice
from analysis.words.choice import Words
from tests.support.adapters import adapted_pair
from tests.support.studies import answered

RANK = 3


@pytest.mark.parametrize(
    ("base", "variant", "product"),
    [
        ("llama", "all linear layers", True),
        ("gpt2", "Conv1D", True),
        ("qwen3", "rank-stabilised", True),
        ("llama", "DoRA", False),
        ("qwen3_moe", "experts", False),
    ],
)
def test_it_is_the_difference_of_the_merged_model_and_the_base(tmp_path, base, variant, product):
    pair = adapted_pair(tmp_path, base, variant)
    model, tuned = (
        ModelChoice(name=each.name, location=str(each), device="cpu")
        for each in (pair.base, pair.adapter)
    )
    pool = ModelPool()
    found = answered(changes(ChangesRequest(model, tuned, 1, Words("tokens")), pool))
    merged = weights_of(pair.merged).tensors
    own = answered(pool.weights(model)).tensors
    changed = 0
    for tensor in found.tensors:
        w, v = (each.read(tensor.tensor).double().numpy() for each in (own, merged))
        delta = v - w
        assert tensor.norm_base == pytest.approx(float(np.linalg.norm(w)), rel=1e-6)
        assert tensor.norm_change == pytest.approx(float(np.linalg.norm(delta)), rel=1e-4)
        if tensor.norm_change and tensor.directions and delta.ndim == 2:
            changed += 1
            values = np.linalg.svd(delta, compute_uv=False)
            kept = tensor.directions.singular_values
            np.testing.assert_allclose(kept, values[: len(kept)], rtol=0, atol=1e-4 * values[0])
            if product:
                assert len(kept) == RANK
                assert tensor.directions.effective_rank_error == 0.0
    assert changed
