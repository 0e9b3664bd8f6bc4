"""Importance as its definition says it, for comparison: plain loops, float64."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from analysis.saliency.compute.importance import Ran, importance_pieces
from tests.support.studies import answered

EXACT = ("forward", "reverse")
METHODS = (
    *EXACT,
    "frozen_norms_forward",
    "frozen_norms_reverse",
    "occlusion",
    "occlusion_zeroed",
)
# Enough where `tests/families` asks the same of all: a dense decoder and one with experts.
FEW = ("llama", "mixtral")
PROMPT = [1, 40, 7, 7, 95, 12, 33, 58, 21, 64, 80]
RESPONSE = [17, 40, 5, 88, 2, 71, 7]


def reference(model: PreTrainedModel, prompt: list[int], response: list[int]) -> Tensor:
    """float64 [N, M]: one forward and one backward pass a response token, fed as embeddings."""
    result = torch.zeros(len(prompt), len(response), dtype=torch.float64)
    for m, token in enumerate(response):
        ids = torch.tensor([[*prompt, *response[:m]]])
        embeddings = model.get_input_embeddings()(ids).detach().requires_grad_()
        logits = model(inputs_embeds=embeddings).logits[0, -1]
        (logits[token] - logits.logsumexp(0)).backward()
        assert embeddings.grad is not None
        for n in range(len(prompt)):
            result[n, m] = embeddings[0, n].detach() @ embeddings.grad[0, n]
    return result


def assert_close(computed: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    """Float32, and apart by no more than a share of each column's largest entry."""
    assert computed.dtype == torch.float32
    assert computed.shape == expected.shape
    largest = expected.abs().amax(dim=0)
    assert bool((largest > 0).all())
    assert float(((computed - expected).abs() / largest).max()) <= tolerance


def ran(*args: Any, **options: Any) -> Ran:
    """What `importance_pieces` returns."""
    facts: Ran = answered(importance_pieces(*args, **options))
    return facts


def assert_same(computed: Tensor, expected: Tensor) -> None:
    """The same numbers up to rounding."""
    # How many passes share a batch depends on the machine's load, and the size of a batch on how
    # its products are rounded.
    torch.testing.assert_close(computed, expected, rtol=1e-5, atol=1e-6)


def log_probabilities(model: PreTrainedModel, prompt: list[int], response: list[int]) -> Tensor:
    """float64 [M]: log p(y_m | x, y_<m), one pass a response token."""
    found = []
    with torch.no_grad():
        for m, token in enumerate(response):
            logits = model(torch.tensor([[*prompt, *response[:m]]])).logits[0, -1].double()
            found.append(logits[token] - logits.logsumexp(0))
    return torch.stack(found)
