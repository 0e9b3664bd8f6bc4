"""Frequencies are those of a plain loop over tokens, in every family and expert implementation."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from analysis.neurons.compute.batches import Text, in_batches, padded
from analysis.neurons.compute.counting import Counter, top_steps
from analysis.neurons.compute.feed_forward import feed_forwards
from analysis.neurons.sets import EPSILONS, EXPERT_EPSILONS, TOP_SHARES
from tests.support.small_models import CONFIGURATIONS, EXPERTS, VOCABULARY, small_model

IMPLEMENTATIONS = ("eager", "batched_mm", "grouped_mm")


def some_texts() -> list[Text]:
    """Texts of several lengths; what counts in them begins after the first token."""
    generator = torch.Generator().manual_seed(5)
    lengths = (3, 11, 2, 8)
    texts = []
    for index, length in enumerate(lengths):
        ids = torch.randint(3, VOCABULARY, (length,), generator=generator).tolist()
        texts.append(Text(index, tuple(ids), (False,) + (True,) * (length - 1)))
    return texts


def counted_by(model, texts, branch="gate", rule="threshold"):
    counter = Counter(feed_forwards(model), branch, rule)
    for batch in in_batches(texts):
        ids, mask, counted = padded(batch, torch.device("cpu"))
        with torch.no_grad(), counter.counting(counted):
            model.base_model(input_ids=ids, attention_mask=mask)
    return counter.layers()


def blocks_of(model):
    """The feed-forward block of each layer."""
    return [module for name, module in model.named_modules() if name.endswith(".mlp")]


def inputs_of(model, text):
    """What enters the feed-forward block of each layer for one text, float64 [T, D] each."""
    blocks = blocks_of(model)
    entered = []
    hooks = [
        block.register_forward_pre_hook(lambda _module, args: entered.append(args[0][0].double()))
        for block in blocks
    ]
    with torch.no_grad():
        model.base_model(input_ids=torch.tensor([text.ids]))
    for hook in hooks:
        hook.remove()
    return entered


def weight(module):
    """[out, in] of a projection, float64."""
    stored = module.weight.detach().double()
    return stored.T if type(module).__name__ == "Conv1D" else stored


def plain_activation(network, state, branch):
    """One token through a dense network: float64 [F]."""
    names = dict(network.named_children())
    act = next(names[each] for each in ("act_fn", "activation_fn", "act") if each in names)
    if "gate_up_proj" in names:
        both = weight(network.gate_up_proj) @ state
        gate, up = act(both[: len(both) // 2]), both[len(both) // 2 :]
    elif "gate_proj" in names:
        gate, up = act(weight(network.gate_proj) @ state), weight(network.up_proj) @ state
    else:
        into = next(names[each] for each in ("c_fc", "fc_in", "dense_h_to_4h") if each in names)
        gate, up = act(weight(into) @ state + into.bias.detach().double()), 1.0
    return gate if branch == "gate" else gate * up


def plain_experts(block, state, top, branch):
    """One token through a mixture: {expert: float64 [F]} of the experts it is routed to."""
    experts = block.experts
    scores = (block.gate.weight.detach().double() @ state).softmax(dim=0)
    found = {}
    for expert in scores.argsort(descending=True)[:top].tolist():
        both = experts.gate_up_proj[expert].detach().double() @ state
        gate, up = experts.act_fn(both[: len(both) // 2]), both[len(both) // 2 :]
        found[expert] = gate if branch == "gate" else gate * up
    return found


def by_token(model, texts, branch):
    """p_ij(I) [I, U] and shares of experts [I, E] of each layer, token by token."""
    networks = feed_forwards(model)
    active = [np.zeros((len(texts), each.units)) for each in networks]
    sent = [np.zeros((len(texts), each.routed)) for each in networks]
    for row, text in enumerate(texts):
        own = [place for place, counted in enumerate(text.counted) if counted]
        for layer, states in enumerate(inputs_of(model, text)):
            network, block = networks[layer], blocks_of(model)[layer]
            plain = block if network.experts is None else getattr(block, "shared_expert", None)
            for place in own:
                if plain is not None:
                    values = plain_activation(plain, states[place], branch)
                    active[layer][row, network.starts[-2] :] += (values > 0).numpy()
                if network.experts is not None:
                    top = model.config.num_experts_per_tok
                    found = plain_experts(block, states[place], top, branch)
                    for expert, values in found.items():
                        start, end = network.starts[expert : expert + 2]
                        active[layer][row, start:end] += (values > 0).numpy()
                        sent[layer][row, expert] += 1
            active[layer][row] /= len(own)
            sent[layer][row] /= len(own)
    return active, sent


def assert_counts_are_those_of(layers, active, sent):
    for layer, neurons, experts in zip(layers, active, sent, strict=True):
        for row, epsilon in enumerate(EPSILONS):
            np.testing.assert_array_equal(
                layer.reached[row], (neurons >= epsilon - 1e-9).sum(axis=0)
            )
        for row, epsilon in enumerate(EXPERT_EPSILONS):
            np.testing.assert_array_equal(
                layer.expert_reached[row], (experts >= epsilon - 1e-9).sum(axis=0)
            )
        np.testing.assert_allclose(layer.mean, neurons.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(layer.expert_mean, experts.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("branch", ["gate", "product"])
@pytest.mark.parametrize("family", sorted(set(CONFIGURATIONS) - set(EXPERTS)))
def test_dense_frequencies_are_those_of_a_loop_over_tokens(family, branch):
    model, texts = small_model(family), some_texts()
    expected = by_token(model, texts, branch)
    assert_counts_are_those_of(counted_by(model, texts, branch), *expected)
    assert 0.1 < expected[0][0].mean() < 0.9


@pytest.mark.parametrize("branch", ["gate", "product"])
@pytest.mark.parametrize("family", EXPERTS)
def test_frequencies_of_experts_are_those_of_a_loop_in_every_implementation(family, branch):
    model, texts = small_model(family), some_texts()
    expected = by_token(model, texts, branch)
    for implementation in IMPLEMENTATIONS:
        model.set_experts_implementation(implementation)
        assert_counts_are_those_of(counted_by(model, texts, branch), *expected)
    assert 0 < expected[1][0].mean() < 1


def by_percentile(active):
    """How many instructions have a neuron among the highest shares: per layer [20, U]."""
    everything = np.concatenate(active, axis=1)
    counts = np.zeros((len(TOP_SHARES), everything.shape[1]), dtype=int)
    for row in everything:
        ranked = sorted(row, reverse=True)
        for step in range(len(TOP_SHARES)):
            border = ranked[math.ceil(Fraction(step + 1, 100) * len(row)) - 1]
            for unit, share in enumerate(row):
                counts[step, unit] += share > 0 and share >= border - 1e-9
    return np.split(counts, np.cumsum([each.shape[1] for each in active])[:-1], axis=1)


@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral"])
def test_by_percentile_the_frequencies_of_all_layers_are_ranked_together(family, monkeypatch):
    model, texts = small_model(family), some_texts()
    active, sent = by_token(model, texts, "gate")
    expected = by_percentile(active)
    found = counted_by(model, texts, "gate", "percentile")
    for layer, counts, experts in zip(found, expected, sent, strict=True):
        np.testing.assert_array_equal(layer.reached, counts)
        assert layer.expert_reached.shape[1] == experts.shape[1]
    assert 0 < expected[0][0].sum() < expected[0][-1].sum()
    monkeypatch.setattr("analysis.neurons.compute.batches.TOKENS", 1)
    for one, other in zip(found, counted_by(model, texts, "gate", "percentile"), strict=True):
        np.testing.assert_array_equal(one.reached, other.reached)


def test_who_ties_at_the_border_is_in_and_who_is_never_active_is_not():
    # Of ten neurons one is the highest 1 % to 10 %, two are the highest 11 % to 20 %.
    steps = top_steps(torch.tensor([[5, 5, 3, 2, 1, 1, 1, 1, 1, 1], [4, *[0] * 9]]))
    assert steps.tolist() == [[20, 20, *[0] * 8], [20, *[0] * 9]]


def test_padding_and_the_size_of_batches_change_nothing(monkeypatch):
    model, texts = small_model("mixtral"), some_texts()
    together = counted_by(model, texts)
    monkeypatch.setattr("analysis.neurons.compute.batches.TOKENS", 1)
    assert len(in_batches(texts)) == len(texts)
    for one, other in zip(together, counted_by(model, texts), strict=True):
        np.testing.assert_array_equal(one.reached, other.reached)
        np.testing.assert_array_equal(one.expert_reached, other.expert_reached)


def test_a_pass_that_fails_counts_nothing():
    model, (text, *_) = small_model("llama"), some_texts()
    counter = Counter(feed_forwards(model), "gate")
    ids, _, counted = padded([text], torch.device("cpu"))

    def fail(*_):
        raise MemoryError

    hook = model.model.layers[1].register_forward_hook(fail)
    with pytest.raises(MemoryError), torch.no_grad(), counter.counting(counted):
        model.base_model(input_ids=ids)
    hook.remove()
    assert not any(layer.reached.any() or layer.mean.any() for layer in counter.layers())
