"""Activations and attention weights are those of transformers in float64, prompt by prompt."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from msgspec.structs import replace
from torch import Tensor
from transformers import PreTrainedModel

from analysis.activity.compute import reading
from analysis.activity.compute.heads import head_activity
from analysis.activity.compute.neurons import neuron_activity
from analysis.activity.request import HeadActivityRequest, NeuronActivityRequest
from analysis.activity.result import Activity
from analysis.engine.loading import LoadedModel
from analysis.engine.pool import ModelPool
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from cache.codec import decode, encode
from tests.support.pairs import ADAPTER, pair_of, reference
from tests.support.studies import answered

KINDS = ("llama", "gemma2", "gpt2", "gpt_neox", ADAPTER)
PROMPTS = (
    "The moon shines at night.",
    "Night falls, and the MOON is up; a moon.",
    "No such word here",
    "At night",
    "moon, night, moon",
)
LAYER = 1
# Pairs of words, None for any, and how many prompts have both.
WORDS: dict[Any, int] = {("moon", "night"): 3, ("Night", "moon"): 3, ("moon", "moon"): 2, None: 5}
CLOSE = {"rel": 2e-4, "abs": 2e-6}


class Side(NamedTuple):
    """A model of a pair, the same in float64, and the prompts as it reads them."""

    model: ModelChoice
    pool: ModelPool
    exact: PreTrainedModel
    tokens: list[Any]


@pytest.fixture(scope="module", params=KINDS)
def sides(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Side, ...]:
    pool, pair = ModelPool(), pair_of(tmp_path_factory.mktemp("pair"), request.param)
    return tuple(Side(each, pool, reference(each), tokens_of(each, pool)) for each in pair)


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> ModelChoice:
    return pair_of(tmp_path_factory.mktemp("mixture"), "mixtral")[0]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> ModelChoice:
    return pair_of(tmp_path_factory.mktemp("llama"), "llama")[0]


def tokens_of(model: ModelChoice, pool: ModelPool) -> list[Any]:
    loaded: LoadedModel = answered(pool.get(model))
    return [loaded.tokenize(each) for each in PROMPTS]


def layer_of(model: PreTrainedModel) -> Any:
    layers = next(
        each for each in model.modules() if isinstance(each, torch.nn.ModuleList) and len(each) == 2
    )
    return layers[LAYER]


def entering(model: PreTrainedModel, module: Any, ids: Any) -> tuple[Any, ...]:
    """What a module is given in a pass over one text."""
    seen: list[Any] = []
    hook = module.register_forward_pre_hook(lambda _module, args: seen.append(args))
    with torch.no_grad():
        model(input_ids=torch.tensor([ids]), use_cache=False)
    hook.remove()
    return tuple(seen[0])


def expected(values: list[tuple[int, Tensor]], top: int) -> list[tuple[int, float, int]]:
    """Prompt, value and token of the largest |value| of each prompt, NaN where none counts."""
    found = []
    for index, each in values:
        sizes = each.abs().nan_to_num(-1.0)
        at = int(sizes.argmax())
        if sizes[at] >= 0:
            found.append((index, float(each[at]), at))
    return sorted(found, key=lambda row: (-abs(row[1]), row[0]))[:top]


def agree(found: Activity, wanted: list[tuple[int, float, int]], tokens: list[Any]) -> None:
    assert [(each.index, each.position) for each in found.top] == [
        (index, at) for index, _, at in wanted
    ]
    assert [each.value for each in found.top] == pytest.approx([v for _, v, _ in wanted], **CLOSE)
    assert [each.token for each in found.top] == [
        tokens[index].texts[at] for index, _, at in wanted
    ]
    assert decode(encode(found), Activity) == found


@pytest.mark.parametrize("side", [0, 1])
def test_a_neuron_is_as_active_as_what_enters_the_down_projection(
    sides: tuple[Side, ...], side: int
) -> None:
    model, pool, exact, tokens = sides[side]
    network = layer_of(exact).mlp
    down = next(
        getattr(network, name)
        for name in ("down_proj", "c_proj", "dense_4h_to_h")
        if hasattr(network, name)
    )
    inputs = [entering(exact, down, each.ids)[0][0] for each in tokens]
    for neuron in (0, 17, 40):
        values = [
            (
                index,
                torch.where(torch.tensor(each.written_by_user()), one[:, neuron], torch.nan),
            )
            for index, (each, one) in enumerate(zip(tokens, inputs, strict=True))
        ]
        found = answered(
            neuron_activity(NeuronActivityRequest(model, PROMPTS, LAYER, neuron, top=4), pool)
        )
        agree(found, expected(values, 4), tokens)
        assert (found.prompts, found.read) == (5, 5)


def test_an_expert_s_neuron_counts_where_the_router_sends_tokens(mixture: ModelChoice) -> None:
    pool = ModelPool()
    exact, tokens = reference(mixture), tokens_of(mixture, pool)
    experts = next(
        each
        for name, each in layer_of(exact).named_modules()
        if name.endswith("experts") and hasattr(each, "gate_up_proj")
    )
    neuron, read = 7, []
    for expert in range(4):
        values = []
        for index, each in enumerate(tokens):
            states, chosen = entering(exact, experts, each.ids)[:2]
            weight = experts.gate_up_proj[expert].detach()
            gate, up = (states @ weight.T).chunk(2, dim=-1)
            own = (torch.nn.functional.silu(gate) * up)[:, neuron]
            routed = (chosen == expert).any(dim=-1) & torch.tensor(each.written_by_user())
            values.append((index, torch.where(routed, own, torch.nan)))
        asked = NeuronActivityRequest(mixture, PROMPTS, LAYER, neuron, expert)
        found = answered(neuron_activity(asked, pool))
        agree(found, expected(values, 20), tokens)
        read.append(found.read)
    assert read != [0] * 4


@pytest.mark.parametrize("side", [0, 1])
def test_a_head_attends_as_eager_attention_says(sides: tuple[Side, ...], side: int) -> None:
    model, pool, exact, tokens = sides[side]
    exact.set_attn_implementation("eager")
    head, weights = 2, []
    for each in tokens:
        with torch.no_grad():
            output = exact(input_ids=torch.tensor([each.ids]), output_attentions=True)
        weights.append(output.attentions[LAYER][0, head])
    for words, read in WORDS.items():
        wanted = []
        for index, (text, each) in enumerate(zip(PROMPTS, tokens, strict=True)):
            own = [
                (index, float(weights[index][query, key]), query, key)
                for query, key in plain_places(text, each, words)
            ]
            wanted += [max(own, key=lambda row: row[1])] if own else []
        wanted.sort(key=lambda row: (-row[1], row[0]))
        found = answered(
            head_activity(HeadActivityRequest(model, PROMPTS, LAYER, head, words), pool)
        )
        agree(found, [each[:3] for each in wanted], tokens)
        assert [each.attended for each in found.top] == [each[3] for each in wanted]
        assert [each.attended_token for each in found.top] == [
            tokens[index].texts[key] for index, _, _, key in wanted
        ]
        assert found.read == len(wanted) == read
        assert bool(found.notes and "not both words" in found.notes[-1]) == (words is not None)


def plain_places(text: str, tokens: Any, words: Any) -> list[tuple[int, int]]:
    """Positions to try: letters are counted, without the program's own words."""
    if words is None:
        own = [at for at, span in enumerate(tokens.spans) if span]
        return [(query, key) for query in own for key in own if 0 < key <= query]
    low = text.lower()
    spans: dict[str, list[list[int]]] = {}
    for word in {each.lower() for each in words}:
        starts = [n for n in range(len(low)) if low.startswith(word, n)]
        spans[word] = [
            [
                at
                for at, span in enumerate(tokens.spans)
                if span and span[0] < start + len(word) and span[1] > start
            ]
            for start in starts
        ]
    first, second = (spans[each.lower()] for each in words)
    found = []
    for one in first:
        for other in second:
            for query, keys in ((one[-1], other), (other[-1], one)):
                found += [(query, key) for key in keys if key < query and one != other]
    return sorted(found)


