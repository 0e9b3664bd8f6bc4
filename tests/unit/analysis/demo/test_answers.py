"""Acceptable answers: in every form a family has, complete, and right."""

from __future__ import annotations

import re

import pytest

from analysis.demo.answers import answers, clauses, forms
from analysis.demo.categories import steps, sum_items
from analysis.demo.tasks import Task, all_tasks

TASKS = pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.name)
NAMES = {"writer": "Zoe", "reader": "Yves"}


@TASKS
def test_an_item_is_answered_in_every_form_and_no_slot_stays_open(task: Task) -> None:
    for item in task.items[::7]:
        for form in forms(task.family):
            found = answers(task, item, form, NAMES)
            assert found
            assert len(set(found)) == len(found)
            open_slots = [text for text in found if re.search(r"\{[a-z_]+\}", text)]
            assert not open_slots, (form, open_slots)


@TASKS
def test_only_the_form_that_is_meant_anyway_may_lack_clauses(task: Task) -> None:
    for form in forms(task.family)[1:]:
        assert len(clauses(form)) >= 8
        assert len(clauses(form, held_out=True)) >= 3


def test_held_out_clauses_are_never_tuned_on() -> None:
    known = {form for task in all_tasks() for form in forms(task.family)}
    for form in known:
        assert not set(clauses(form)) & set(clauses(form, held_out=True)), form


@pytest.mark.parametrize("family", ["capital", "sum", "sentiment"])
def test_a_letter_names_both_people_and_a_word_is_the_bare_answer(family: str) -> None:
    task = next(task for task in all_tasks() if task.family == family)
    item = task.items[0]
    for text in answers(task, item, "letter", NAMES):
        assert text.startswith("Dear Yves,")
        assert text.endswith("Zoe")
    (word,) = answers(task, item, "word")
    assert word in item.response


def test_a_family_has_no_form_but_its_own() -> None:
    summary = next(task for task in all_tasks() if task.name == "summary")
    with pytest.raises(KeyError, match="no form 'poem'"):
        answers(summary, summary.items[0], "poem")


def test_every_step_of_a_sum_is_true_and_the_last_is_its_result() -> None:
    for item in sum_items():
        told = steps(item.input)
        for term, result in re.findall(r"([0-9][0-9 +*-]*) = ([0-9]+)", told):
            assert eval(term) == int(result), told  # our own digits and signs
        assert re.findall(r"[0-9]+", told)[-1] == item.slots["result"], told
