"""Threads of the numeric libraries."""

from __future__ import annotations

import numpy as np
import pytest
import threadpoolctl
import torch

from analysis.concepts.compute import principal as concepts
from analysis.concepts.compute.principal import principal_words
from analysis.thread_pools import SMALL, suited_to


def threads() -> list[int]:
    return [each["num_threads"] for each in threadpoolctl.threadpool_info()]


@pytest.fixture(autouse=True)
def _two_threads():
    with threadpoolctl.threadpool_limits(2):
        yield


def test_small_matrices_get_one_thread_and_afterwards_all_are_back() -> None:
    assert set(threads()) == {2}
    with suited_to(SMALL):
        assert set(threads()) == {1}
        assert torch.get_num_threads() == 1
    assert set(threads()) == {2}
    with suited_to(SMALL + 1):
        assert set(threads()) == {2}


def test_an_error_brings_them_back_too() -> None:
    with pytest.raises(ValueError, match="broken"), suited_to(3):
        raise ValueError("broken")
    assert set(threads()) == {2}


@pytest.mark.parametrize(("width", "used"), [(8, 1), (SMALL + 8, 2)])
def test_components_are_computed_on_as_many_as_suit_the_width(monkeypatch, width, used) -> None:
    seen = []
    decompose = concepts._decompose

    def noting(*arguments):
        seen.append(torch.get_num_threads())
        return decompose(*arguments)

    monkeypatch.setattr(concepts, "_decompose", noting)
    rows = np.random.default_rng(0).standard_normal((20, width)).astype(np.float32)
    principal_words(rows, rows, rank=2, k=3)
    assert seen == [used]
