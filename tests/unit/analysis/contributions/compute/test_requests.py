"""What a request is answered with: under adapters what the merged model is, and components."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.contributions.compute.contributions import contributions
from analysis.contributions.request import ContributionsRequest
from analysis.contributions.result import Contributions
from analysis.engine.pool import ModelPool
from analysis.engine.weights import weights_of
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from cache import codec
from tests.support.adapters import adapted_pair
from tests.support.checkpoints import byte_level_tokenizer, save
from tests.support.small_models import small_model
from tests.support.studies import TOLD, answered, assert_alike

PROMPT = "how many words are here"


def choice(folder: object) -> ModelChoice:
    return ModelChoice(name="model", location=str(folder), device="cpu")


@pytest.mark.parametrize(
    ("base", "variant"),
    [
        ("llama", "all linear layers"),
        ("llama", "DoRA"),
        ("gpt2", "Conv1D, DoRA and biases"),
        ("qwen3", "biases"),
        ("qwen3_moe", "experts"),
    ],
)
def test_an_adapted_model_is_taken_apart_as_the_merged_one(tmp_path, base, variant):
    pair = adapted_pair(tmp_path, base, variant)
    asked = {"response_ids": (5, 6, 7), "token": 9, "neurons": 4, "components": 3}
    pool = ModelPool()
    plain = answered(contributions(ContributionsRequest(choice(pair.base), PROMPT, **asked), pool))
    adapted, merged = (
        answered(contributions(ContributionsRequest(choice(folder), PROMPT, **asked), models))
        for folder, models in ((pair.adapter, pool), (pair.folder, ModelPool()))
    )
    assert_alike(adapted, merged, variant, apart=(*TOLD, "left_over"))
    assert len(pool.facts()) == 1
    # Turned off again, it is the base model.
    again = answered(contributions(ContributionsRequest(choice(pair.base), PROMPT, **asked), pool))
    assert_alike(again, plain, variant, apart=TOLD)
    assert np.nanmax(np.abs(plain.direct.heads - adapted.direct.heads)) > 1e-4


def test_the_nearest_component_is_that_of_a_full_decomposition(tmp_path):
    model = small_model("llama")
    folder = save(tmp_path / "model", model, byte_level_tokenizer(vocabulary=90))
    found = answered(
        contributions(ContributionsRequest(choice(folder), "ab", neurons=5), ModelPool())
    )
    for layer in range(2):
        w_down = weights_of(model).down_projection(layer).double().numpy()
        directions = np.linalg.svd(w_down - w_down.mean(axis=0), full_matrices=False)[2]
        for neuron, component, cosine in zip(
            found.neurons[layer], found.components[layer], found.cosines[layer], strict=True
        ):
            written = w_down[neuron] / np.linalg.norm(w_down[neuron])
            cosines = directions @ written
            assert component == np.abs(cosines).argmax()
            assert abs(cosine) == pytest.approx(abs(cosines[component]), abs=1e-5)


def test_a_result_survives_the_cache_and_notes_are_told(tmp_path):
    folder = save(tmp_path / "model", small_model("gemma2"), byte_level_tokenizer(vocabulary=90))
    request = ContributionsRequest(choice(folder), "ab", response_ids=(4,), rival=8, components=0)
    found = answered(contributions(request, ModelPool()))
    assert found.position == 1
    assert found.capped_logit is not None
    assert any("caps its logits" in note for note in found.notes)
    assert found.direct.total == pytest.approx(found.logit, abs=1e-5)
    assert_alike(found.centred, found.direct, "a difference")
    assert (found.components == -1).all()
    again = codec.decode(codec.encode(found), Contributions)
    assert_alike(again, found, "cache", within=0)


def test_an_unknown_token_is_refused(tmp_path):
    folder = save(tmp_path / "model", small_model("llama"), byte_level_tokenizer(vocabulary=90))
    with pytest.raises(ProblemError, match="vocabulary"):
        answered(contributions(ContributionsRequest(choice(folder), "ab", token=5000), ModelPool()))
