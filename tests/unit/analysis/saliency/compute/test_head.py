"""The head by itself says of states what the whole model says of the text."""

import pytest
import torch

from analysis.saliency.compute.ends import fed_ids, run
from analysis.saliency.compute.head import _Head, run_in_portions
from tests.support.small_models import CONFIGURATIONS, small_model
from tests.unit.analysis.saliency.compute.reference import PROMPT, RESPONSE

PARTS = ("embeddings", "states", "seeds", "probabilities", "doubts")
GIVEN = torch.tensor(PROMPT), torch.tensor(RESPONSE)


def assert_portions_are_the_whole(model):
    whole = run(model, fed_ids(model, *GIVEN), GIVEN[1], graph=False)
    portions = run_in_portions(model, *GIVEN, 3, graph=False)
    for part in PARTS:
        torch.testing.assert_close(getattr(portions, part), getattr(whole, part))


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_every_family_takes_its_head_by_itself(family):
    """Its scaling, capping and transforming included."""
    model = small_model(family)
    assert _Head.of(model, torch.tensor([[3, 4]])) is not None
    assert_portions_are_the_whole(model)


def test_a_head_that_looks_at_more_than_states_is_passed_with_the_whole_text():
    model = small_model("llama")

    def more(_module, _args, kwargs, output):
        output.logits = output.logits + kwargs["input_ids"].float().mean()
        output.logits[..., kwargs["input_ids"][0, 0]] += 1

    model.register_forward_hook(more, with_kwargs=True)
    assert _Head.of(model, torch.tensor([[3, 4]])) is None
    assert_portions_are_the_whole(model)
