"""The closed world and its tasks: every question has one answer, every promise its items."""

from __future__ import annotations

import pytest

from analysis.demo.phrasings import Layout, layouts, phrasings, render
from analysis.demo.tasks import OPEN_CATEGORIES, WORD_CATEGORIES, Task, all_tasks
from analysis.demo.world import held_out_keys

TASKS = pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.name)


def test_the_sixteen_word_tasks_and_the_six_categories_are_there() -> None:
    assert sum(task.category in WORD_CATEGORIES for task in all_tasks()) == 16
    assert {task.category for task in all_tasks()} == {*WORD_CATEGORIES, *OPEN_CATEGORIES}


@TASKS
def test_a_question_has_one_answer(task: Task) -> None:
    answers: dict[tuple[tuple[str, str], ...], str] = {}
    for item in task.items:
        asked = tuple(sorted(item.slots.items()))
        assert answers.setdefault(asked, item.response) == item.response, item


@TASKS
def test_a_task_has_twenty_phrasings_to_tune_on_and_others_held_out(task: Task) -> None:
    tuned = phrasings(task.family)
    held_out = phrasings(task.family, held_out=True)
    assert len(set(tuned)) >= 20
    assert held_out
    assert not set(tuned) & set(held_out)


@TASKS
def test_some_items_are_held_out_and_most_are_not(task: Task) -> None:
    assert held_out_keys(task.family) == {item.key for item in task.held_out_items}
    assert 0 < len(task.held_out_items) < len(task.tuned_items)


@TASKS
def test_a_prompt_contains_its_input_and_its_instruction_spans_in_order(task: Task) -> None:
    item = task.tuned_items[0]
    for phrasing in (*phrasings(task.family), *phrasings(task.family, held_out=True)):
        for layout in layouts(phrasing):
            example = render(task, item, phrasing, layout)
            assert item.input in example.prompt or task.family == "letter"
            position = 0
            for span in example.instruction_spans:
                position = example.prompt.index(span, position) + len(span)


def test_an_instruction_that_contains_its_input_has_one_layout_only() -> None:
    task = all_tasks()[0]
    inside = next(p for p in phrasings(task.family) if "{input}" in p)
    with pytest.raises(ValueError, match="no layout"):
        render(task, task.items[0], inside, Layout.FIELDS)
