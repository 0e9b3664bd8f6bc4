"""The agreement of a map with deletion, from a few of its rows: plain loops and SciPy."""

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, spearmanr

from analysis.engine.non_finite import importance_problem
from analysis.saliency.compute import deletion
from analysis.saliency.compute.cost import Plan, shape_of
from analysis.saliency.compute.deletion import agreement_with_deletion
from analysis.saliency.faithfulness import sampled_rows
from tests.support.small_models import small_model
from tests.support.studies import driven
from tests.unit.analysis.saliency.compute.reference import (
    PROMPT,
    RESPONSE,
    log_probabilities,
    reference,
)

VISIBLE = np.arange(len(PROMPT)) > 0


@pytest.fixture
def some(monkeypatch):
    """There is time to delete as many tokens as the first of these says."""
    count = [5]
    monkeypatch.setattr(Plan, "deletions", lambda *_: count[0])
    return count


def agreement(model, importance, visible=VISIBLE, response=RESPONSE):
    return driven(agreement_with_deletion(model, PROMPT, response, importance, visible))


@pytest.mark.parametrize("count", [5, 99])
@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral"])
def test_equals_a_plain_loop_over_the_sampled_tokens(family, count, some):
    some[0] = count
    exact = small_model(family, dtype=torch.float64)
    importance = reference(exact, PROMPT, RESPONSE).numpy()
    rows = sampled_rows(VISIBLE, count).tolist()
    assert len(rows) == min(count, VISIBLE.sum())
    whole = log_probabilities(exact, PROMPT, RESPONSE).exp()
    deleted = np.array(
        [
            (whole - log_probabilities(exact, PROMPT[:n] + PROMPT[n + 1 :], RESPONSE).exp()).numpy()
            for n in rows
        ]
    )
    a, b = (each / np.abs(each).max(axis=0) for each in (importance[rows], deleted))
    found, said = agreement(small_model(family), importance.astype(np.float32))
    assert (found.of, found.sampled, found.why) == (VISIBLE.sum(), len(rows), "")
    assert found.exact == (count == 99)
    assert found.pearson == pytest.approx(pearsonr(a.ravel(), b.ravel())[0], abs=1e-3)
    assert found.spearman == pytest.approx(spearmanr(a, b, axis=None)[0], abs=1e-3)
    assert said[0] == (0, len(rows))
    assert said[-1] == (len(rows), len(rows))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"response": []}, "the response is empty"),
        ({"visible": np.arange(len(PROMPT)) < 2}, "the prompt has fewer than 3 tokens"),
    ],
)
def test_too_little_to_delete_is_said(changes, why, some):
    columns = len(changes.get("response", RESPONSE))
    found, said = agreement(small_model("llama"), np.ones((len(PROMPT), columns)), **changes)
    assert (found.pearson, found.spearman, found.sampled, found.why) == (None, None, 0, why)
    assert said == []


def test_a_map_that_takes_no_time_leaves_none_to_delete_tokens(some):
    some[0] = 2
    found, said = agreement(small_model("llama"), np.ones((len(PROMPT), len(RESPONSE))))
    assert found.why == "fewer than 3 tokens can be deleted in 25% of the time of this map"
    assert said == []


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (torch.OutOfMemoryError("out of memory"), "memory ran out"),
        (importance_problem(torch.float16), "gives no finite numbers"),
    ],
)
def test_what_goes_wrong_costs_the_estimate_and_not_the_map(error, why, some, monkeypatch):
    def failing(*_args, **_options):
        raise error
        yield

    monkeypatch.setattr(deletion, "occlusion", failing)
    found, _ = agreement(small_model("llama"), np.ones((len(PROMPT), len(RESPONSE))))
    assert found.pearson is None
    assert why in found.why


def test_the_longer_a_map_takes_the_more_tokens_there_is_time_for():
    shape = shape_of(small_model("llama"))
    one, some, many = (Plan(shape, 40, length, 1 << 30).deletions(0.25) for length in (1, 6, 40))
    assert one <= some <= many <= 40
    assert Plan(shape, 40, 40, 1 << 30).deletions(0.0) == 0
