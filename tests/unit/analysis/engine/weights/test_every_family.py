"""Every family that is read gives what the model itself computes with, from memory and from disk.

Tiny models of every type that transformers calls causal, each saved as transformers saves it: under
the names, and with the experts apart, that published checkpoints have.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel

from analysis.engine.weights import ModelWeights, families, open_weights, weights_of
from analysis.engine.weights.families import OUTSIDE
from analysis.problems import ProblemError
from tests.families.models import NAMES, TYPES, configuration, tiny
from tests.families.outside import CANNOT_RUN
from tests.families.weights_table import tables
from tests.support.checkpoints import byte_level_tokenizer
from tests.support.own_heads import own_heads
from tests.support.own_networks import dense_network, experts_network
from tests.unit.analysis.engine.loaded import rewrite

ROOT = Path(__file__).parents[5]
TOKENS = (3, 41, 67, 60)
READ = tuple(name for name in NAMES if name not in OUTSIDE and name not in CANNOT_RUN)
REFUSED = tuple(name for name in TYPES if name in OUTSIDE and name not in CANNOT_RUN)

# Scaled after the projections, or without a method that makes both: their projections are caught.
BY_PROJECTION = {
    *("big_bird", "bigbird_pegasus", "cpmant", "doge", "git", "megatron-bert", "mpt", "mvp", "opt"),
    *("prophetnet", "rembert", "roformer", "trocr", "whisper", "xglm", "xlm"),
}
# Streams that are mixed before the norm: what enters the norm stands for the state.
MIXES_STREAMS = {"gemma3n_text", "hy_v4"}
EXPERTS_DOWN = {"dbrx": "w2", "jetmoe": "output_linear.weight"}
NORMS_ITS_EMBEDDINGS = {"inkling_text", "inkling2_text"}


@lru_cache(maxsize=1)
def _model(name: str) -> PreTrainedModel:
    return tiny(name)


@pytest.fixture(autouse=True, scope="module")
def _quietly() -> Iterator[None]:
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    yield
    transformers.logging.set_verbosity(level)
    transformers.logging.enable_progress_bar()


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a tokenizer: without them a model's folder is incomplete."""
    folder = tmp_path_factory.mktemp("tokenizer")
    byte_level_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=READ)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_type_is_read_or_refused_with_a_reason() -> None:
    kinds = {configuration(name).get_text_config().model_type for name in READ}
    assert kinds == set(families())
    # Gemma 3n is read from disk alone, below.
    assert {name for name in TYPES if name not in READ} == {*OUTSIDE, "gemma3n"}
    assert len(families()) >= 80


