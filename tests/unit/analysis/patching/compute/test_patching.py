"""Patched runs are those of plain hooks in float64, one whole text at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from analysis.engine.loading import LoadedModel
from analysis.engine.pool import ModelPool
from analysis.patching.compute import reading as readings
from analysis.patching.compute import runs
from analysis.patching.compute.patching import patching
from analysis.patching.compute.sites import sites_of
from analysis.patching.compute.wholeness import beside_the_stream
from analysis.patching.request import PARTS, Part, PatchingRequest
from analysis.patching.result import Patching
from analysis.problems import ProblemError
from analysis.request import Pair
from cache.codec import decode, encode
from tests.families.models import tiny
from tests.support import checkpoints
from tests.support.pairs import ADAPTER, FAMILIES, VOCABULARY, choice, pair_of, reference
from tests.support.small_models import CONFIGURATIONS
from tests.support.studies import answered

PROMPT = "Hello world, how"
RESPONSE = (97, 114, 101)
TOKENS = (70, 81)
KINDS = (*FAMILIES, ADAPTER)
# What transformers calls a layer, its attention and its network.
NAMES = {
    "gpt2": ("transformer.h", "attn", "mlp"),
    "gpt_neox": ("gpt_neox.layers", "attention", "mlp"),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def pair(kind: str, tmp_path_factory) -> Pair:
    return pair_of(tmp_path_factory.mktemp("pair"), kind)


@pytest.fixture(scope="module")
def llamas(tmp_path_factory) -> Pair:
    return pair_of(tmp_path_factory.mktemp("llamas"), "llama")


@pytest.fixture(scope="module")
def deep(tmp_path_factory) -> Pair:
    """Llamas of eight layers."""
    folder = tmp_path_factory.mktemp("deep")
    return _written(folder, "base", 8, 0), _written(folder, "tuned", 8, 1)


def _written(folder: Path, name: str, layers: int, seed: int, **settings: Any) -> Any:
    torch.manual_seed(seed)
    size = {"vocab_size": VOCABULARY, "num_hidden_layers": layers, **settings}
    config = AutoConfig.for_model("llama", **{**CONFIGURATIONS["llama"], **size})
    AutoModelForCausalLM.from_config(config).save_pretrained(folder / name)
    checkpoints.byte_level_tokenizer(vocabulary=VOCABULARY).save_pretrained(folder / name)
    return choice(name, folder / name)


def found_of(request: PatchingRequest, pool: ModelPool | None = None) -> Patching:
    return answered(patching(request, pool or ModelPool()))


def asked(pair: Pair, **options: Any) -> PatchingRequest:
    return PatchingRequest(*pair, PROMPT, **{"response_ids": RESPONSE, "tokens": TOKENS, **options})


def places(model: PreTrainedModel, kind: str, part: Part) -> list[tuple[Any, bool]]:
    """Modules, and whether what enters one is meant."""
    layers, attention, network = NAMES.get(kind, ("model.layers", "self_attn", "mlp"))
    every = list(model.get_submodule(layers))
    if part == "stream":
        return [(every[0], True), *((each, False) for each in every)]
    name = attention if part == "attention" else network
    return [(getattr(each, name), False) for each in every]


@contextmanager
def hooked(module: Any, enters: bool, do: Any) -> Iterator[None]:
    """Replace the last position's state by what `do` gives for it; None leaves it."""

    def changed(states: Tensor) -> Tensor:
        other = do(states[0, -1])
        if other is None:
            return states
        return torch.cat([states[:, :-1], other[None, None]], dim=1)

    def before(_module: Any, args: Any, options: Any) -> Any:
        if args:
            return (changed(args[0]), *args[1:]), options
        return args, {**options, "hidden_states": changed(options["hidden_states"])}

    def after(_module: Any, _args: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (changed(output[0]), *output[1:])
        return changed(output)

    handle = (
        module.register_forward_pre_hook(before, with_kwargs=True)
        if enters
        else module.register_forward_hook(after)
    )
    try:
        yield
    finally:
        handle.remove()


def by_hand(pair: Pair, kind: str, found: Patching) -> tuple[Tensor, list[list[Tensor]]]:
    """Logits of both models alone [2, V], and of each receiver with each point replaced."""
    models = [reference(each) for each in pair]
    texts = [
        torch.tensor([[*prompt.ids, *found.response_tokens.ids]]) for prompt in found.prompt_tokens
    ]
    alone, states = [], []
    with torch.no_grad():
        for model, text in zip(models, texts, strict=True):
            kept: list[Tensor] = []
            for module, enters in places(model, kind, found.part):
                with hooked(module, enters, kept.append):
                    logits = model(text).logits[0, -1]
            alone.append(logits)
            states.append(kept)
        patched = []
        for receiver, (model, text) in enumerate(zip(models, texts, strict=True)):
            rows = []
            for point, (module, enters) in enumerate(places(model, kind, found.part)):
                state = states[1 - receiver][point]
                with hooked(module, enters, lambda _own, state=state: state):
                    rows.append(model(text).logits[0, -1])
            patched.append(rows)
    return torch.stack(alone), patched


def same_as(found: Patching, alone: Tensor, patched: list[list[Tensor]]) -> None:
    base, tuned = found.tokens
    for side in range(2):
        every = [(found.alone, side, alone[side])]
        every += [(found.patched, (side, at), row) for at, row in enumerate(patched[side])]
        for said, at, logits in every:
            log_p = logits.log_softmax(0)
            wanted = float(logits[tuned] - logits[base])
            assert said.difference[at] == pytest.approx(wanted, abs=2e-4)
            assert said.log_p[at].tolist() == pytest.approx(log_p[[base, tuned]].tolist(), abs=2e-4)
            assert float(log_p[said.top[at]]) == pytest.approx(float(log_p.max()), abs=2e-4)
    assert found.points == len(patched[0])


@pytest.mark.parametrize("part", PARTS)
def test_numbers_are_those_of_hooks_in_float64(pair: Pair, kind: str, part: Part) -> None:
    found = found_of(asked(pair, part=part))
    same_as(found, *by_hand(pair, kind, found))
    assert found.layers == 2
    assert found.points == (3 if part == "stream" else 2)
    assert np.all(found.identity < 1e-5)
    # Each ran from its cache.
    assert np.all(found.cached < 1e-5)
    assert found.notes == ()


def test_without_a_cache_the_whole_text_is_read_and_that_is_said(
    pair: Pair, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ModelPool()
    short = found_of(asked(pair), pool)
    monkeypatch.setattr(readings, "_REPEATABLE", ())
    whole = found_of(asked(pair), pool)
    np.testing.assert_allclose(whole.patched.difference, short.patched.difference, atol=1e-4)
    assert np.all(np.isnan(whole.cached))
    assert [note for note in whole.notes if "reads the whole text" in note]


def test_a_cache_that_gives_other_numbers_is_not_used(
    llamas: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ModelPool()
    right = found_of(asked(llamas), pool)
    good = runs.repeated

    def spoilt(cache: Any, rows: int) -> Any:
        copied = good(cache, rows)
        for layer in copied.layers:
            layer.values = layer.values + 0.5
        return copied

    monkeypatch.setattr(runs, "repeated", spoilt)
    found = found_of(asked(llamas), pool)
    np.testing.assert_allclose(found.patched.difference, right.patched.difference, atol=1e-4)
    assert "its cache changes the logits by" in found.notes[0]

    def broken(cache: Any, rows: int) -> Any:
        raise AttributeError("no keys")

    monkeypatch.setattr(runs, "repeated", broken)
    found = found_of(asked(llamas), pool)
    np.testing.assert_allclose(found.patched.difference, right.patched.difference, atol=1e-4)
    assert "cannot be continued from its cache" in found.notes[0]


def test_a_model_that_its_own_states_change_is_refused(
    llamas: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = readings.read

    def moved(*args: Any) -> Any:
        found = read(*args)
        states = [None if each is None else each * 1.01 for each in found.states]
        return readings.replace(found, states=tuple(states))  # type: ignore[attr-defined]

    monkeypatch.setattr("analysis.patching.compute.patching.read", moved)
    with pytest.raises(ProblemError, match="another model with its own states put in") as error:
        found_of(asked(llamas))
    assert error.value.problem.kind == "model"


def test_what_a_layer_hands_on_beside_the_stream_is_said() -> None:
    """A layer that uses the keys of an earlier one, and streams that are all there is."""
    for family, whole in (("gemma4", False), ("gemma2", True), ("llama4", True)):
        model = tiny(family)
        loaded = cast("LoadedModel", SimpleNamespace(model=model, facts=SimpleNamespace(name="X")))
        notes = beside_the_stream(loaded, sites_of(model, "stream"), [3, 41])
        assert bool(notes) is not whole
        if not whole:
            assert "The stream is not all that a layer of X hands to the next" in notes[0]
        assert beside_the_stream(loaded, sites_of(model, "attention"), [3, 41]) == ()


@pytest.mark.parametrize(
    ("family", "part", "why"),
    [
        ("bloom", "attention", "adds the residual stream to what it writes"),
        ("gemma3n_text", "stream", r"they are \(4, 1, 5, 32\)"),
        ("granitemoehybrid", "feed_forward", "beside the experts"),
        ("rwkv", "attention", "No layer of RwkvForCausalLM has an attention"),
        ("mamba", "stream", "cannot be taken apart"),
    ],
)
def test_a_family_whose_states_are_of_another_kind_is_refused(
    family: str, part: Part, why: str
) -> None:
    model = tiny(family)
    loaded: Any = SimpleNamespace(model=model, refuse_unknown=lambda _: None)
    loaded.facts = SimpleNamespace(name="X")
    with pytest.raises(ProblemError, match=why):
        readings.read(loaded, [3, 41, 67, 60, 12], sites_of(model, part))


@pytest.mark.parametrize("family", ["qwen3_next", "jamba", "recurrent_gemma"])
def test_a_model_that_keeps_a_state_reads_the_whole_text(family: str) -> None:
    model = tiny(family)
    facts = SimpleNamespace(name="X", dtype="float32")
    loaded: Any = SimpleNamespace(model=model, facts=facts, device=torch.device("cpu"))
    loaded.refuse_unknown = lambda _: None
    read = [
        readings.read(loaded, ids, sites_of(model, "stream"))
        for ids in ([3, 41, 67, 60, 12], [5, 60, 33])
    ]
    found = answered(runs.patched(loaded, *read, (7, 9), None))
    assert np.isnan(found.cached)
    assert "X reads the whole text in every run" in found.notes[0]
    # Final norm and head are the same: after the last layer it is the other text's.
    logits = read[1].logits
    wanted = float(logits[9] - logits[7])
    assert found.said[max(found.said)][0] == pytest.approx(wanted, abs=1e-4)


def test_a_model_patched_with_itself_stays_itself(llamas: Pair) -> None:
    base, _ = llamas
    found = found_of(asked((base, base)))
    np.testing.assert_allclose(found.patched.difference, found.alone.difference[0], atol=1e-4)
    assert np.all(np.isnan(found.carried))


@pytest.mark.parametrize("kind", [ADAPTER])
def test_after_the_last_layer_only_norm_and_head_are_the_receivers(
    tmp_path: Path, kind: str
) -> None:
    # This adapter leaves the final norm and the head alone.
    found = found_of(asked(pair_of(tmp_path, kind)))
    for receiver in range(2):
        donor = found.alone.difference[1 - receiver]
        assert found.patched.difference[receiver, -1] == pytest.approx(float(donor), abs=1e-4)
    assert found.carried[:, -1] == pytest.approx(1.0, abs=1e-3)


def test_each_model_s_own_greedy_choice_is_the_default(llamas: Pair) -> None:
    found = found_of(asked(llamas, tokens=None))
    assert found.tokens == tuple(found.alone.top.tolist())
    assert found.alone.difference[0] < 0 < found.alone.difference[1]
    for token in found.tokens:
        assert str(token) in found.texts


def test_an_empty_response_asks_for_its_first_token(pair: Pair, kind: str) -> None:
    found = found_of(asked(pair, response_ids=()))
    same_as(found, *by_hand(pair, kind, found))


def test_a_chat_template_is_the_tuned_models_alone(llamas: Pair) -> None:
    found = found_of(asked(llamas, chat_template=True))
    base, tuned = found.prompt_tokens
    assert len(tuned) > len(base)
    same_as(found, *by_hand(llamas, "llama", found))


def test_a_direction_costs_one_pass_of_the_last_position_a_layer(
    deep: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted by a hook on every layer: tokens that pass, as a share of the layers."""
    passed: list[int] = []
    patch = runs.patched

    def counted(loaded: Any, own: Any, *others: Any) -> Any:
        def count(_module: Any, args: Any, _output: Any) -> None:
            passed[-1] += args[0].shape[0] * args[0].shape[1]

        passed.append(0)
        hooks = [each.register_forward_hook(count) for each in loaded.model.model.layers]
        try:
            return (yield from patch(loaded, own, *others))
        finally:
            for hook in hooks:
                hook.remove()

    monkeypatch.setattr("analysis.patching.compute.patching.patched", counted)
    found = found_of(asked(deep))
    assert found.layers == 8
    assert len(passed) == 2
    for tokens in passed:
        assert tokens / found.layers <= 1.5 * found.layers


def test_small_batches_give_the_same(deep: Pair) -> None:
    pool = ModelPool()
    at_once, one_by_one = (
        found_of(asked(deep, memory_budget=budget), pool) for budget in (None, 1)
    )
    np.testing.assert_allclose(one_by_one.patched.difference, at_once.patched.difference, atol=1e-4)
    assert asked(deep, memory_budget=1).in_key() == asked(deep).in_key()


def test_a_batch_that_memory_does_not_hold_is_halved(
    deep: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ModelPool()
    at_once = found_of(asked(deep), pool)
    good, tried = runs.repeated, []

    def scarce(cache: Any, rows: int) -> Any:
        tried.append(rows)
        if rows > 3:
            raise torch.OutOfMemoryError("scarce")
        return good(cache, rows)

    monkeypatch.setattr(runs, "repeated", scarce)
    found = found_of(asked(deep), pool)
    assert tried[:3] == [11, 5, 2]
    np.testing.assert_allclose(found.patched.difference, at_once.patched.difference, atol=1e-4)


def test_an_adapter_is_turned_on_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = pair_of(tmp_path, ADAPTER)
    pool, got = ModelPool(), []
    get = pool.get

    def watched(each: Any) -> Any:
        got.append(each.name)
        return get(each)

    monkeypatch.setattr(pool, "get", watched)
    found_of(asked(pair), pool)
    assert got == ["base", "tuned", "base"]
    assert len(pool.facts()) == 1


def test_half_precision_is_near(llamas: Pair) -> None:
    exact = found_of(asked(llamas))
    half = tuple(replace(each, dtype="bfloat16") for each in llamas)
    found = found_of(asked(half))  # type: ignore[arg-type]
    assert found.dtype == "bfloat16"
    np.testing.assert_allclose(found.patched.difference, exact.patched.difference, atol=0.2)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"tokens": (70, 70)}, "The two tokens are one and the same"),
        ({"tokens": (70, VOCABULARY)}, "outside the model's vocabulary"),
        ({"response_ids": (97,) * 80}, "Prompt and response are too long"),
    ],
)
def test_what_cannot_be_compared_is_refused(llamas: Pair, options: Any, why: str) -> None:
    with pytest.raises(ProblemError) as error:
        found_of(asked(llamas, **options))
    assert why in str(error.value)
    assert error.value.problem.kind == "input"


def test_unlike_models_are_refused(llamas: Pair, tmp_path: Path) -> None:
    base, _ = llamas
    with pytest.raises(ProblemError, match="would choose the same token"):
        found_of(asked((base, base), tokens=None))
    three = _written(tmp_path, "three", 3, 1)
    with pytest.raises(ProblemError, match="2 layers of width 32, the other 3 of width 32"):
        found_of(asked((base, three)))
    wide = _written(tmp_path, "wide", 2, 1, hidden_size=64)
    with pytest.raises(ProblemError, match="of width 64"):
        found_of(asked((base, wide)))
    other = _written(tmp_path, "other", 2, 1)
    checkpoints.sentencepiece_tokenizer().save_pretrained(other.location)
    with pytest.raises(ProblemError, match="do not mean the same by a token"):
        found_of(asked((base, other)))


def test_a_result_survives_the_cache(llamas: Pair) -> None:
    found = found_of(asked(llamas))
    again = decode(encode(found), Patching)
    assert encode(again) == encode(found)
    renamed = asked(tuple(replace(each, name="x") for each in llamas)).renamed(again)  # type: ignore[arg-type]
    assert renamed.names == ("x", "x")
