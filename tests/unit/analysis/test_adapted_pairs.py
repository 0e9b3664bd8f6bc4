"""Every analysis finds the same of a model with an adapter as of the model that peft merges."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.clustering.request import ClustersRequest
from analysis.concepts.request import ConceptsRequest
from analysis.engine.pool import ModelPool
from analysis.heads.request import HeadPairsRequest
from analysis.neurons.request import FrequenciesRequest, NeuronDirectionRequest
from analysis.request import ModelChoice, Request, named
from analysis.saliency.request import AttributionRequest
from analysis.words.choice import Words, WordVectors
from tests.support.adapters import KINDS, AdaptedPair, adapted_pair
from tests.support.scripted_clusters import TASKS
from tests.support.studies import answered, assert_alike

PROMPT = "how many words are here"
TOKENS = Words("tokens")


# A folder of the merged model ties again the ends of a model that these part (test_adapters).
PARTED = {"DoRA", "both ends saved", "head saved", "embeddings saved", "both ends"}
KINDS_MERGED = [kind for kind in KINDS if kind[0] != "qwen3" or kind[1] not in PARTED]
# One of each way in which an adapter changes a kind of module; that every kind is loaded as what
# peft merges is in test_adapters.
TRIED = [
    *(("llama", kind) for kind in ("all linear layers", "DoRA", "both ends saved", "both ends")),
    *(("qwen3", "biases"), ("gpt2", "Conv1D, DoRA and biases")),
    *(("mixtral", "experts, one matrix"), ("qwen3_moe", "experts")),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Those, or all kinds with ``--all-families``."""
    kinds = KINDS_MERGED if metafunc.config.getoption("--all-families") else TRIED
    metafunc.parametrize("pair", kinds, ids=", ".join, indirect=True, scope="module")


@pytest.fixture(scope="module")
def pair(request, tmp_path_factory) -> AdaptedPair:
    return adapted_pair(tmp_path_factory.mktemp("pair"), *request.param)


def requests(base: ModelChoice, tuned: ModelChoice, expert: int) -> list[Request[Any]]:
    vectors = WordVectors("embeddings", model=base)
    return [
        *(
            AttributionRequest(tuned, PROMPT, max_new_tokens=6, method=method)
            for method in ("forward", "reverse", "occlusion")
        ),
        AttributionRequest(tuned, PROMPT, max_new_tokens=6, totals_only=True),
        HeadPairsRequest(tuned, 1, TOKENS, vectors),
        ConceptsRequest(base, tuned, 1, TOKENS, expert=expert),
        FrequenciesRequest(tuned, "counting", (PROMPT, "another text")),
        NeuronDirectionRequest(tuned, 1, 5, TOKENS, expert=expert),
        ClustersRequest(tuned, TASKS),
    ]


def test_an_adapted_model_is_analysed_as_the_merged_one(pair: AdaptedPair) -> None:
    base, adapted, merged = (
        ModelChoice(name="model", location=str(folder), device="cpu")
        for folder in (pair.base, pair.adapter, pair.folder)
    )
    expert = 2 if hasattr(pair.merged.config, "num_experts_per_tok") else -1
    pool, other = ModelPool(), ModelPool()
    for mine, theirs in zip(
        requests(base, adapted, expert), requests(base, merged, expert), strict=True
    ):
        found = answered(named(mine.function)(mine, pool))
        assert_alike(found, answered(named(theirs.function)(theirs, other)), type(mine).__name__)
    assert len(pool.facts()) == 1
