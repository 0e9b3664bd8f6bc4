"""Measuring: what is recorded of responses, and studies side by side that end together."""

from __future__ import annotations

import itertools
import threading

import pytest

from analysis.demo import catalog
from analysis.demo_training import measuring
from analysis.demo_training.measuring import RATINGS_NAME, respond_all, study_all
from analysis.events import Progress
from analysis.problems import ProblemError, problem
from analysis.saliency.cases.rating_files import read_ratings
from analysis.table import save_csv


@pytest.mark.slow
def test_every_model_responds_and_ratings_are_written_as_studies_read_them(tmp_path):
    said = []
    found, ratings = respond_all(
        catalog.WEIGHTS, lambda *told: said.append(told), prompts_of_a_set=2
    )
    models = len(measuring.tuned_models(catalog.WEIGHTS)) + 1
    assert said == [("respond", done, models) for done in range(models + 1)]
    save_csv(ratings, tmp_path / RATINGS_NAME)
    rated = read_ratings(tmp_path / RATINGS_NAME, catalog.DEMO_MODELS)
    for name, prompts in (
        ("held_out_phrasings", catalog.held_out_phrasings()[:2]),
        ("held_out_items", catalog.held_out_items()[:2]),
    ):
        for model in catalog.DEMO_MODELS:
            given = [rated[each.id, model] for each in prompts]
            counts = found["ratings"][name][model]
            assert counts == {f"{each:g}": given.count(each) for each in given}
            exact = found["exact_match"][name][model]["raw"]["all"]["exact"]
            assert exact == given.count(4.0) / 2


@pytest.mark.skipif("ratings" not in catalog.info(), reason="not measured since it was trained")
def test_the_shipped_ratings_are_those_that_the_figures_count():
    rated = read_ratings(catalog.WEIGHTS / RATINGS_NAME, catalog.DEMO_MODELS)
    prompts = {
        "held_out_phrasings": catalog.held_out_phrasings(),
        "held_out_items": catalog.held_out_items(),
    }
    for name, each in prompts.items():
        for model in catalog.DEMO_MODELS:
            given = [rated[prompt.id, model] for prompt in each]
            counts = {f"{rating:g}": given.count(rating) for rating in sorted(set(given))}
            assert counts == catalog.info()["ratings"][name][model]


def test_where_a_study_cannot_be_made_the_others_are_stopped(monkeypatch):
    begun, closed, at_work = [], [], threading.Event()

    def studies(name, session, base, tuned):
        yield Progress("opening", 0, None)
        if name == "broken":
            at_work.wait(60)
            raise problem("model", "The weights are broken.")
        begun.append(name)
        try:
            for done in itertools.count():
                yield Progress("reading", done, None)
                at_work.set()
        finally:
            closed.append(name)

    monkeypatch.setattr(measuring, "figures_of", studies)
    with pytest.raises(ProblemError, match="broken"):
        study_all(catalog.WEIGHTS, lambda *told: None, ("endless", "broken"))
    # Of one pair, or of both where the first broken one came late.
    assert closed == begun != []
