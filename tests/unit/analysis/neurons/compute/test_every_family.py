"""In every family whose neurons can be watched they are the model's own; the others are refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel

from analysis.engine.weights import ModelWeights, weights_of
from analysis.neurons.compute.feed_forward import Seen, feed_forwards, silenced, watched
from analysis.problems import ProblemError
from tests.families.models import NAMES, tiny
from tests.families.outside import CANNOT_RUN
from tests.families.selection import SELECTED

TOKENS = torch.tensor([[3, 41, 67, 60, 12]])
# Where the layers of images are passed over.
PASSED_OVER = {"mllama": {1}}
# A tiny model of each is built, is run and is in the usual test run anyway.
TRIED = [name for name in NAMES if name in SELECTED and name not in CANNOT_RUN]

REFUSED = {
    "In layer 0 no module stands for the activation function.": (
        *(
            "bert",
            "cpmant",
            "ctrl",
            "git",
            "lfm2",
            "minimax_m3_vl_text",
            "roberta",
            "rwkv",
            "xlnet",
        ),
    ),
    "The experts of layer 0 compute in a way of their own.": (
        *("dbrx", "deepseek_v4", "gpt_oss", "inkling2_text"),
    ),
    "The experts of layer 1 compute in a way of their own.": ("llama4",),
    "Layer 0 consists of a state (Mamba) alone.": ("nemotron_h", "zamba"),
    "Layer 0 picks single units as its experts, token by token.": ("doge, mixture of experts",),
    "One of its networks applies its activation function to something else.": ("xlm",),
    "Its family is": ("blt", "hrm_text", "mamba"),
}


@pytest.fixture(autouse=True, scope="module")
def _quietly() -> Iterator[None]:
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    yield
    transformers.logging.set_verbosity(level)


def test_most_kinds_can_be_watched() -> None:
    refused = {name for names in REFUSED.values() for name in names}
    assert refused <= set(TRIED)
    assert len(set(TRIED) - refused) >= 40


@pytest.mark.parametrize("name", TRIED)
def test_what_is_seen_and_silenced_is_what_the_down_projections_make_of_it(name: str) -> None:
    model = tiny(name)
    why = next((why for why, names in REFUSED.items() if name in names), "")
    if why:
        with pytest.raises(ProblemError) as error:
            _watch(model)
        assert error.value.problem.why.startswith(why)
        return
    seen, before = _watch(model)
    networks, weights = feed_forwards(model), weights_of(model)
    for layer, network in enumerate(networks):
        if layer in PASSED_OVER.get(name, ()):
            continue
        # Neurons of the first layer change what enters the next: each layer is tried alone.
        assert {each.expert for each in seen[layer]} <= set(range(len(network.starts) - 1))
        silent = _strongest(seen[layer], network.starts)
        with silenced(network, silent):
            ours = _logits(model)
        copied = tiny(name)
        _zero(copied, weights, layer, network.starts, silent)
        theirs = _logits(copied)
        assert float((theirs - before).abs().max()) > 1e-5
        assert torch.allclose(ours, theirs, atol=1e-4 * float(theirs.abs().max()))
    assert torch.equal(_logits(model), before)


def _watch(model: PreTrainedModel) -> tuple[list[list[Seen]], Tensor]:
    networks = feed_forwards(model)
    seen: list[list[Seen]] = [[] for _ in networks]
    with ExitStack() as stack:
        for own, network in zip(seen, networks, strict=True):
            stack.enter_context(watched(network, own.append))
        _logits(model)
    return seen, _logits(model)


def _logits(model: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(input_ids=TOKENS, use_cache=False).logits
    return found


def _strongest(seen: Sequence[Seen], starts: Sequence[int]) -> list[int]:
    """The two strongest units of each network that computed something."""
    return [
        starts[each.expert] + unit
        for each in seen
        for unit in each.product.abs().amax(dim=0).topk(2).indices.tolist()
    ]


def _zero(
    model: PreTrainedModel,
    weights: ModelWeights,
    layer: int,
    starts: Sequence[int],
    silent: Sequence[int],
) -> None:
    """Make the weights zero with which these units write, wherever their rows of W_p are kept."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    inside = f"{weights.layer_module(layer)}."
    kept = {name: each for name, each in parameters.items() if name.startswith(inside)}
    experts = weights.experts_in(layer)
    for place in silent:
        expert = next(n for n in range(len(starts) - 1) if place < starts[n + 1])
        rows = (
            weights.expert_down_projection(layer, expert)
            if experts
            else weights.down_projection(layer)
        )
        row = rows[place - starts[expert]]
        hits = 0
        for each in kept.values():
            for axis in range(each.dim()):
                if each.dim() < 2 or each.shape[axis] != len(row):
                    continue
                lines = each.data.movedim(axis, -1)
                found = (lines == row).all(dim=-1)
                hits += int(found.sum())
                lines[found] = 0.0
        assert hits == 1
