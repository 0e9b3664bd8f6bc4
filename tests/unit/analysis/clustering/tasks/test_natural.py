"""The shipped tasks: sixteen, with enough of everything, single words, nothing twice."""

from __future__ import annotations

from collections import Counter

import pytest

from analysis.clustering.tasks.natural import natural_tasks
from analysis.clustering.tasks.task_set import instances_in

TASKS = natural_tasks().tasks


def named(name):
    return next(task for task in TASKS if task.name == name)


def test_there_are_the_sixteen_tasks_of_three_categories():
    assert len({task.name for task in TASKS}) == 16
    counts = {"translation": 6, "linguistic": 6, "knowledge": 4}
    assert Counter(task.category for task in TASKS) == counts
    assert {task.identity for task in TASKS} == set(counts)


def test_a_sample_has_every_task_with_phrasings_from_the_first_to_the_last():
    sample = natural_tasks().sampled(5, 4)
    assert [task.name for task in sample.tasks] == [task.name for task in TASKS]
    assert instances_in(sample.tasks, 10) == 16 * 5 * 4
    for few, task in zip(sample.tasks, TASKS, strict=True):
        places = [task.phrasings.index(each) for each in few.phrasings]
        assert places == sorted(set(places))
        assert (places[0], places[-1]) == (0, len(task.phrasings) - 1)
        assert few.mappings == task.mappings[:4]
    assert sample.sampled(9, 9) == sample


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_has_about_fifty_phrasings_and_more_than_ten_mappings(task):
    assert 48 <= len(set(task.phrasings)) == len(task.phrasings) <= 55
    assert len(task.mappings) > 20
    assert len({given for given, _ in task.mappings}) == len(task.mappings)
    # Inputs and outputs are single words, and no slot of a phrasing is left open.
    assert all(word and not set(word) & set(" \t\n") for pair in task.mappings for word in pair)
    assert not any("{" in phrasing for phrasing in task.phrasings)


def test_no_two_tasks_share_a_phrasing():
    phrasings = [phrasing for task in TASKS for phrasing in task.phrasings]
    shared = {phrasing for phrasing in phrasings if phrasings.count(phrasing) > 1}
    assert shared == set()


def test_mappings_are_facts():
    assert ("chien", "dog") in named("french-english").mappings
    assert ("dog", "perro") in named("english-spanish").mappings
    assert ("children", "child") in named("plural-singular").mappings
    assert ("begin", "begun") in named("present-past-perfect").mappings
    assert ("begin", "began") in named("present-past-simple").mappings
    assert ("Kenya", "Nairobi") in named("country-capital").mappings
    assert ("Pessoa", "Portuguese") in named("person-language").mappings


@pytest.mark.parametrize(("name", "outputs"), [("location-continent", 4), ("religion", 5)])
def test_the_first_ten_mappings_have_many_outputs(name, outputs):
    assert len({output for _, output in named(name).mappings[:10]}) == outputs