def test_neither_padding_nor_the_order_nor_halved_batches_change_anything(
    llama: ModelChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ModelPool()
    neuron = NeuronActivityRequest(llama, PROMPTS, 0, 5)
    head = HeadActivityRequest(llama, PROMPTS, 0, 1)
    at_once = answered(neuron_activity(neuron, pool)), answered(head_activity(head, pool))
    monkeypatch.setattr("analysis.neurons.compute.batches.TOKENS", 1)
    run, failed = reading.run_model, []

    def scarce(loaded: Any, ids: Tensor, mask: Tensor, batch: Any) -> None:
        if not failed:
            failed.append(ids)
            raise torch.OutOfMemoryError("CUDA out of memory")
        run(loaded, ids, mask, batch)

    monkeypatch.setattr("analysis.activity.compute.neurons.run_model", scarce)
    with pytest.raises(ProblemError, match="does not suffice"):
        answered(neuron_activity(neuron, pool))
    one_by_one = answered(neuron_activity(neuron, pool)), answered(head_activity(head, pool))
    monkeypatch.undo()
    monkeypatch.setattr("analysis.activity.compute.neurons.run_model", scarce)
    failed.clear()
    halved = answered(neuron_activity(neuron, pool))
    assert failed
    for found in (*one_by_one, halved):
        wanted = at_once[found is one_by_one[1]]
        assert [(e.index, e.position) for e in found.top] == [
            (e.index, e.position) for e in wanted.top
        ]
        assert [e.value for e in found.top] == pytest.approx([e.value for e in wanted.top], **CLOSE)
        assert found.read == 5


def test_in_a_chat_template_the_user_s_own_tokens_alone_count(llama: ModelChoice) -> None:
    pool = ModelPool()
    loaded: LoadedModel = answered(pool.get(llama))
    asked = NeuronActivityRequest(llama, PROMPTS, 0, 5, chat_template=True)
    found = (
        *answered(neuron_activity(asked, pool)).top,
        *answered(
            head_activity(HeadActivityRequest(llama, PROMPTS, 0, 1, chat_template=True), pool)
        ).top,
    )
    assert len(found) == 10
    for each in found:
        tokens = loaded.tokenize(PROMPTS[each.index], chat_template=True)
        assert len(tokens) > len(loaded.tokenize(PROMPTS[each.index]))
        assert tokens.spans[each.position] is not None
        assert each.attended < 0 or tokens.spans[each.attended] is not None
        assert each.token == tokens.texts[each.position]


def test_no_trace_is_left_in_the_model(llama: ModelChoice) -> None:
    pool = ModelPool()
    loaded: LoadedModel = answered(pool.get(llama))
    before = loaded.model.config._attn_implementation
    answered(head_activity(HeadActivityRequest(llama, PROMPTS, 0, 1), pool))
    answered(neuron_activity(NeuronActivityRequest(llama, PROMPTS, 0, 1), pool))
    assert loaded.model.config._attn_implementation == before
    assert not any(
        each._forward_hooks or each._forward_pre_hooks for each in loaded.model.modules()
    )


def test_prompts_that_are_too_long_or_without_the_words_are_left_out_with_a_note(
    llama: ModelChoice,
) -> None:
    pool = ModelPool()
    long = "moon night " * 400
    asked = HeadActivityRequest(llama, (long, *PROMPTS), 0, 0, ("moon", "night"), top=1)
    found = answered(head_activity(asked, pool))
    assert (found.prompts, found.read, len(found.top)) == (6, 3, 1)
    assert "2 of 6 prompts have not both words" in found.notes[-2]
    assert "1 of 6 instructions are left out" in found.notes[-1]
    nothing = answered(head_activity(replace(asked, pair=("moon", "zebra")), pool))
    assert (nothing.read, nothing.top) == (0, ())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"layer": 2}, "There is no layer 2"),
        ({"neuron": 48}, "There is no neuron 48"),
        ({"expert": 0}, "has no experts"),
        ({"prompts": ()}, "There is no prompt"),
        ({"prompts": (" ",)}, "The prompt is empty"),
    ],
)
def test_what_cannot_be_done_is_said(llama: ModelChoice, options: dict[str, Any], why: str) -> None:
    asked = replace(NeuronActivityRequest(llama, PROMPTS, 1, 3), **options)
    with pytest.raises(ProblemError, match=why):
        answered(neuron_activity(asked, ModelPool()))


def test_no_such_head_and_no_such_expert(llama: ModelChoice, mixture: ModelChoice) -> None:
    pool = ModelPool()
    with pytest.raises(ProblemError, match="There is no head 4"):
        answered(head_activity(HeadActivityRequest(llama, PROMPTS, 0, 4), pool))
    for expert, why in ((-1, "needs the number of its expert"), (4, "There is no expert 4")):
        asked = NeuronActivityRequest(mixture, PROMPTS, 0, 3, expert)
        with pytest.raises(ProblemError, match=why):
            answered(neuron_activity(asked, pool))