def test_what_is_written_about_the_families_is_so() -> None:
    methods = (ROOT / "analysis/METHODS.md").read_text(encoding="utf-8")
    assert tables() in methods
    said = f"{len(families())}\nfamilies", f"{len(families())} families"
    assert said[0] in methods
    assert said[1] in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_queries_keys_and_their_scores_are_the_models_own_but_for_biases(name: str) -> None:
    model = _model(name)
    weights = weights_of(model)
    if not weights.heads:
        assert len(weights.without_heads) == weights.layers
        return
    layers, states = _places(weights)
    own = own_heads(
        model,
        layers,
        TOKENS,
        states=states,
        projections=name.partition(",")[0] in BY_PROJECTION,
        # Its prompt comes before the text.
        position=-1 if name == "cpmant" else 0,
    )
    attending = [layer for layer in range(weights.layers) if weights.heads_in(layer)]
    assert attending == sorted(set(own) & set(attending))
    # Some rotations stretch what they turn, at position 0 too.
    stretched = _attribute(model, "attention_scaling", 1.0)
    for layer in attending:
        theirs, made = own[layer], weights.query_key(layer)
        # Biases are the same for every token.
        asking, asked = (
            ready - ready[0]
            for ready in (
                _prepared(
                    own[each].states, weights.pre_norm_in(each), _epsilon(model, states[each])
                )
                for each in (layer, weights.keys_of(layer))
            )
        )
        heads, shared = theirs.query.shape[1], theirs.key.shape[1]
        assert heads == weights.heads_in(layer)
        for head in range(heads):
            w_q, w_k = (each.double() for each in made.head(head))
            query = theirs.query[:, head, : made.head_dim] / stretched
            key = theirs.key[:, head // (heads // shared), : made.head_dim] / stretched
            ours = (asking @ w_q) @ (asked @ w_k).T
            assert _close(ours, (query - query[0]) @ (key - key[0]).T)


def test_a_text_model_is_found_behind_eyes_that_cannot_be_built(
    tokenizer: Path, tmp_path: Path
) -> None:
    model = _model("gemma3n_text")
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    shutil.copytree(tokenizer, folder, dirs_exist_ok=True)
    transformers.Gemma3nConfig(text_config=model.config.to_dict()).save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["model_type"] == "gemma3n"
    rewrite(folder, lambda old: {_inside(each): old[each] for each in old})
    stored, loaded = open_weights(folder), weights_of(model)
    for layer in range(loaded.layers):
        assert all(map(torch.equal, _numbers(stored, layer), _numbers(loaded, layer)))


@pytest.mark.parametrize("outer", ["model.language_model.", "language_model.model."])
def test_a_text_model_is_found_in_one_that_is_not_causal_itself(
    tokenizer: Path, tmp_path: Path, outer: str
) -> None:
    model = _model("mistral")
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    shutil.copytree(tokenizer, folder, dirs_exist_ok=True)
    transformers.Mistral3Config(text_config=model.config.to_dict()).save_pretrained(folder)
    rewrite(folder, lambda old: {_inside(each, outer): old[each] for each in old})
    stored, loaded = open_weights(folder), weights_of(model)
    assert stored.family == "mistral"
    for layer in range(loaded.layers):
        assert all(map(torch.equal, _numbers(stored, layer), _numbers(loaded, layer)))
    rewrite(folder, lambda old: {each: old[each] for each in old if "1.self_attn.k" not in each})
    assert _numbers(open_weights(folder), 0)
    with pytest.raises(ProblemError, match=r"lacks the tensor .*layers\.1\.self_attn\.k_proj"):
        open_weights(folder).query_key(1)


def test_what_a_network_writes_is_its_units_times_their_down_projection(name: str) -> None:
    model = _model(name)
    weights = weights_of(model)
    for layer in range(weights.layers):
        if not weights.units_in(layer):
            assert not weights.experts_in(layer)
            with pytest.raises(ProblemError, match="no feed-forward network"):
                weights.down_projection(layer)
            continue
        experts = weights.experts_in(layer)
        rows = [weights.expert_down_projection(layer, each) for each in range(experts)]
        routed = rows[: weights.experts]
        plain = weights.down_projection(layer) if not experts else None
        if experts > len(routed):
            (plain,) = rows[len(routed) :]
        if plain is not None:
            seen = _plain_network(model, weights.down_module(layer))
            # An attention to images has nothing to do here.
            assert seen is not None or name == "mllama"
            if seen is not None:
                units, written = seen
                assert plain.shape == (units.shape[1], weights.width)
                assert _close(units @ plain.double(), written)
        if routed:
            assert len(routed) == weights.experts
            assert routed[0].shape == (weights.units_in(layer), weights.width)
            module = weights.expert_module(layer)
            down = EXPERTS_DOWN.get(weights.family, "down_proj")
            acting, written = experts_network(
                model, module, f"{module}.{down}", len(routed), TOKENS
            )
            total = sum(acting[:, each] @ rows.double() for each, rows in enumerate(routed))
            assert _close(total, written)
        with pytest.raises(IndexError):
            weights.expert_down_projection(layer, experts)


def test_files_say_the_same_as_the_model_in_memory(
    name: str, tokenizer: Path, tmp_path: Path
) -> None:
    model = _model(name)
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    shutil.copytree(tokenizer, folder, dirs_exist_ok=True)
    stored, loaded = open_weights(folder), weights_of(model)
    assert (stored.family, stored.notes) == (loaded.family, loaded.notes)
    assert stored.without_heads == loaded.without_heads
    for read in (stored, loaded):
        every = torch.arange(read.vocabulary)
        if loaded.family not in NORMS_ITS_EMBEDDINGS:
            embed: Any = model.get_input_embeddings()
            assert torch.allclose(read.input_embeddings(), embed(every))
            few = every[list(TOKENS)]
            assert torch.allclose(read.input_embeddings(few), embed(few))
        head: Any = model.get_output_embeddings()
        assert torch.equal(read.output_embeddings(), head.weight)
    for layer in range(loaded.layers):
        one, other = (_numbers(each, layer) for each in (stored, loaded))
        assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_name_with_its_reason(name: str) -> None:
    with pytest.raises(ProblemError) as error:
        weights_of(_model(name))
    assert name in error.value.problem.why
    assert OUTSIDE[name] in error.value.problem.why


def _inside(name: str, outer: str = "model.language_model.") -> str:
    return name.replace("model.", outer, 1) if name.startswith("model.") else name


def _numbers(weights: ModelWeights, layer: int) -> list[Tensor]:
    found = []
    if weights.heads_in(layer):
        made = weights.query_key(layer)
        found += [made.w_q, made.w_k]
    experts = weights.experts_in(layer)
    found += [weights.expert_down_projection(layer, each) for each in range(experts)]
    if weights.units_in(layer) and not experts:
        found.append(weights.down_projection(layer))
    return found


def _plain_network(model: PreTrainedModel, down: str) -> tuple[Tensor, Tensor] | None:
    if down not in dict(model.named_parameters()):
        return dense_network(model, down, TOKENS)
    # Shared experts that are stored like routed ones.
    acting, written = experts_network(model, down.rpartition(".")[0], down, 1, TOKENS)
    return acting[:, 0], written


def _places(weights: ModelWeights) -> tuple[list[str], list[str]]:
    """How the names of each layer begin, and the module that its state enters."""
    every = range(weights.layers)
    if weights.family == "longcat_flash":
        at = [(f"model.layers.{layer // 2}", layer % 2) for layer in every]
        return (
            [f"{layer}.self_attn.{twin}." for layer, twin in at],
            [f"{layer}.input_layernorm.{twin}" for layer, twin in at],
        )
    if weights.family == "xlm":
        states = [f"transformer.attentions.{layer}" for layer in every]
        return [f"{each}." for each in states], states
    states = [weights.layer_module(layer) for layer in every]
    entered = ".input_layernorm" if weights.family in MIXES_STREAMS else ""
    return [f"{each}." for each in states], [f"{each}{entered}" for each in states]


def _prepared(states: Tensor, norm: str, epsilon: float) -> Tensor:
    """float64 [n, D]: states after the norm without its weight, written out."""
    ready = []
    for x in states:
        if norm == "layer":
            x = x - sum(x) / len(x)
        if norm != "none":
            x = x / (sum(value * value for value in x) / len(x) + epsilon) ** 0.5
        ready.append(x)
    return torch.stack(ready)


def _epsilon(model: PreTrainedModel, layer: str) -> float:
    """Of the norm that a layer begins with, or of any in it; OLMo's is written into its code."""
    module = model.get_submodule(layer)
    first = [getattr(module, name, module) for name in ("input_layernorm", "norm")]
    within = [each for part in (*first, module) for each in part.modules()]
    return next(
        (
            epsilon
            for each in within
            for name in ("eps", "variance_epsilon")
            if isinstance(epsilon := getattr(each, name, None), float)
        ),
        1e-5,
    )


def _attribute(model: PreTrainedModel, name: str, otherwise: float) -> float:
    values = (getattr(each, name, None) for each in model.modules())
    return max((each for each in values if isinstance(each, float)), default=otherwise)


def _close(ours: Any, theirs: Tensor) -> bool:
    """In float32, by the largest number of all."""
    return bool((ours - theirs).abs().max() <= 1e-4 * theirs.abs().max())
