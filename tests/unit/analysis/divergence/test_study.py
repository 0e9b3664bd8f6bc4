"""The study of divergence: its tables by plain loops over scripted answers, and its failures."""

from __future__ import annotations

import dataclasses
import math
from statistics import mean, median

import msgspec
import numpy as np
import pytest
from scipy.stats import kruskal, ttest_rel

from analysis.demo.catalog import held_out_phrasings
from analysis.divergence.kinds import KINDS, kinds
from analysis.divergence.study import study
from analysis.divergence.study_input import DivergenceInput
from analysis.engine.pool import ModelPool
from analysis.methods import study_of
from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice, named
from analysis.saliency.cases.prompt_sets import PromptSet, demo_prompts
from analysis.session.workers import WorkerPool
from tests.support.pairs import pair_of
from tests.support.scripted_workers import Cache, ScriptedWorker
from tests.support.studied_divergences import divergence
from tests.support.studies import KeepingSession, Report, answered, driven, rows_of

BASE, TUNED = ModelChoice("plain", "/plain"), ModelChoice("taught", "/taught")
PROMPTS = dataclasses.replace(demo_prompts(), prompts=demo_prompts().prompts[:40])
BOTH = ("tuned", "base")
BUCKETS = {"0": (0, 0), "1–4": (1, 4), "5–16": (5, 16), "17–64": (17, 64), "65+": (65, 10**9)}


