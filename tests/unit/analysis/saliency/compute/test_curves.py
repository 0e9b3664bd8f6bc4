"""Curves are what a response is worth while tokens go and come, as a plain loop reads it."""

import numpy as np
import pytest
import torch

from analysis.engine.pool import ModelPool
from analysis.problems import ProblemError
from analysis.request import ModelChoice
from analysis.saliency.compute.curves import along, curves
from analysis.saliency.curves import removable
from analysis.saliency.request import CurvesRequest
from tests.support import checkpoints
from tests.support.small_models import small_model
from tests.support.studies import answered, driven
from tests.unit.analysis.saliency.compute.reference import PROMPT, RESPONSE, log_probabilities

# The first and the seventh token always stay.
ORDERS = ((10, 3, 1, 2, 8, 9, 4, 5, 7), (1, 2, 3, 4, 5, 7, 8, 9, 10), (10, 9, 8, 7, 5, 4, 3, 2, 1))
ALWAYS = (0, 6)


def mean(model, there):
    prompt = [token for place, token in enumerate(PROMPT) if place in there]
    return float(log_probabilities(model, prompt, RESPONSE).mean())


@pytest.mark.parametrize("budget", [None, 1])
@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral"])
def test_equals_a_plain_loop(family, budget):
    exact = small_model(family, dtype=torch.float64)
    found, said = driven(
        along(small_model(family), PROMPT, RESPONSE, ORDERS, 4, memory_budget=budget)
    )
    counts, deletion, insertion, note = found
    assert counts.tolist() == [0, 2, 4, 7, 9]
    assert deletion.shape == insertion.shape == (len(ORDERS), len(counts))
    for row, order in enumerate(ORDERS):
        for step, count in enumerate(counts.tolist()):
            left = {*ALWAYS, *order[count:]}
            assert deletion[row, step] == pytest.approx(mean(exact, left), abs=1e-5)
            here = {*ALWAYS, *order[:count]}
            assert insertion[row, step] == pytest.approx(mean(exact, here), abs=1e-5)
    assert note == ""
    texts = said[-1][1]
    assert said[-1] == (texts, texts)
    # The whole and the empty prompt are read once, and so is what two orders have in common.
    assert texts == len(
        {
            frozenset(part)
            for order in ORDERS
            for count in counts.tolist()
            for part in (order[:count], order[count:])
        }
    )


def test_more_steps_than_tokens_delete_one_at_a_time():
    counts, _, _, _ = answered(along(small_model("gpt2"), PROMPT, RESPONSE, ((3, 5, 4),), 20))
    assert counts.tolist() == [0, 1, 2, 3]


@pytest.fixture(scope="module")
def choice(tmp_path_factory):
    tokenizer = checkpoints.byte_level_tokenizer()
    folder = tmp_path_factory.mktemp("models") / "llama"
    checkpoints.save(folder, checkpoints.llama(tokenizer), tokenizer)
    return ModelChoice(name="small", location=str(folder), device="cpu")


def test_a_request_is_answered_for_the_tokens_of_its_prompt(choice):
    pool = ModelPool()
    model = answered(pool.get(choice))
    prompt = model.tokenize("Translate the word", chat_template=True)
    order = tuple(np.flatnonzero(removable(prompt)).tolist())
    request = CurvesRequest(choice, "Translate the word", (5, 6, 7), (order,), 3, True)
    found = answered(curves(request, pool))
    counts, deletion, insertion, _ = answered(along(model.model, prompt.ids, [5, 6, 7], [order], 3))
    assert (found.model, found.response_tokens, found.dtype) == ("small", 3, "float32")
    np.testing.assert_array_equal(found.counts, counts)
    np.testing.assert_allclose(found.deletion, deletion, rtol=1e-5)
    np.testing.assert_allclose(found.insertion, insertion, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"orders": ()}, "nothing to delete"),
        ({"orders": ((),)}, "nothing to delete"),
        ({"orders": ((0, 1), (0, 2))}, "nothing to delete"),
        ({"orders": ((0, 0),)}, "nothing to delete"),
        ({"orders": ((0, 999),)}, "nothing to delete"),
        ({"orders": "all"}, "leave no prompt token"),
        ({"response_ids": ()}, "no curve without a response token"),
        ({"steps": 0}, "no curve without a response token and a step"),
    ],
)
def test_orders_that_say_nothing_are_refused(choice, changes, what):
    pool = ModelPool()
    length = len(answered(pool.get(choice)).tokenize("the cat", chat_template=False))
    if changes.get("orders") == "all":
        changes = {"orders": (tuple(range(length)),)}
    asked = {"response_ids": (5,), "orders": ((0,),), "steps": 2} | changes
    with pytest.raises(ProblemError, match=what) as raised:
        answered(curves(CurvesRequest(choice, "the cat", **asked), pool))
    assert raised.value.problem.kind == "input"
