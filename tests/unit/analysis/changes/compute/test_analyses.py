"""What changed between two saved models is what numpy makes of their parameters in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from analysis.changes.compute.analyses import changes, directions_of
from analysis.changes.request import OUTSIDE, ChangesRequest
from analysis.engine.pool import ModelPool
from analysis.engine.weights import open_weights
from analysis.engine.weights.adapter_file import LowRank
from analysis.engine.weights.matrices import matrices
from analysis.events import Progress
from analysis.models.references import resolve
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.words.choice import Words
from analysis.words.compute.lexicon import unit_words
from tests.support.checkpoints import byte_level_tokenizer, save
from tests.support.studies import answered, driven
from tests.support.weight_models import any_small_model

VOCABULARY = 384
WORDS = ("one", "two", "three", "write", "essay", "red", "a", "b", "Paris", "translate")
# Keys and values of the first have grouped heads, and more inputs than outputs.
FAMILIES = ("llama", "phi3", "gpt2", "gpt_neox", "gemma2", "mixtral", "qwen3_moe")


def choice_of(folder: Path) -> ModelChoice:
    return ModelChoice(folder.name, str(folder))


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Words:
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("\n".join(WORDS))
    return Words("file", path=str(path))


def tuned_of(model, *, by: float = 0.05):
    """The model itself, every parameter moved a little."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(7)
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=by)
    return model


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request, tmp_path_factory):
    """A family's small model before and after, in folders."""
    root = tmp_path_factory.mktemp(request.param)
    model = any_small_model(request.param, vocab_size=VOCABULARY)
    base = save(root / "base", model, byte_level_tokenizer())
    return base, save(root / "tuned", tuned_of(model), byte_level_tokenizer())


