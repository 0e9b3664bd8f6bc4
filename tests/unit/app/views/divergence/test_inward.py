"""The parts of two models beside each other, also where these are not built alike."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from analysis.contributions.request import ContributionsRequest
from analysis.request import ModelChoice
from app.views.divergence.inward import Both, neuron_rows, part_rows, subject, words_of
from tests.support.scripted_contributions import HEADS, LAYERS, contributions
from tests.support.scripted_session import word_tokens

PROMPT = "Give the opposite of hot"


def both(layers_of_base: int = LAYERS) -> Both:
    """Base and tuned, the first one cut to fewer layers."""
    base, tuned = (
        contributions(ContributionsRequest(ModelChoice(name, name), PROMPT), word_tokens(PROMPT))
        for name in ("base", "tuned")
    )
    direct = base.direct
    parts = {
        name: getattr(direct, name)[:layers_of_base]
        for name in ("heads", "attention_bias", "feed_forward", "feed_forward_bias")
    }
    cut = replace(direct, **parts)
    words, neurons = base.words[:layers_of_base], base.neurons[:layers_of_base]
    return replace(base, direct=cut, words=words, neurons=neurons), tuned


def test_parts_are_ranked_by_what_tuning_changed() -> None:
    rows = part_rows(both(), None)
    assert (rows[0].layer, rows[0].head) == (LAYERS - 1, HEADS - 1)
    weights = [row.weight for row in rows]
    assert weights == sorted(weights, reverse=True)
    assert len(rows) == LAYERS * (HEADS + 3) + 2


def test_a_layer_that_one_model_lacks_has_numbers_of_the_other_alone() -> None:
    rows = part_rows(both(2), None)
    lacking = [row for row in rows if row.layer == LAYERS - 1]
    assert len(lacking) == HEADS + 3
    assert all(np.isnan(row.base) and row.cells()[2] is None for row in lacking)
    word = words_of(PROMPT)[-1][1]
    heads = part_rows(both(2), word)
    assert len(heads) == LAYERS * HEADS
    assert {row.side for row in neuron_rows(both(2), LAYERS - 1)} == {1}


def test_a_logit_before_a_soft_cap_is_called_so() -> None:
    base, tuned = both()
    assert "soft cap" not in subject((base, tuned), "", ascii_only=False)
    capped = replace(tuned, capped_logit=20.0)
    assert "in tuned, before the soft cap" in subject((base, capped), "", ascii_only=False)
