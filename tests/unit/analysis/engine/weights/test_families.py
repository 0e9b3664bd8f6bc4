"""Every family's adapter gives what the model itself computes with, from memory and from disk."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from analysis.engine.weights import ModelWeights, families, open_weights, weights_of
from tests.support.checkpoints import byte_level_tokenizer, save
from tests.support.own_projections import FAMILIES, any_small_model, own_projections

TOKENS = torch.tensor([3, 41, 67, 96])
CENTRED = ("gpt2", "gptj", "gpt_neox")
POST_NORM = ("olmo2", "olmo3")
NORMED_QUERIES = ("qwen3", "qwen3_moe", "gemma3_text", "olmo2", "olmo3", "olmoe")
DOWN = {"gpt2": "mlp.c_proj", "gptj": "mlp.fc_out", "gpt_neox": "mlp.dense_4h_to_h"}
DOWN_SIZE = 48


@cache
def _model(family: str) -> PreTrainedModel:
    return any_small_model(family)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=["memory", "one file", "shards"])
def weights(
    request: pytest.FixtureRequest, family: str, tmp_path_factory: pytest.TempPathFactory
) -> ModelWeights:
    if request.param == "memory":
        return weights_of(_model(family))
    folder = tmp_path_factory.mktemp(family) / "model"
    sharded = request.param == "shards"
    save(folder, _model(family), byte_level_tokenizer(), shards=sharded)
    assert (folder / "model.safetensors.index.json").exists() == sharded
    return open_weights(folder)


def _prepared(family: str, state: Tensor, epsilon: float) -> Tensor:
    """float64 [D]: one state after the norm without its weight, written out."""
    x = state.double()
    if family in POST_NORM:
        return x
    if family in CENTRED:
        x = x - sum(x) / len(x)
    return x / (sum(value * value for value in x) / len(x) + epsilon) ** 0.5


def _epsilon(model: PreTrainedModel) -> float:
    names = ("rms_norm_eps", "layer_norm_epsilon", "layer_norm_eps")
    return next(getattr(model.config, name) for name in names if hasattr(model.config, name))


def _close(ours: Tensor, theirs: Tensor) -> bool:
    return torch.allclose(ours.double(), theirs.double(), rtol=1e-4, atol=1e-4)


def test_every_family_is_tested() -> None:
    assert set(families()) == set(FAMILIES)


def test_queries_keys_and_their_scores_are_the_models_own_but_for_biases(
    family: str, weights: ModelWeights
) -> None:
    model = _model(family)
    own = own_projections(model, TOKENS)
    assert len(own) == weights.layers == 2
    for layer, theirs in enumerate(own):
        made = weights.query_key(layer)
        assert made.w_q.dtype == made.w_k.dtype == torch.float32
        ready = torch.stack([_prepared(family, state, _epsilon(model)) for state in theirs.states])
        # Biases are the same for every token.
        ready = ready - ready[0]
        heads = theirs.query.shape[1]
        repeats = heads // theirs.key.shape[1]
        assert heads == weights.heads
        for head in range(heads):
            w_q, w_k = made.head(head)
            assert w_q.shape == w_k.shape == (weights.width, theirs.query.shape[2])
            query, key = ready @ w_q.double(), ready @ w_k.double()
            own_query = theirs.query[:, head] - theirs.query[0, head]
            own_key = theirs.key[:, head // repeats] - theirs.key[0, head // repeats]
            assert _close(query, own_query)
            assert _close(key, own_key)
            assert _close(query @ key.T, own_query @ own_key.T)


def test_embeddings_are_what_the_model_puts_in_and_reads_out(
    family: str, weights: ModelWeights
) -> None:
    model = _model(family)
    every = torch.arange(weights.vocabulary)
    with torch.no_grad():
        embedded = model.get_input_embeddings()(every)
    assert torch.allclose(weights.input_embeddings(), embedded)
    assert torch.equal(weights.input_embeddings(TOKENS), weights.input_embeddings()[TOKENS])
    head = model.get_output_embeddings().weight
    assert torch.equal(weights.output_embeddings(), head)
    assert torch.equal(weights.output_embeddings(TOKENS), head[TOKENS])
    assert weights.centres_embeddings == (family in CENTRED)


def test_a_down_projection_turns_units_into_what_is_written(
    family: str, weights: ModelWeights
) -> None:
    model = _model(family)
    seen: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def keep(module: nn.Module, args: tuple[Tensor], output: Tensor) -> None:
        seen.append((args[0].flatten(0, -2), output.flatten(0, -2), module.bias))

    handles = [
        module.register_forward_hook(keep)
        for name, module in model.named_modules()
        if name.endswith(DOWN.get(family, "mlp.down_proj"))
    ]
    with torch.no_grad():
        model(input_ids=TOKENS[:, None])
    for handle in handles:
        handle.remove()
    dense = [layer for layer in range(weights.layers) if not weights.experts_in(layer)]
    assert len(seen) == len(dense)
    for layer, (units, written, bias) in zip(dense, seen, strict=True):
        rows = weights.down_projection(layer)
        assert rows.shape == (DOWN_SIZE, weights.width)
        assert _close(units @ rows + (0 if bias is None else bias), written)


def test_every_expert_of_every_layer_is_found(family: str, weights: ModelWeights) -> None:
    parameters = dict(_model(family).named_parameters())
    for layer in range(weights.layers):
        fused = parameters.get(f"model.layers.{layer}.mlp.experts.down_proj")
        shared = parameters.get(f"model.layers.{layer}.mlp.shared_expert.down_proj.weight")
        count = (0 if fused is None else 4) + (shared is not None)
        assert weights.experts_in(layer) == count
        for expert in range(count):
            stored = shared if expert == 4 else fused[expert]
            rows = weights.expert_down_projection(layer, expert)
            assert rows.shape == (stored.shape[1], weights.width)
            assert all(torch.equal(rows[unit], stored[:, unit]) for unit in range(len(rows)))
        with pytest.raises(IndexError):
            weights.expert_down_projection(layer, count)
        if count:
            with pytest.raises(ValueError, match="experts"):
                weights.down_projection(layer)


def test_what_cannot_be_folded_is_said_and_no_layer_lies_beyond_the_last(
    family: str, weights: ModelWeights
) -> None:
    notes = " ".join(weights.notes)
    assert ("Norms of queries and keys" in notes) == (family in NORMED_QUERIES)
    assert ("No norm comes before attention" in notes) == (family in POST_NORM)
    assert ("shared" in notes) == (weights.shared_experts == 1) == (family == "qwen2_moe")
    for layer in (-1, weights.layers):
        for read in (weights.query_key, weights.down_projection):
            with pytest.raises(IndexError):
                read(layer)


@pytest.mark.parametrize(
    ("family", "d", "key_value_heads"),
    [("qwen3", 16, 2), ("gemma2", 16, 2), ("llama", 8, 2), ("gpt2", 8, 4), ("gpt_neox", 8, 4)],
)
def test_head_width_and_groups_come_from_the_configuration(
    family: str, d: int, key_value_heads: int
) -> None:
    weights = weights_of(_model(family))
    assert (weights.width, weights.heads) == (32, 4)
    assert (weights.head_dim, weights.key_value_heads) == (d, key_value_heads)
