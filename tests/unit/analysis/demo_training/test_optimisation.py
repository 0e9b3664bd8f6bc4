"""The loss, and what the optimiser leaves alone."""

from __future__ import annotations

import itertools

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from analysis.demo_training.batches import IGNORED
from analysis.demo_training.optimisation import Meter, loss_of, optimise


def small_llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    return LlamaForCausalLM(config)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(0, 40, (3, 9), generator=torch.Generator().manual_seed(1))
    targets = ids[:, 1:].clone()
    targets[:, :3] = IGNORED
    return ids[:, :-1], targets


def test_a_smoothed_target_is_mostly_its_token_and_a_little_of_all() -> None:
    model, (inputs, targets) = small_llama(), batch()
    logs = functional.log_softmax(model(inputs).logits.double(), dim=-1).detach()
    total, count = 0.0, 0
    for row, place in itertools.product(range(3), range(8)):
        if int(targets[row, place]) != IGNORED:
            at = logs[row, place]
            total -= 0.9 * float(at[targets[row, place]]) + 0.1 * float(at.mean())
            count += 1
    assert abs(float(loss_of(model, inputs, targets, 0.1)) - total / count) < 1e-5


def test_frozen_weights_stay_and_the_loss_falls() -> None:
    model = small_llama()
    model.model.embed_tokens.weight.requires_grad_(False)
    before = model.model.embed_tokens.weight.clone()
    first = float(loss_of(model, *batch()).detach())
    seen: list[int] = []
    meter = Meter("tuned", 20, None)
    batches = itertools.repeat(batch())
    optimise(model, batches, steps=20, rate=1e-2, meter=meter, after_step=seen.append)
    assert torch.equal(model.model.embed_tokens.weight, before)
    assert float(loss_of(model, *batch()).detach()) < first / 2
    assert seen == list(range(1, 21))
