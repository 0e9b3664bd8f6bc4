"""What was computed of an answer that was stopped is not computed again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analysis.engine.pool import ModelPool
from analysis.events import Event, Partial, Pause, Progress
from analysis.request import ModelChoice
from analysis.saliency.compute.attribution import attribute
from analysis.saliency.compute.begun import leading
from analysis.saliency.request import AttributionRequest
from tests.support import checkpoints
from tests.support.studies import driven

# The smallest steps that there are.
OPTIONS: dict[str, Any] = {"max_new_tokens": 8, "memory_budget": 1}


@pytest.fixture(scope="module")
def choice(tmp_path_factory: pytest.TempPathFactory) -> ModelChoice:
    tokenizer = checkpoints.byte_level_tokenizer()
    folder = tmp_path_factory.mktemp("models") / "llama"
    checkpoints.save(folder, checkpoints.llama(tokenizer), tokenizer)
    return ModelChoice(name="small", location=str(folder), device="cpu")


@pytest.fixture(scope="module")
def models() -> ModelPool:
    return ModelPool()


def stop_at(steps: Any, there: Callable[[Event], bool]) -> Event:
    """Close an analysis at its first event of a kind."""
    event = next(event for event in steps if there(event))
    steps.close()
    return event


def reached(stage: str, done: int) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Progress) and (event.stage, event.done) == (stage, done)


def stages(events: list[Event], stage: str) -> list[int]:
    return [each.done for each in events if isinstance(each, Progress) and each.stage == stage]


@pytest.mark.parametrize("method", ["forward", "reverse", "frozen_norms_reverse", "occlusion"])
def test_a_map_goes_on_behind_its_last_piece(
    choice: ModelChoice, models: ModelPool, method: Any
) -> None:
    request = AttributionRequest(choice, f"Translate: the cat, {method}", method=method, **OPTIONS)
    whole, first = driven(attribute(request, models))
    stop_at(attribute(request, models), reached("attribute", 3))
    again, events = driven(attribute(request, models))
    assert stages(events, "generate") == []
    assert [done for done in stages(events, "attribute") if done] == [
        done for done in stages(first, "attribute") if done > 3
    ]
    assert_allclose(again.importance, whole.importance, rtol=1e-5, atol=1e-8)
    assert_allclose(again.totals, whole.totals, rtol=1e-5, atol=1e-8)
    assert (again.response, again.ended, again.method) == (
        whole.response,
        whole.ended,
        whole.method,
    )
    assert again.note == whole.note
    # What a reverse map is compared with is the sum of all columns, earlier ones included.
    assert again.difference == pytest.approx(whole.difference, abs=1e-5)
    # Finished, it is forgotten: the same request starts over.
    assert stages(driven(attribute(request, models))[1], "generate")[0] == 0


def test_a_response_goes_on_behind_its_last_token(choice: ModelChoice, models: ModelPool) -> None:
    request = AttributionRequest(choice, "Write a response", **OPTIONS)
    whole, _ = driven(attribute(request, models))
    stop_at(attribute(request, models), reached("generate", 3))
    again, events = driven(attribute(request, models))
    assert stages(events, "generate")[0] == 3
    assert again.response_tokens == whole.response_tokens
    assert again.ended == whole.ended


def test_it_pauses_behind_the_response_and_behind_the_totals_and_shows_what_there_was(
    choice: ModelChoice, models: ModelPool
) -> None:
    request = AttributionRequest(choice, "Pause twice", **OPTIONS)
    pauses = []
    while True:
        steps = attribute(request, models)
        events = []
        for event in steps:
            events.append(event)
            if isinstance(event, Pause):
                break
        else:
            break
        steps.close()
        pauses.append([event.result for event in events if isinstance(event, Partial)])
    response, totals = (shown[-1] for shown in pauses)
    assert response.ended != "running"
    assert np.isnan(response.totals).all()
    assert not np.isnan(totals.totals).any()
    assert np.isnan(totals.importance).all()
    # The second run began with what the first had left.
    assert pauses[1][0].response == response.response


def test_a_model_whose_files_changed_begins_again(tmp_path: Path, models: ModelPool) -> None:
    tokenizer = checkpoints.byte_level_tokenizer()
    folder = checkpoints.save(tmp_path / "changing", checkpoints.llama(tokenizer), tokenizer)
    choice = ModelChoice(name="changing", location=str(folder), device="cpu")
    request = AttributionRequest(choice, "Write", **OPTIONS)
    stop_at(attribute(request, models), reached("generate", 3))
    checkpoints.save(folder, checkpoints.llama(tokenizer, seed=5), tokenizer)
    assert stages(driven(attribute(request, models))[1], "generate")[0] == 0


def test_the_first_complete_rows_and_columns_are_counted() -> None:
    known = np.zeros((3, 4), dtype=np.float32)
    assert leading(known) == (3, 4)
    known[2, 1] = np.nan
    assert leading(known) == (2, 1)
    known[0, 3] = np.nan
    assert leading(known) == (0, 1)
    assert leading(None) == (0, 0)
