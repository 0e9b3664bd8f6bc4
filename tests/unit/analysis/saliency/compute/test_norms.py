"""Frozen norms hold every denominator of a norm, however it is written, and nothing else."""

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn import functional

from analysis.density import normalize
from analysis.problems import ProblemError
from analysis.saliency.compute import norms as module
from analysis.saliency.compute.cost import Plan
from analysis.saliency.compute.importance import importance, totals
from analysis.saliency.compute.norms import FrozenNorms
from tests.families import reference
from tests.families.constant_norms import constant_norms
from tests.families.models import exact, tiny
from tests.families.texts import LONG_PROMPT
from tests.support.small_models import small_model
from tests.unit.analysis.saliency.compute.reference import PROMPT, RESPONSE, assert_close, ran

FROZEN = ("frozen_norms_forward", "frozen_norms_reverse")
EPS = 1e-6
X = torch.randn(3, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
W = torch.linspace(0.5, 2, 8, dtype=torch.float64)


def square(x):
    return x.pow(2).mean(-1, keepdim=True)


def centred(x):
    return x - x.mean(-1, keepdim=True)


WRITTEN = {
    "a product with rsqrt": lambda x: W * (x * torch.rsqrt(square(x) + EPS)),
    "a product with a power": lambda x: x * torch.pow(square(x) + EPS, -0.5),
    "a product with an operator": lambda x: x * (square(x) + EPS) ** -0.5,
    "a quotient": lambda x: x / torch.sqrt(square(x) + EPS),
    "a quotient of a power": lambda x: x / (square(x) + EPS) ** 0.5,
    "a quotient in place": lambda x: x.clone().div_((square(x) + EPS).sqrt()),
    "a quotient by name": lambda x: torch.div(x, other=(square(x) + EPS).sqrt()),
    "an inverse": lambda x: x * (1 / (square(x) + EPS).sqrt()),
    "a reciprocal": lambda x: x * (square(x) + EPS).sqrt().reciprocal(),
    "a power of a root": lambda x: x * (square(x) + EPS).sqrt().pow(-1),
    "kept from zero": lambda x: x * 4.0 / torch.sqrt(square(x).clamp(min=EPS)),
    "kept from zero later": lambda x: x / torch.maximum(square(x).sqrt(), torch.tensor(EPS)),
    "scaled": lambda x: x / (8**0.5 * square(x).sqrt()).expand_as(x),
    "a vector norm": lambda x: x * (3 / x.norm(p=2, dim=-1, keepdim=True).clamp_min(EPS)),
    "a vector norm that clips": lambda x: (
        x * (0.1 / (torch.linalg.vector_norm(x, dim=-1, keepdim=True) + EPS)).clamp(max=1.0)
    ),
    "one dimension less": lambda x: x / x.norm(dim=-1)[..., None],
    "normalize": lambda x: functional.normalize(x, dim=-1),
    "a deviation": lambda x: centred(x) / (x.std(-1, keepdim=True) + EPS),
    "a variance": lambda x: centred(x) * torch.rsqrt(x.var(-1, keepdim=True, unbiased=False) + EPS),
    "torch's RMSNorm": nn.RMSNorm(8, dtype=torch.float64).requires_grad_(False),
    "torch's RMSNorm of two dimensions": nn.RMSNorm(
        (5, 8), eps=EPS, dtype=torch.float64, elementwise_affine=False
    ),
    "torch's LayerNorm": nn.LayerNorm(8, dtype=torch.float64, bias=False).requires_grad_(False),
    "torch's LayerNorm without weights": lambda x: functional.layer_norm(x, (8,)),
    "torch's GroupNorm": nn.GroupNorm(5, 5, dtype=torch.float64).requires_grad_(False),
}


def along_itself(norm, x, *, forward):
    """The derivative of a norm along its input, with frozen norms, in forward or reverse mode."""
    if forward:
        with forward_ad.dual_level(), torch.no_grad(), FrozenNorms():
            dual = forward_ad.make_dual(x.clone(), x.clone())
            return forward_ad.unpack_dual(norm(dual)).tangent
    with FrozenNorms():
        return torch.autograd.functional.jvp(norm, x, x)[1]


@pytest.mark.parametrize("norm", WRITTEN.values(), ids=WRITTEN)
def test_a_norm_is_linear_however_it_is_written(norm):
    """Along its input it changes by what it gives, and by nothing without frozen norms."""
    given = norm(X).detach()
    with FrozenNorms() as norms:
        torch.testing.assert_close(norm(X), given)
    assert norms.held == 1
    for forward in (True, False):
        torch.testing.assert_close(along_itself(norm, X, forward=forward), given)
    batched = torch.func.vmap(lambda t: torch.func.jvp(in_frozen(norm), (X,), (t,))[1])
    torch.testing.assert_close(batched(torch.stack([X, 2 * X]))[1], 2 * given)
    plain = torch.func.jvp(norm, (X,), (X,))[1]
    assert float(plain.abs().max()) < 1e-3 * float(given.abs().max())


def in_frozen(function):
    def called(x):
        with FrozenNorms():
            return function(x)

    return called


@pytest.mark.parametrize("norm", [nn.LayerNorm(8), nn.GroupNorm(5, 5), nn.RMSNorm(8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_torchs_norms_give_what_they_gave(norm, dtype):
    for parameter in norm.parameters():
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
    x, norm = X.to(dtype), norm.to(dtype)
    with FrozenNorms():
        found = norm(x)
    torch.testing.assert_close(found, norm(x))


OTHERS = {
    "a root as a factor": lambda x: functional.softplus(x).sqrt() * x,
    "a deviation as a term": lambda x: torch.relu(x - x.std(-1, keepdim=True)),
    "shares": lambda x: x.exp() / x.exp().sum(-1, keepdim=True),
    "a softmax": lambda x: x.softmax(-1),
    "a sum of sizes": lambda x: x / x.norm(p=1, dim=-1, keepdim=True),
    "a largest size": lambda x: x / x.abs().amax(-1, keepdim=True),
    "an inverse square": lambda x: x * (x.square() + 1) ** -1,
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_what_is_no_norm_keeps_its_derivative(other):
    direction = X.flip(0)
    with FrozenNorms() as norms:
        _, moved = torch.func.jvp(other, (X,), (direction,))
    assert norms.held == 0
    torch.testing.assert_close(moved, torch.func.jvp(other, (X,), (direction,))[1])


@pytest.mark.parametrize("family", ["gpt2", "qwen3_next"])
def test_blocks_and_little_memory_give_what_the_source_says_with_constants(family, monkeypatch):
    """Layers computed again, a text in blocks, and tangents carried without a tape."""
    model = tiny(family)
    double = exact(model)
    with constant_norms(double):
        expected = reference.importance(double, *LONG_PROMPT)[0]
    for method in FROZEN:
        assert_close(importance(model, *LONG_PROMPT, method=method, memory_budget=1), expected)
    summed = totals(model, *LONG_PROMPT, method="frozen_norms", memory_budget=1)
    assert_close(summed[:, None], expected.sum(dim=1, keepdim=True))
    length = len(LONG_PROMPT.prompt)
    monkeypatch.setattr(Plan, "blocks", lambda self: (4, length - 1, self.length))
    for taped in (True, False):
        monkeypatch.setattr(Plan, "taped", lambda self, taped=taped: taped)
        computed = importance(model, *LONG_PROMPT, method="frozen_norms_forward")
        assert_close(computed, expected)


def test_the_cheaper_way_is_taken_and_named():
    model = small_model("llama")
    facts = ran(model, PROMPT, RESPONSE, method="frozen_norms", with_totals=True)
    assert facts.method in FROZEN
    assert facts.note == ""
    assert facts.difference < 1e-4


def test_embeddings_that_are_normalised_first_have_a_map():
    """Gradient times embedding has none there, and says so."""
    model = tiny("nanochat")
    plain = ran(model, *LONG_PROMPT, method="reverse", with_totals=True)
    assert "zero but for rounding" in plain.note
    frozen = ran(model, *LONG_PROMPT, method="frozen_norms", with_totals=True)
    assert frozen.note == ""
    sizes = [importance(model, *LONG_PROMPT, method=each).abs().max() for each in ("auto", *FROZEN)]
    assert sizes[0] < 1e-3 * min(sizes[1:])


@pytest.mark.parametrize("method", FROZEN)
def test_half_precision_gives_most_scores_within_one(method):
    expected = normalize(importance(small_model("llama"), PROMPT, RESPONSE, method=method).numpy())
    half = small_model("llama", dtype=torch.bfloat16)
    scores = normalize(importance(half, PROMPT, RESPONSE, method=method).numpy())
    assert ran(half, PROMPT, RESPONSE, method=method).method == method
    assert (abs(scores.astype(int) - expected.astype(int)) <= 1).mean() >= 0.95


class LogNorm(nn.Module):
    """A norm in which no root is to be seen."""

    def forward(self, x):
        return x * torch.exp(-0.5 * torch.log(square(x) + EPS))


class LonelyNorm(LogNorm):
    """One that cannot be tried by itself."""

    def forward(self, x):
        if x.is_leaf and x.requires_grad:
            raise RuntimeError("no graph begins here")
        return super().forward(x)


@pytest.mark.parametrize("norm", [LogNorm, LonelyNorm])
def test_a_norm_that_is_not_held_is_named(norm):
    model = small_model("llama")
    model.model.norm = norm()
    for method in FROZEN:
        assert f"{norm.__name__} ignores" in ran(model, PROMPT, RESPONSE, method=method).note
    assert ran(model, PROMPT, RESPONSE, method="auto").note == ""


def test_without_norms_it_is_the_plain_gradient_and_says_so():
    model = small_model("llama")
    for layer in model.model.layers:
        layer.input_layernorm = layer.post_attention_layernorm = nn.Identity()
    model.model.norm = nn.Identity()
    assert "No norm was found" in ran(model, PROMPT, RESPONSE, method="frozen_norms").note
    plain = importance(model, PROMPT, RESPONSE)
    assert_close(importance(model, PROMPT, RESPONSE, method="frozen_norms"), plain.double())


def test_a_model_that_computes_something_else_then_is_refused(monkeypatch):
    doubled = lambda norms, function, x, *_, **__: 2 * function(x, x.shape[-1:])  # noqa: E731
    monkeypatch.setitem(module._PARTS, "layer_norm", doubled)
    with pytest.raises(ProblemError, match="computes something else with frozen norms"):
        importance(small_model("gpt2"), PROMPT, RESPONSE, method="frozen_norms")
