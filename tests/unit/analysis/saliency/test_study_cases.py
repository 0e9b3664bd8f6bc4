"""Collecting cases: computed once, read in order, failing ones left out, shared without locks."""

import random
from collections import Counter

import msgspec
import numpy as np
import pytest

from analysis.problems import ProblemError, problem
from analysis.request import ModelChoice
from analysis.saliency.cases.instructions import instruction_mask
from analysis.saliency.cases.library import CaseLibrary
from analysis.saliency.cases.prompt_sets import PromptSet, StudyPrompt
from analysis.saliency.gather import AskedCases
from analysis.saliency.map import SaliencyMap
from analysis.saliency.study_cases import collect
from analysis.saliency.study_density import study
from tests.support.case_folders import write_small_library
from tests.support.scripted_session import attribution, word_tokens
from tests.support.studies import KeepingSession, driven

BASE, TUNED = (ModelChoice(name, f"/{name}") for name in ("demo-base", "demo-tuned"))
TOO_LONG = problem("input", "The prompt is too long for the model.")


def prompt_set(count, **changes):
    prompts = tuple(
        StudyPrompt(
            id=f"case {number}",
            dataset="numbers",
            prompt=f"Write the number {number}.",
            instruction=((0, 9),),
            guessed=False,
        )
        for number in range(count)
    )
    return PromptSet("numbers.jsonl", prompts, "digest", **changes)


def given(session, prompts, **changes):
    changes = {"response": ("own",), **changes}
    return AskedCases(session, BASE, TUNED, prompts, **changes)


def collected(session, count, read=None, **changes):
    """What is read of so many cases, their ids unless told."""
    asked = given(session, prompt_set(count), **changes)
    return driven(collect(asked, read or (lambda case: case.id)))[0]


def failing(wanted, error, models=("demo-base", "demo-tuned")):
    """An answer that fails for prompts with `wanted` in them."""

    def answer(request):
        if wanted in request.prompt and request.model.name in models:
            raise error
        return attribution(request)

    return answer


def test_a_case_has_both_maps_with_their_instructions_and_the_tuned_models_rating():
    one = StudyPrompt("a", "numbers", "Write the number 0.", ((0, 9),), True, rating=3.0)
    session = KeepingSession({})
    found, _ = driven(collect(given(session, PromptSet("set", (one,), "")), lambda case: case))
    (case,) = found.values
    assert found.models == ("demo-base", "demo-tuned")
    assert [each.model for each in case.maps] == ["demo-base", "demo-tuned"]
    assert case.ratings == (None, 3.0)
    assert case.guessed
    expected = instruction_mask(word_tokens(one.prompt), [(0, 9)])
    for mask, shown, request in zip(case.instructions, case.maps, session.computed, strict=True):
        assert np.array_equal(mask, expected)
        whole = SaliencyMap.from_attribution(attribution(request))
        assert np.array_equal(shown.scores, whole.scores)


def test_every_answer_is_computed_once_and_all_of_the_base_model_before_the_tuned_one():
    session = KeepingSession({})
    assert collected(session, 7).values == tuple(f"case {number}" for number in range(7))
    assert [each.model.name for each in session.computed] == ["demo-base"] * 7 + ["demo-tuned"] * 7
    assert set(Counter(session.computed).values()) == {1}


def test_options_reach_the_requests_and_the_template_only_the_tuned_model():
    session = KeepingSession({})
    collected(session, 1, chat_template=True, max_new_tokens=9, method="reverse")
    assert [each.chat_template for each in session.computed] == [False, True]
    assert {(each.max_new_tokens, each.method) for each in session.computed} == {(9, "reverse")}


def test_without_options_responses_are_as_long_as_the_prompts_need_else_300_tokens():
    for needed, expected in ((None, 300), (64, 64)):
        session = KeepingSession({})
        driven(collect(given(session, prompt_set(1, max_new_tokens=needed)), lambda case: case))
        assert {each.max_new_tokens for each in session.computed} == {expected}


@pytest.mark.parametrize("seed", range(5))
def test_stopped_anywhere_it_goes_on_where_it_was_and_finds_the_same(seed):
    prompts = prompt_set(6)
    undisturbed, _ = driven(study(given(KeepingSession({}), prompts)))
    store, computed = {}, []
    steps = random.Random(seed)
    for _ in range(4):
        session = KeepingSession(store)
        stopped = study(given(session, prompts))
        for _ in range(steps.randrange(12)):
            next(stopped)
        stopped.close()
        computed += session.computed
    session = KeepingSession(store)
    assert driven(study(given(session, prompts)))[0] == undisturbed
    assert set(Counter(computed + session.computed).values()) == {1}