def parameters(folder: Path) -> dict[str, np.ndarray]:
    """Every parameter by its name in memory, float64; a matrix as [in, out], experts' as stored."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    found = {}
    for name, parameter in model.named_parameters():
        module = model.get_submodule(name.rpartition(".")[0])
        values = parameter.detach().double().numpy()
        # Routers are modules of their own; they make a number for each expert, as linear ones do.
        upright = values.ndim == 2 and (isinstance(module, nn.Linear) or "gate" in name)
        found[name] = values.T if upright else values
    return found


def change_of(name: str, before: dict, after: dict) -> tuple[np.ndarray, np.ndarray]:
    return before[name], after[name] - before[name]


def in_memory(name: str, names) -> str:
    """The parameter that a stored tensor belongs to, whatever it is called on disk."""
    name = name.replace("block_sparse_moe", "mlp").replace("embed_out", "lm_head")
    return next(each for each in names if each.endswith(name) or name.endswith(each))


def test_dense_tensors_change_as_their_parameters_do(pair, words):
    base, tuned = pair
    before, after = parameters(base), parameters(tuned)
    compared = 0
    for layer in (1, OUTSIDE):
        request = ChangesRequest(choice_of(base), choice_of(tuned), layer, words, rank=5)
        for tensor in answered(changes(request, ModelPool())).tensors:
            if tensor.experts:
                continue
            old, delta = change_of(in_memory(tensor.tensor, before), before, after)
            assert tensor.norm_base == pytest.approx(np.sqrt((old**2).sum()), rel=1e-9)
            assert tensor.norm_change == pytest.approx(np.sqrt((delta**2).sum()), rel=1e-6)
            assert tensor.shape == delta.shape
            if delta.ndim == 1:
                assert tensor.directions is None
                continue
            values = np.linalg.svd(delta, compute_uv=False)
            shares = values**2 / (values**2).sum()
            np.testing.assert_allclose(tensor.directions.singular_values, values[:5], rtol=1e-6)
            rank = np.exp(-(shares * np.log(shares)).sum())
            assert tensor.directions.effective_rank == pytest.approx(rank, rel=1e-6)
            assert tensor.stable_rank == pytest.approx(1 / shares[0], rel=1e-6)
            assert tensor.top_share == pytest.approx(shares[:5].sum(), rel=1e-6)
            compared += 1
    assert compared >= 5


def test_experts_change_together(pair, words):
    base, tuned = pair
    request = ChangesRequest(choice_of(base), choice_of(tuned), 1, words, rank=3)
    found = [each for each in answered(changes(request, ModelPool())).tensors if each.experts]
    before, after = parameters(base), parameters(tuned)
    down = next((name for name in before if "layers.1" in name and "experts.down" in name), None)
    assert bool(found) == (down is not None)
    if down is None:
        return
    old, delta = change_of(down, before, after)
    tensor = next(each for each in found if each.role == "experts.down")
    assert (tensor.experts, tensor.shape) == (4, delta.shape[:0:-1])
    assert tensor.relative == pytest.approx(np.sqrt((delta**2).sum() / (old**2).sum()), rel=1e-6)
    # [E, D, F]: what all experts write, side by side.
    together = np.concatenate(list(delta), axis=1)
    values = np.linalg.svd(together, compute_uv=False)
    np.testing.assert_allclose(tensor.directions.singular_values, values[:3], rtol=1e-6)


def test_words_are_those_nearest_to_either_end(pair, words):
    base, tuned = pair
    request = ChangesRequest(choice_of(base), choice_of(tuned), 1, words, rank=2, top=4)
    found = answered(changes(request, ModelPool()))
    before, after = parameters(base), parameters(tuned)
    tokenizer = byte_level_tokenizer()
    model = AutoModelForCausalLM.from_pretrained(tuned, dtype=torch.float32)
    ends = {
        "input": model.get_input_embeddings().weight.detach().double().numpy(),
        "output": model.get_output_embeddings().weight.detach().double().numpy(),
    }
    centred = "gpt" in model.config.model_type
    checked = 0
    for tensor in found.tensors:
        if tensor.directions is None or tensor.experts or not tensor.directions.side:
            continue
        _, delta = change_of(in_memory(tensor.tensor, before), before, after)
        left, _, right = np.linalg.svd(delta, full_matrices=False)
        direction = left[:, 0] if tensor.directions.side == "reads" else right[0]
        cosines = {}
        for word in WORDS:
            ids = tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
            ids = ids[1:] if tokenizer.decode(ids[:1]) == " " else ids
            vector = ends[tensor.directions.embeddings][ids].mean(0)
            if centred and tensor.directions.embeddings == "input":
                vector = vector - vector.mean()
            cosines[word] = float(vector @ direction / np.linalg.norm(vector))
        if direction[np.abs(direction).argmax()] < 0:
            cosines = {word: -value for word, value in cosines.items()}
        plus = sorted(cosines, key=lambda word: -cosines[word])[:4]
        minus = sorted(cosines, key=lambda word: cosines[word])[:4]
        assert tensor.directions.ends(0) == (tuple(plus), tuple(minus))
        told = tensor.directions.cosines[0]
        np.testing.assert_allclose(told[0], [cosines[each] for each in plus], atol=1e-5)
        np.testing.assert_allclose(told[1], [cosines[each] for each in minus], atol=1e-5)
        checked += 1
    assert checked >= 2


def test_of_equal_models_nothing_changed(words):
    base = resolve("demo-base")
    found, events = driven(changes(ChangesRequest(base, base, 0, words), ModelPool()))
    assert found.unchanged
    assert all(each.directions is None and each.relative == 0.0 for each in found.tensors)
    assert events[-1] == Progress("changes", len(found.tensors), len(found.tensors), "tensors")


def test_embeddings_of_more_tokens_are_compared_as_far_as_both_go(tmp_path, words):
    model = any_small_model("llama", vocab_size=VOCABULARY)
    base = save(tmp_path / "base", model, byte_level_tokenizer())
    old = model.get_input_embeddings().weight.detach().double().numpy().copy()
    model.resize_token_embeddings(VOCABULARY + 7)
    tuned = save(tmp_path / "tuned", tuned_of(model), byte_level_tokenizer())
    new = model.get_input_embeddings().weight.detach().double().numpy()[:VOCABULARY]
    request = ChangesRequest(choice_of(base), choice_of(tuned), OUTSIDE, words)
    found = answered(changes(request, ModelPool()))
    embeddings = found.of("embeddings")
    assert embeddings.norm_change == pytest.approx(np.linalg.norm(new - old), rel=1e-6)
    values = np.linalg.svd(new - old, compute_uv=False)
    np.testing.assert_allclose(embeddings.directions.singular_values, values[:16], rtol=1e-6)
    assert any("391" in note and "384 are compared" in note for note in found.notes)


def test_a_tensor_of_one_model_alone_is_named(tmp_path, words):
    plain = any_small_model("qwen2", vocab_size=VOCABULARY)
    base = save(tmp_path / "base", plain, byte_level_tokenizer())
    tied = any_small_model("qwen2", vocab_size=VOCABULARY, tie_word_embeddings=True)
    tuned = save(tmp_path / "tuned", tied, byte_level_tokenizer())
    request = ChangesRequest(choice_of(base), choice_of(tuned), OUTSIDE, words)
    assert "Only base has head." in answered(changes(request, ModelPool())).notes


def test_a_layer_that_there_is_not_is_said(words):
    base = resolve("demo-base")
    with pytest.raises(ProblemError, match="There is no layer 8"):
        answered(changes(ChangesRequest(base, base, 8, words), ModelPool()))


def test_a_product_is_described_as_the_matrix_that_it_makes():
    base, own = resolve("demo-base"), Words("demo", limit=300)
    weights = open_weights(Path(base.location))
    described = {
        name: answered(unit_words(base, own, ModelPool(), name)) for name in ("input", "output")
    }
    random = torch.Generator().manual_seed(4)
    for tensor in matrices(weights, 0):
        if not tensor.side:
            continue
        inputs, outputs = tensor.in_out
        up = torch.randn(outputs, 3, generator=random)
        down = torch.randn(3, inputs, generator=random)
        lexicon = described[tensor.words]
        dense = directions_of([(up @ down).T], tensor, lexicon, 16, 5)
        product = directions_of(LowRank(up, down), tensor, lexicon, 16, 5)
        np.testing.assert_allclose(product.singular_values, dense.singular_values[:3], rtol=1e-4)
        assert product.effective_rank == pytest.approx(dense.effective_rank, rel=1e-4)
        assert product.side == dense.side
        for direction in range(3):
            assert product.ends(direction) == dense.ends(direction)
