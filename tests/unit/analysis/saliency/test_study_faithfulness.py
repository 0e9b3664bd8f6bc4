"""The study of faithfulness: its tables from its rows, by pandas and SciPy, and the demo pair's."""

from __future__ import annotations

import dataclasses
import random

import msgspec
import numpy as np
import pytest
from scipy.stats import spearmanr, t, ttest_rel

from analysis.engine.pool import ModelPool
from analysis.models.references import resolve
from analysis.problems import ProblemError
from analysis.request import named
from analysis.saliency.agreement import Agreement
from analysis.saliency.cases.prompt_sets import PromptSet, demo_prompts
from analysis.saliency.curves import removable, token_weights
from analysis.saliency.gather import AskedCases
from analysis.saliency.map import SaliencyMap
from analysis.saliency.request import AttributionRequest, CurvesRequest
from analysis.saliency.result import Curves
from analysis.saliency.study_faithfulness import study
from analysis.saliency.study_measures import COMPARED, DELETION, MEASURES, PLAIN
from tests.support.scripted_session import RESPONSES, attribution
from tests.support.studies import KeepingSession, Report, answered, driven

BASE, TUNED = resolve("demo-base"), resolve("demo-tuned")
PROMPTS = PromptSet("demo", demo_prompts().prompts[:6], "digest", max_new_tokens=7)
# How alike each method's map is to that of deletion.
_NOISE = {
    "auto": 2.0,
    "reverse": 2.0,
    "frozen_norms": 0.5,
    "occlusion_zeroed": 0.2,
    "occlusion": 0.0,
}


def explained(request):
    """A map that is deletion's and noise, each of its own."""
    name = request.model.name
    whole = attribution(msgspec.structs.replace(request, response=RESPONSES[name]), seed=1)
    drawn = np.random.default_rng([len(request.prompt), len(name), len(request.method)])
    noise = drawn.normal(0, 0.05 * _NOISE[request.method], whole.importance.shape)
    importance = (whole.importance + noise).astype(np.float32)
    totals = importance.sum(axis=1)
    return msgspec.structs.replace(
        whole, importance=importance, totals=totals, method=request.method
    )


def answer(request):
    """A token takes from a response what its place in the prompt says."""
    if isinstance(request, AttributionRequest):
        return explained(request)
    assert isinstance(request, CurvesRequest)
    length = len(request.orders[0])
    counts = np.unique(np.linspace(0, length, request.steps + 1).round().astype(np.int64))
    weights = np.cos(np.arange(99.0)) + len(request.model.name) - 9
    sums = np.array([[weights[list(each[:n])].sum() for n in counts] for each in request.orders])
    all_of_them = sums[:, -1:]
    return Curves(request.model.name, counts, -sums, sums - all_of_them, 4, "cpu", "float32")


def given(session=None, prompts=PROMPTS, **changes):
    return AskedCases(session or KeepingSession({}, answer), BASE, TUNED, prompts, **changes)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return Report(study(given()), tmp_path_factory.mktemp("report"))


def test_each_method_s_means_and_intervals_follow_from_the_cases(report):
    cases, table = report["cases"], report["methods"]
    models = 2
    maps, totals = sum(not each.totals for each in COMPARED), sum(each.totals for each in COMPARED)
    measured = len(MEASURES) * maps + (len(MEASURES) - 2) * totals + 2
    assert len(table) == models * measured
    for row in table.itertuples():
        mine = cases[(cases.model == row.model) & (cases.method == row.method)]
        values = mine[row.measure].dropna()
        assert row.count == len(values) == len(PROMPTS.prompts)
        assert row.mean == pytest.approx(values.mean())
        low, high = t.interval(0.95, len(values) - 1, loc=values.mean(), scale=values.sem())
        assert (row.low, row.high) == pytest.approx((low, high))


def test_tests_are_paired_over_cases_against_the_plain_gradient(report):
    cases, table = report["cases"], report["tests"]
    for row in table.itertuples():
        mine = cases[cases.model == row.model].pivot(
            index="case", columns="method", values=row.measure
        )
        one, other = mine[row.method], mine[row.other_method]
        assert row.other_method == PLAIN.name
        assert row.mean_difference == pytest.approx((one - other).mean())
        assert row.p_value == pytest.approx(ttest_rel(one, other).pvalue)
        assert row.effect_size == pytest.approx((one - other).mean() / (one - other).std())
    told = [each for each in report.findings.statements if "zeroed embeddings reach more" in each]
    assert len(told) == 2


def test_the_measures_of_a_case_are_those_of_its_maps(report):
    prompt, request = PROMPTS.prompts[2], given().requests(PROMPTS.prompts[2])[1]
    cases = report["cases"]
    mine = cases[(cases.case == prompt.id) & (cases.model == "demo-tuned")].set_index("method")
    maps = {
        each.name: explained(msgspec.structs.replace(request, method=each.method))
        for each in (*COMPARED, DELETION)
    }
    deleted = maps[DELETION.name]
    rows = deleted.prompt_tokens.written_by_user()
    last = token_weights(deleted.importance, rows)
    for each in COMPARED:
        weights = maps[each.name].totals
        if not each.totals:
            shown = [SaliencyMap.from_attribution(one) for one in (maps[each.name], deleted)]
            overall = Agreement(*shown).overall
            assert (mine.pearson[each.name], mine.spearman[each.name]) == pytest.approx(overall)
            weights = token_weights(maps[each.name].importance, rows)
        expected = spearmanr(weights[rows], last[rows])[0]
        assert mine.ranking[each.name] == pytest.approx(expected)
    assert (mine.prompt_tokens == removable(deleted.prompt_tokens).sum()).all()


