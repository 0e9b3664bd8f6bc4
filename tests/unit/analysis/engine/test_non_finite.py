"""A number that is not finite is traced to the weight that holds it, or to where it arises."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis.chat.compute import chat
from analysis.chat.request import ChatRequest
from analysis.clustering.compute.task_clusters import task_clusters
from analysis.clustering.request import ClustersRequest
from analysis.clustering.tasks.task_set import ClusterTask
from analysis.concepts.compute.analyses import concepts
from analysis.concepts.request import ConceptsRequest
from analysis.engine.generation import generate
from analysis.engine.non_finite import explain_non_finite, is_finite
from analysis.engine.pool import ModelPool
from analysis.heads.compute.analyses import head_pairs
from analysis.heads.request import HeadPairsRequest
from analysis.neurons.compute.ablation import ablation
from analysis.neurons.compute.directions import neuron_direction
from analysis.neurons.compute.frequencies import frequencies
from analysis.neurons.request import (
    AblationRequest,
    AnsweredInstruction,
    FrequenciesRequest,
    NeuronDirectionRequest,
)
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.saliency.compute.attribution import attribute
from analysis.saliency.request import AttributionRequest
from analysis.words.choice import Words, WordVectors
from tests.support import checkpoints
from tests.support.small_models import small_model
from tests.support.studies import answered

DOWN = "model.layers.1.mlp.down_proj.weight"
QUERY = "model.layers.0.self_attn.q_proj.weight"
HEAD = "lm_head.weight"
PROMPT = "Translate the word into French"
WORDS = Words("tokens")
TURNS = (("user", PROMPT),)
TASK = ClusterTask("t", ("Do {}", "{}:"), (("a", " the"),))
HELLO = AnsweredInstruction("code", "Hello", " the")

Change = Callable[[torch.nn.Module], None]


def saved(folder: Path, change: Change) -> ModelChoice:
    tokenizer = checkpoints.byte_level_tokenizer()
    model = checkpoints.llama(tokenizer)
    with torch.no_grad():
        change(model)
    checkpoints.save(folder, model, tokenizer)
    return ModelChoice(name="small", location=str(folder), device="cpu")


def setting(name: str, value: float) -> Change:
    """Puts one number into a weight."""

    def change(model: torch.nn.Module) -> None:
        model.get_parameter(name)[3, 5] = value

    return change


def problem_of(steps: Generator[Any, None, Any]) -> str:
    with pytest.raises(ProblemError) as caught:
        answered(steps)
    assert caught.value.problem.kind == "model"
    return str(caught.value)


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> ModelChoice:
    """A model one of whose weights is no number."""
    return saved(tmp_path_factory.mktemp("models") / "nan", setting(DOWN, float("nan")))


@pytest.fixture(scope="module")
def models() -> ModelPool:
    return ModelPool()


# What is computed, and the request for it.
ASKED: dict[str, tuple[Callable[..., Any], Callable[[ModelChoice], object]]] = {
    "a response": (attribute, lambda m: AttributionRequest(m, PROMPT, max_new_tokens=2)),
    **{
        method: (
            attribute,
            partial(AttributionRequest, prompt=PROMPT, response=" a", method=method),
        )
        for method in ("forward", "reverse", "occlusion", "occlusion_zeroed")
    },
    "the likeliest turn": (chat, lambda m: ChatRequest(m, TURNS, max_tokens=2)),
    "a sampled turn": (chat, lambda m: ChatRequest(m, TURNS, temperature=1.0, max_tokens=2)),
    "instances of tasks": (task_clusters, lambda m: ClustersRequest(m, (TASK,))),
    "instructions": (frequencies, lambda m: FrequenciesRequest(m, "code", (PROMPT, "Hello"))),
    "reference responses": (ablation, lambda m: AblationRequest(m, "code", ((0,), (1,)), (HELLO,))),
    "concepts": (concepts, lambda m: ConceptsRequest(m, m, 1, WORDS, rank=2, top=2)),
    "a neuron's words": (neuron_direction, lambda m: NeuronDirectionRequest(m, 1, 3, WORDS)),
}


@pytest.mark.parametrize(("analysis", "request_of"), ASKED.values(), ids=ASKED)
def test_the_weight_is_named(
    analysis: Callable[..., Any],
    request_of: Callable[[ModelChoice], object],
    diverged: ModelChoice,
    models: ModelPool,
) -> None:
    said = problem_of(analysis(request_of(diverged), models))
    assert "hold numbers that are not finite." in said
    assert f"of {DOWN} there are 1 that are no numbers (NaN)." in said
    assert "diverged" in said
    assert "float32" not in said


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_heads_and_words_name_theirs(tmp_path: Path, models: ModelPool, value: float) -> None:
    queries = saved(tmp_path / "queries", setting(QUERY, value))
    request = HeadPairsRequest(queries, 0, WORDS, WordVectors("embeddings"))
    assert f"of {QUERY} there are 1 that are" in problem_of(head_pairs(request, models))
    head = saved(tmp_path / "head", lambda model: model.get_parameter(HEAD).fill_(value))
    asked = ConceptsRequest(head, head, 0, WORDS, rank=2, top=2)
    assert f"of {HEAD} there are" in problem_of(concepts(asked, models))


def test_layers_without_such_a_weight_can_still_be_looked_at(
    diverged: ModelChoice, models: ModelPool
) -> None:
    found = answered(concepts(ConceptsRequest(diverged, diverged, 0, WORDS, rank=2, top=2), models))
    assert len(found.base.explained_variance) == 2


@pytest.mark.parametrize("method", ["forward", "reverse", "occlusion"])
def test_passes_that_leave_the_range_name_the_layer(
    method: str, tmp_path: Path, models: ModelPool
) -> None:
    def enlarge(model: torch.nn.Module) -> None:
        for name in ("up_proj", "down_proj"):
            model.get_parameter(f"model.layers.1.mlp.{name}.weight").mul_(3000)

    large = saved(tmp_path / "large", enlarge)
    options = {"prompt": PROMPT, "response": " the cat", "method": method}
    half = ModelChoice(name="small", location=large.location, device="cpu", dtype="float16")
    said = problem_of(attribute(AttributionRequest(model=half, **options), models))
    assert "leave the range of float16." in said
    assert "arises in layer 1 (model.layers.1.mlp." in said
    assert "Load it as bfloat16 or float32." in said
    answered(attribute(AttributionRequest(model=large, **options), models))


def test_a_weight_that_only_float16_cannot_hold_is_not_called_damaged(
    tmp_path: Path, models: ModelPool
) -> None:
    large = saved(tmp_path / "large", setting(DOWN, 1e6))
    half = ModelChoice(name="small", location=large.location, device="cpu", dtype="float16")
    said = problem_of(attribute(AttributionRequest(model=half, prompt=PROMPT), models))
    assert f"of {DOWN} there are 1 that are infinite." in said
    assert "Load it as bfloat16 or float32: float16 ends at 65,504." in said


def test_no_token_is_written_where_the_logits_are_no_numbers(
    diverged: ModelChoice, models: ModelPool
) -> None:
    loaded = answered(models.get(diverged))
    with pytest.raises(ProblemError, match=DOWN):
        next(generate(loaded, [5, 6], 3))
    assert torch.is_grad_enabled()


def test_logits_that_are_ruled_out_are_no_fault(tmp_path: Path, models: ModelPool) -> None:
    loaded = answered(models.get(saved(tmp_path / "m", lambda model: None)))

    def rule_out(_module: object, _args: object, output: torch.Tensor) -> torch.Tensor:
        return output.index_fill(-1, torch.arange(100), -torch.inf)

    hook = loaded.model.get_output_embeddings().register_forward_hook(rule_out)
    try:
        assert next(generate(loaded, [5, 6], 3)) >= 100
    finally:
        hook.remove()


@pytest.mark.parametrize("family", ["gpt2", "mixtral", "gemma2"])
def test_the_first_module_that_spoils_the_rest_is_found_in_every_family(family: str) -> None:
    model = small_model(family, dtype=torch.float32)
    ids = [3, 14, 15]
    said = str(explain_non_finite(model, ids))
    assert "the derivatives are not" in said
    layers = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList))
    hook = layers[1].register_forward_hook(
        lambda _module, _args, output: (
            output * torch.inf if isinstance(output, torch.Tensor) else (output[0] * torch.inf,)
        )
    )
    try:
        assert "arises in layer 1 (" in str(explain_non_finite(model, ids))
    finally:
        hook.remove()
    assert not any(module._forward_hooks for module in model.modules())


def test_numbers_whose_sum_overflows_are_finite_all_the_same() -> None:
    large = torch.full((4,), 3e38)
    assert is_finite(large)
    assert is_finite(torch.full((70_000,), 60_000.0, dtype=torch.float16))
    for values in ([torch.nan], [torch.inf], [-torch.inf], [torch.inf, -torch.inf]):
        assert not is_finite(torch.tensor(values))
        assert not is_finite(torch.cat([large, torch.tensor(values)]))