def given(session=None, prompts=PROMPTS, **changes):
    return DivergenceInput(
        session or KeepingSession({}, divergence), BASE, TUNED, prompts, **changes
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return Report(study(given(response=BOTH)), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def answers():
    asked = given(response=BOTH)
    return {
        whose: {p.id: divergence(asked.request(p, whose)) for p in PROMPTS.prompts}
        for whose in BOTH
    }


def parted(found, place):
    base, tuned = (int(found.choices[side, place, 0]) for side in (0, 1))
    return base != tuned


def expected(places_of):
    """Plain loops: of each prompt the means over its places, then over prompts."""
    shares, kls, gains, count = [], [], [], 0
    for found, places in places_of:
        if not places:
            continue
        count += len(places)
        shares.append(sum(parted(found, p) for p in places) / len(places))
        kls.append(sum(float(found.kl[p]) for p in places) / len(places))
        gains.append(sum(float(found.log_p[1, p]) - float(found.log_p[0, p]) for p in places))
        gains[-1] /= len(places)
    return len(shares), count, mean(shares), mean(kls), mean(gains), kls


def assert_row(row, wanted):
    prompts, places, share, kl, gain, kls = wanted
    assert (row.prompts, row.places) == (prompts, places)
    assert row.share_parted == pytest.approx(share, abs=1e-6)
    assert row.mean_kl == pytest.approx(kl, rel=1e-5)
    assert row.mean_gain == pytest.approx(gain, rel=1e-5, abs=1e-6)
    assert row.kl_deviation == pytest.approx(np.std(kls), abs=1e-5)
    if prompts > 1:
        assert min(kls) - 1e-6 <= row.mean_kl_low <= kl <= row.mean_kl_high <= max(kls) + 1e-6


def test_positions_kinds_and_tasks_follow_from_the_answers(report, answers):
    seen = 0
    for row in report["positions"].itertuples():
        low, high = BUCKETS[row.position]
        every = answers[row.responses].values()
        chosen = [(f, [p for p in range(f.places) if low <= p <= high]) for f in every]
        assert_row(row, expected(chosen))
        seen += row.places
    assert seen == sum(found.places for of in answers.values() for found in of.values())
    for row in report["kinds"].itertuples():
        every = list(answers[row.responses].values())
        chosen = [(f, [p for p, kind in enumerate(kinds(f)) if kind == row.kind]) for f in every]
        assert_row(row, expected(chosen))
        assert row.share_of_places == pytest.approx(row.places / sum(f.places for f in every))
        held = sum(float(f.kl[p]) for f, places in chosen for p in places)
        assert row.share_of_kl == pytest.approx(held / sum(float(f.kl.sum()) for f in every))
    assert set(report["kinds"].kind) <= set(KINDS)
    for name in ("tasks", "categories"):
        of = {p.id: p.task if name == "tasks" else p.category for p in held_out_phrasings()}
        for row in report[name].itertuples():
            every = [f for case, f in answers[row.responses].items() if of[case] == row.task]
            assert_row(row, expected([(f, list(range(f.places))) for f in every]))
            firsts = [f.first for f in every if f.first is not None]
            assert row.first_median == pytest.approx(median(firsts)) if firsts else True
            assert row.share_never == pytest.approx(1 - len(firsts) / len(every))
            assert row.share_at_first_token == pytest.approx(firsts.count(0) / len(every))


def test_a_case_says_where_the_models_part_and_what_each_prefers(report, answers):
    for row in report["cases"].itertuples():
        found = answers[row.responses][row.case]
        places = [place for place in range(found.places) if parted(found, place)]
        assert row.share_parted == pytest.approx(len(places) / found.places)
        assert row.kl_at_0 == pytest.approx(float(found.kl[0]), rel=1e-6)
        if places:
            assert row.first == places[0]
            for side, name in enumerate(("base", "tuned")):
                token = int(found.choices[side, places[0], 0])
                said = "(end)" if token in found.ends[side] else found.texts[str(token)]
                assert getattr(row, f"{name}_prefers") == said
                p = math.exp(float(found.choice_log_p[side, side, places[0], 0]))
                assert getattr(row, f"{name}_p") == pytest.approx(p)
        else:
            assert math.isnan(row.first)


def test_a_sentence_tells_what_both_prefer_where_they_part(report, answers):
    firsts = [(f, f.first) for f in answers["tuned"].values() if f.first is not None]
    told = next(each for each in report.findings.statements if "There base most often" in each)
    for side, name in enumerate(("base", "tuned")):
        ids = [int(f.choices[side, first, 0]) for f, first in firsts]
        most = max(set(ids), key=ids.count)
        text = "(end)" if most == 50 else f" word{most}"
        assert f"{name}{' most often prefers' * (not side)} “{text}” ({ids.count(most)} of" in told


def test_its_tests_are_those_of_scipy_corrected_as_one_family(report, answers):
    tests = report["told-tests"].set_index("what")
    for whose, model in (("tuned", "taught"), ("base", "plain")):
        every = [found for found in answers[whose].values() if found.places > 1]
        starts = [float(found.kl[0]) for found in every]
        later = [float(found.kl[1:].mean()) for found in every]
        row = tests.loc[f"KL at the first token against later places, {model}’s responses"]
        assert row.p_value == pytest.approx(ttest_rel(starts, later).pvalue, rel=1e-4)
        # Of the demo's tasks no two have five prompts here: their categories are compared.
        of = {p.id: p.category for p in held_out_phrasings()}
        groups = {}
        for case, found in answers[whose].items():
            groups.setdefault(of[case], []).append(float(found.kl.mean()))
        large = [each for each in groups.values() if len(each) >= 5]
        assert len(large) > 1
        row = tests.loc[f"mean KL between categories of tasks, {model}’s responses"]
        assert row.p_value == pytest.approx(kruskal(*large).pvalue, rel=1e-4)
    both = [[float(f.kl.mean()) for f in answers[whose].values()] for whose in BOTH]
    row = tests.loc["mean KL on taught’s responses against plain’s responses"]
    assert row.p_value == pytest.approx(ttest_rel(*both).pvalue, rel=1e-4)
    assert len(tests) == 5
    assert (tests.p_holm >= tests.p_value).all()
    # What a script drew at random is not found to differ.
    said = [each for each in report.findings.statements if "Mean KL on taught" in each]
    assert "is not shown to differ" in said[0] or tests.p_holm.loc[row.name] < 0.05


def test_tasks_of_enough_prompts_are_compared_themselves():
    moved = [
        dataclasses.replace(each, id=f"p{number}", dataset="ab"[number % 2])
        for number, each in enumerate(PROMPTS.prompts[:12])
    ]
    found, _ = driven(study(given(prompts=PromptSet("set", tuple(moved), "digest"))))
    assert [row["task"] for row in rows_of(found, "tasks")] == ["a", "b"]
    assert not [each for each in found.tables if each.name == "categories"]
    assert any("between tasks" in each for each in found.statements)
    few = PromptSet("set", tuple(moved[:6]), "digest")
    found, _ = driven(study(given(prompts=few)))
    assert any("whether tasks differ cannot be tested" in each for each in found.statements)


def test_one_model_s_own_text_alone_comes_with_a_caveat():
    alone, _ = driven(study(given()))
    assert "favours finding differences" in alone.notes[0]
    base, _ = driven(study(given(response=("base",))))
    assert "base model’s own text" in base.notes[0]
    both, _ = driven(study(given(response=BOTH)))
    assert not any("All places are in" in each for each in both.notes)
    assert "It is made up." in both.notes


def test_a_prompt_that_fails_is_left_out_for_all_responses():
    bad = PROMPTS.prompts[3]

    def failing(request):
        if request.prompt == bad.prompt and request.writer == "base":
            raise problem("memory", "It does not fit.")
        return divergence(request)

    found, _ = driven(study(given(KeepingSession({}, failing), response=BOTH)))
    names = {row["case"] for row in rows_of(found, "cases")}
    assert len(names) == len(PROMPTS.prompts) - 1
    assert bad.id not in names
    assert any(each == f"Case {bad.id} was left out. It does not fit." for each in found.notes)


def test_three_in_a_row_that_kill_the_engine_end_it():
    asked = []

    def dying(request):
        asked.append(request)
        raise problem("engine", "It died.")

    with pytest.raises(ProblemError, match="It died"):
        driven(study(given(KeepingSession({}, dying))))
    # Each is asked twice before it is blamed.
    assert len(asked) == 6
    with pytest.raises(ProblemError, match="It is broken"):
        driven(study(given(KeepingSession({}, lambda each: _raised("model", "It is broken.")))))
    with pytest.raises(ProblemError, match="No prompt has an answer"):
        driven(study(given(KeepingSession({}, lambda each: _raised("input", "Too long.")))))


def _raised(kind, what):
    raise problem(kind, what)


def test_references_are_read_as_they_are_and_need_to_be_there():
    session = KeepingSession({}, divergence)
    some = dataclasses.replace(PROMPTS.prompts[0], references=())
    prompts = dataclasses.replace(PROMPTS, prompts=(some, *PROMPTS.prompts[1:4]))
    found, _ = driven(study(given(session, prompts, response=("reference",))))
    assert len(rows_of(found, "cases")) == 3
    assert any("It has no reference response." in each for each in found.notes)
    asked = {each.prompt: each.response for each in session.computed}
    for each in prompts.prompts[1:]:
        assert asked[each.prompt].strip() == each.reference.strip()
    nothing = dataclasses.replace(prompts, prompts=(some,))
    with pytest.raises(ProblemError, match="no reference responses"):
        given(prompts=nothing, response=("reference",))
    with pytest.raises(ProblemError, match="--max-new-tokens would change nothing"):
        given(response=("reference",), max_new_tokens=5)


def test_what_it_will_ask_is_known_before_and_what_is_kept_is_not_asked_again():
    spec, store = study_of("divergence"), {}
    asked = given(KeepingSession(store, divergence), response=BOTH)
    ahead = spec.look_ahead(asked)
    assert (ahead.asked, ahead.kept) == (80, 0)
    calm, _ = driven(spec.start(asked))
    again = KeepingSession(store, divergence)
    found, _ = driven(spec.start(given(again, response=BOTH)))
    assert again.computed == []
    assert found.statements == calm.statements
    assert [list(one.table) for one in found.tables] == [list(two.table) for two in calm.tables]
    assert spec.look_ahead(given(again, response=BOTH)).kept == 80


def test_of_one_prompt_and_one_place_nothing_is_tested_and_nothing_is_no_number():
    one = dataclasses.replace(PROMPTS, prompts=PROMPTS.prompts[:1])

    def short(request):
        found = divergence(request)
        return of_one_place(found)

    found, _ = driven(study_of("divergence").start(given(KeepingSession({}, short), one)))
    assert any("cannot be tested" in each for each in found.statements)
    assert any("never differ" in each for each in found.statements)
    assert not any("nan" in each for each in (*found.statements, *found.notes))


def of_one_place(found):
    """The same answer of one place, its end, where both models end."""
    nothing = msgspec.structs.replace(found.response_tokens, ids=(), texts=(), spans=())
    return msgspec.structs.replace(
        found,
        response_tokens=nothing,
        response="",
        ended=True,
        log_p=found.log_p[:, -1:],
        kl=found.kl[-1:],
        choices=found.choices[:, -1:],
        choice_log_p=found.choice_log_p[:, :, -1:],
    )


def test_two_workers_find_what_one_process_finds():
    calm, _ = driven(study(given(response=BOTH)))
    cache = Cache()
    pool = WorkerPool([ScriptedWorker(cache, divergence) for _ in range(2)])
    found, _ = driven(study(given(pool, response=BOTH)))
    assert (found.statements, found.notes) == (calm.statements, calm.notes)
    assert [list(one.table) for one in found.tables] == [list(two.table) for two in calm.tables]
    assert len(cache.answers) == 2 * len(PROMPTS.prompts)


@pytest.mark.slow
def test_small_models_part_first_at_the_same_place_on_both_s_own_text(tmp_path):
    pair = pair_of(tmp_path, "llama")
    prompts = dataclasses.replace(PROMPTS, prompts=PROMPTS.prompts[:6])

    def computed(models):
        return lambda request: answered(named(request.function)(request, models))

    def asked(session):
        return DivergenceInput(session, *pair, prompts, max_new_tokens=8, response=BOTH)

    found, _ = driven(study(asked(KeepingSession({}, computed(ModelPool())))))
    firsts = {whose: {} for whose in BOTH}
    for row in rows_of(found, "cases"):
        firsts[row["responses"]][row["case"]] = row["first"]
    # Up to where they part, what both write is the same text.
    assert firsts["tuned"] == firsts["base"]