def test_gains_follow_from_the_curves(report):
    curves, cases = report["curves"], report["cases"]
    for (case, model), each in curves.groupby(["case", "model"]):
        areas = {
            key: np.trapezoid(rows.mean_log_probability, rows.share)
            for key, rows in each.groupby(["order", "curve"])
        }
        mine = cases[(cases.case == case) & (cases.model == model)].set_index("method")
        for kind, sign in (("deletion", -1), ("insertion", 1)):
            chance = np.mean([areas[f"random {number}", kind] for number in range(1, 6)])
            for method in (*(one.name for one in COMPARED), DELETION.name):
                gain = sign * (areas[method, kind] - chance)
                assert mine[kind][method] == pytest.approx(gain)


@pytest.mark.parametrize("seed", range(2))
def test_stopped_anywhere_it_goes_on_where_it_was_and_finds_the_same(seed):
    calm = driven(study(given()))[0]
    store, computed, steps = {}, [], random.Random(seed)
    for _ in range(4):
        session = KeepingSession(store, answer)
        stopped = study(given(session))
        for _ in range(steps.randrange(40)):
            next(stopped)
        stopped.close()
        computed += session.computed
    session = KeepingSession(store, answer)
    found = driven(study(given(session)))[0]
    assert [list(each.table) for each in found.tables] == [list(each.table) for each in calm.tables]
    assert found.statements == calm.statements
    computed += session.computed
    assert len(computed) == len(set(computed))


def test_a_case_that_one_model_cannot_answer_is_left_out_for_both():
    empty = PROMPTS.prompts[1].prompt

    def short(request):
        found = answer(request)
        if isinstance(request, CurvesRequest) or request.prompt != empty:
            return found
        if request.model.name == "demo-base":
            return found
        nothing = msgspec.structs.replace(found.response_tokens, ids=(), texts=(), spans=())
        return msgspec.structs.replace(
            found, response_tokens=nothing, importance=found.importance[:, :0]
        )

    found, _ = driven(study(given(KeepingSession({}, short))))
    names = {row[0] for row in found.tables[2].table}
    assert len(names) == len(PROMPTS.prompts) - 1
    assert PROMPTS.prompts[1].id not in names
    assert any("demo-tuned: The response is empty." in each for each in found.notes)
    one = dataclasses.replace(PROMPTS, prompts=PROMPTS.prompts[1:2])
    with pytest.raises(ProblemError, match=r"No case can be measured.*response is empty"):
        driven(study(given(KeepingSession({}, short), one)))


def test_of_one_case_means_are_told_and_nothing_is_tested():
    one = dataclasses.replace(PROMPTS, prompts=PROMPTS.prompts[:1])
    found, _ = driven(study(given(prompts=one)))
    assert any("cannot be tested" in each for each in found.statements)
    assert not any("nan" in each for each in found.statements)
    assert all(row[-1] is None for row in found.tables[1].table)


def test_only_the_plain_gradient_s_own_methods_can_be_chosen():
    with pytest.raises(ProblemError, match="--method occlusion would change nothing"):
        driven(study(given(method="occlusion")))
    session = KeepingSession({}, answer)
    driven(
        study(
            given(
                session, dataclasses.replace(PROMPTS, prompts=PROMPTS.prompts[:1]), method="reverse"
            )
        )
    )
    assert "reverse" in {getattr(each, "method", "") for each in session.computed}


# Prompts and tokens of a response.
FULL_SIZE, SMALL = (10, 64), (6, 16)


@pytest.mark.slow
def test_on_the_demo_pair_frozen_norms_agree_better_than_the_plain_gradient(pytestconfig):
    count, tokens = FULL_SIZE if pytestconfig.getoption("--full-size") else SMALL
    every = demo_prompts().prompts
    chosen = every[:: len(every) // count][:count]
    pool = ModelPool()
    session = KeepingSession({}, lambda each: answered(named(each.function)(each, pool)))
    prompts = PromptSet("demo", chosen, "digest", max_new_tokens=tokens)
    found, _ = driven(study(given(session, prompts)))
    assert not [each for each in found.notes if "left out" in each]
    rows = {row[:3]: row[3:] for row in found.tables[0].table}
    for model in ("demo-base", "demo-tuned"):
        assert {method for name, _, method in rows if name == model} == {
            each.name for each in (*COMPARED, DELETION)
        }
        for measure in ("deletion", "insertion"):
            assert np.isfinite(rows[model, measure, DELETION.name][1])
        plain, frozen, zeroed = (
            rows[model, "pearson", name]
            for name in ("plain gradient", "frozen norms", "zeroed embeddings")
        )
        assert [each[0] for each in (plain, frozen, zeroed)] == [count] * 3
        # The whole interval of one lies above the mean of the one before.
        assert plain[1] < frozen[2]
        assert frozen[1] < zeroed[2]