def test_two_runs_at_once_share_the_work_through_the_cache():
    store = {}
    sessions = [KeepingSession(store) for _ in range(2)]
    found = {}
    runs = [collect(given(each, prompt_set(20)), lambda case: case.id) for each in sessions]
    while len(found) < 2:
        for run in runs:
            try:
                next(run)
            except StopIteration as end:
                found.setdefault(run, end.value)
    first, second = found.values()
    assert first == second
    assert first.values == tuple(f"case {number}" for number in range(20))
    # A step of one run, then a step of the other: nothing is computed twice, all by both together.
    computed = [len(each.computed) for each in sessions]
    assert sum(computed) == 2 * 20
    assert min(computed) > 0


def test_a_case_that_fails_is_left_out_with_its_name_and_reason():
    session = KeepingSession({}, failing("number 2", TOO_LONG, ("demo-tuned",)))
    found = collected(session, 4)
    assert found.values == ("case 0", "case 1", "case 3")
    assert found.notes[0] == (
        "Case case 2 was left out. demo-tuned: The prompt is too long for the model."
    )


def test_an_engine_that_dies_once_costs_no_case_and_one_that_dies_again_only_that_one():
    died = problem("engine", "The engine process died.")
    deaths = iter([True, False, False, False])

    def once(request):
        if next(deaths, False):
            raise died
        return attribution(request)

    assert collected(KeepingSession({}, once), 2).values == ("case 0", "case 1")
    found = collected(KeepingSession({}, failing("number 1", died)), 3)
    assert found.values == ("case 0", "case 2")
    assert "Case case 1 was left out. demo-base: The engine process died." in found.notes


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        *(("engine", 3), ("memory", 3)),
        # No other case would be spared.
        *(("model", 1), ("network", 1), ("storage", 1), ("internal", 1)),
    ],
)
def test_what_happens_to_three_cases_in_a_row_or_would_to_all_ends_the_study(kind, asked):
    session = KeepingSession({}, failing("", problem(kind, "It is always so.")))
    with pytest.raises(ProblemError, match="always so"):
        collected(session, 9)
    assert len(set(session.computed)) == asked
    assert asked == 3 or len(session.computed) == 1


def test_no_case_left_is_said_with_a_reason():
    with pytest.raises(ProblemError, match=r"No case has answers.*too long"):
        collected(KeepingSession({}, failing("", TOO_LONG)), 3)


def test_where_answers_are_not_kept_only_one_is_computed_in_vain():
    session = KeepingSession(None)
    found = collected(session, 5)
    assert len(found.values) == 5
    assert len(session.computed) == 1 + 2 * 5
    assert any("could not be kept" in each for each in found.notes)


def test_closed_while_it_waits_it_gives_the_request_up():
    session = KeepingSession({}, lambda request: None)
    running = collect(given(session, prompt_set(2)), lambda case: case)
    for _ in range(3):
        next(running)
    running.close()
    assert [each.cancelled for each in session.jobs] == [True]


def test_guesses_skipped_lines_and_cut_responses_are_noted():
    def cut(request):
        return msgspec.structs.replace(attribution(request), ended="length")

    prompt = StudyPrompt("a", "numbers", "Go.", ((0, 3),), guessed=True)
    prompts = PromptSet("set", (prompt,), "", skipped=("line 3: it is no JSON",))
    found, _ = driven(collect(given(KeepingSession({}, cut), prompts), lambda case: case))
    text = "\n".join(found.notes)
    assert "line 3: it is no JSON" in text
    assert "In 1 of 1 cases nobody marked the instructions" in text
    assert "1 of the 1 responses of demo-base was cut at 300 tokens." in text


def test_a_written_library_gives_the_same_findings_as_the_models_did(tmp_path):
    asked = given(KeepingSession({}), prompt_set(5), cases_folder=tmp_path / "study")
    from_models, _ = driven(study(asked))
    library = CaseLibrary.open(tmp_path / "study")
    from_library, _ = driven(study(library))
    assert from_library.statements == from_models.statements
    assert from_library.tables == from_models.tables


def test_a_library_gives_its_cases_in_order(tmp_path):
    library = CaseLibrary.open(write_small_library(tmp_path / "library"))
    found, steps = driven(collect(library, lambda case: case))
    assert [case.id for case in found.values] == ["one", "two"]
    assert [each.model for each in found.values[0].maps] == ["apt", "plain"]
    assert found.values[0].instructions[0].tolist() == [True] * 4 + [False] * 4
    assert len(steps) == 2
