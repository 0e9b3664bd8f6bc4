"""Batches are as large as memory and time allow, and cover every row once."""

from __future__ import annotations

import importlib

import pytest
import torch

from analysis.saliency.compute.batches import in_batches
from analysis.saliency.compute.importance import importance, importance_pieces
from tests.support.small_models import small_model
from tests.unit.analysis.saliency.compute.reference import PROMPT, RESPONSE

# The module, which the function of the same name hides.
occlusion = importlib.import_module("analysis.saliency.compute.occlusion")


def sizes(seconds_a_row, *, rows=40, batch=16, seconds=0.5):
    """Rows of each batch, by a clock that the work itself moves on."""
    now = [0.0]

    def compute(start, stop):
        now[0] += seconds_a_row * (stop - start)
        return torch.full((stop - start, 1), float(start))

    timed = {"seconds": seconds, "clock": lambda: now[0]}
    pieces = list(in_batches([rows], batch, torch.device("cpu"), compute, **timed))
    assert pieces[0].rows.start == 0
    assert pieces[-1].rows.stop == rows
    return [piece.rows.stop - piece.rows.start for piece in pieces]


@pytest.mark.parametrize(
    ("seconds_a_row", "limit", "expected"),
    [
        (0.125, 0.5, [1, *[4] * 9, 3]),  # four rows fit into half a second
        (3.0, 0.5, [1] * 40),  # not even one does
        (0.001, 0.5, [1, 16, 16, 7]),  # memory sets the limit
        (3.0, None, [16, 16, 8]),  # only memory counts
    ],
)
def test_a_batch_takes_the_time_it_may_take(seconds_a_row, limit, expected):
    assert sizes(seconds_a_row, seconds=limit) == expected


@pytest.mark.parametrize("method", ["occlusion", "occlusion_zeroed"])
def test_occlusion_can_be_stopped_after_every_row_of_a_slow_model(method, monkeypatch):
    model = small_model("llama")
    expected = importance(model, PROMPT, RESPONSE, method=method)
    monkeypatch.setattr(occlusion, "_BATCH_S", 0.0)
    pieces = list(importance_pieces(model, PROMPT, RESPONSE, method=method))
    assert [len(piece.values) for piece in pieces] == [1] * len(PROMPT)
    torch.testing.assert_close(torch.cat([piece.values for piece in pieces]), expected)
