"""The tuning set and what is held out of it."""

from __future__ import annotations

from collections import Counter

import pytest

from analysis.demo import catalog
from analysis.demo.phrasings import phrasings
from analysis.demo.tasks import all_tasks
from analysis.demo.world import held_out_keys
from analysis.demo_training.examples import TuningExample, tuning_examples
from analysis.demo_training.held_out import write_prompts


@pytest.fixture(scope="module")
def tuning_set() -> list[TuningExample]:
    """The examples that the shipped model was tuned on."""
    training = catalog.info()["training"]
    return list(tuning_examples(training["budget"]["examples"], training["seed"] + 1))


def test_a_seed_decides_the_tuning_set():
    assert list(tuning_examples(50, 3)) == list(tuning_examples(50, 3))
    assert list(tuning_examples(50, 3)) != list(tuning_examples(50, 4))


def test_held_out_items_are_never_tuned_on(tuning_set):
    families = {task.name: task.family for task in all_tasks()}
    for tuned in tuning_set:
        assert tuned.example.item not in held_out_keys(families[tuned.example.task])


def test_held_out_phrasings_and_prompts_about_held_out_items_are_never_tuned_on(tuning_set):
    held_out = {p for task in all_tasks() for p in phrasings(task.family, held_out=True)}
    assert not held_out & {tuned.example.phrasing for tuned in tuning_set}
    held_out_prompts = (*catalog.held_out_phrasings(), *catalog.held_out_items())
    asked = {prompt.prompt for prompt in held_out_prompts}
    assert not asked & {tuned.example.prompt for tuned in tuning_set}


def test_every_task_is_tuned_on_raw_and_in_the_chat_template(tuning_set):
    seen = Counter((tuned.example.task, tuned.chat) for tuned in tuning_set)
    assert all(seen[task.name, chat] >= 100 for task in all_tasks() for chat in (False, True))


def test_the_shipped_prompts_are_the_generated_ones(tmp_path):
    write_prompts(tmp_path)
    for written in tmp_path.iterdir():
        assert written.read_bytes() == (catalog.PROMPTS / written.name).read_bytes()
