"""What would be asked, before it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.concepts.annotation.plan import Prices, first_prompts, plan
from analysis.concepts.annotation.runner import annotate
from analysis.concepts.annotation.templates import Templates
from tests.support.scripted_completer import AnswersInMemory, ScriptedCompleter, by_step, subjects

PRICES = Prices(input_tokens=2.0, output_tokens=10.0)


def test_before_anything_is_known_each_repeat_takes_three_requests_at_most(
    templates: Templates,
) -> None:
    planned = plan(subjects(4), templates, "scripted", AnswersInMemory(), prices=PRICES)
    assert planned.requests == 4 * 5 * 3
    assert planned.output_tokens == 4 * 5 * (64 + 48 + 16)
    assert planned.cost == pytest.approx(
        (2 * planned.input_tokens + 10 * planned.output_tokens) / 1e6
    )


def test_the_plan_is_never_exceeded_and_afterwards_nothing_is_left(templates: Templates) -> None:
    answers = AnswersInMemory()
    planned = plan(subjects(4), templates, "scripted", answers)
    completer = ScriptedCompleter(by_step("months", "none", "semantics"))
    annotate(subjects(4), completer, templates, answers)
    assert len(completer.asked) <= planned.requests
    # Four characters a token is usual; a plan that asked for less would be too cheap.
    characters = sum(len(turn.content) for turns, *_ in completer.asked for turn in turns)
    assert planned.input_tokens > characters / 4
    planned = plan(subjects(4), templates, "scripted", answers, prices=PRICES)
    assert (planned.complete, planned.requests, planned.cost) == (20, 0, 0.0)
    assert "Nothing has to be asked" in planned.text()


def test_half_way_only_the_rest_is_planned(templates: Templates) -> None:
    answers = AnswersInMemory()
    completer = ScriptedCompleter(by_step("cannot tell", "", ""))
    annotate(subjects(4), completer, templates, answers, repeats=2)
    planned = plan(subjects(4), templates, "scripted", answers, repeats=3)
    assert (planned.complete, planned.requests) == (8, 4 * 3)


def test_without_prices_the_cost_is_said_to_be_unknown(templates: Templates) -> None:
    text = plan(subjects(1), templates, "scripted", AnswersInMemory()).text()
    assert "The cost is unknown" in text
    assert "--price-in and --price-out" in text


def test_planning_leaves_no_trace(templates: Templates, tmp_path: Path) -> None:
    from analysis.concepts.annotation.answer_file import AnswerFile

    plan(subjects(1), templates, "scripted", AnswerFile(tmp_path / "folder" / "answers"))
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_the_words_and_the_wording(templates: Templates) -> None:
    text = first_prompts(subjects(1), templates)
    assert "Words: base0, word0, und" in text
    assert "violin" in text
    assert text.count("system: ") == 3
