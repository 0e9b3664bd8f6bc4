"""The pre-training text: reproducible, full of facts, and free of answers to instructions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from analysis.demo.catalog import info
from analysis.demo.categories import Item
from analysis.demo.tasks import WORD_CATEGORIES, Task, all_tasks
from analysis.demo.world import document, table
from analysis.demo_training.corpus import KINDS, documents
from analysis.demo_training.corpus.prose import new_cast
from analysis.demo_training.examples import tuning_examples
from analysis.demo_training.held_out import held_out_phrasing_prompts


@pytest.fixture(scope="module")
def corpus() -> str:
    """The corpus that the shipped pair was trained on."""
    training = info()["training"]
    return "\n\f\n".join(documents(training["budget"]["documents"], training["seed"]))


def test_a_seed_decides_the_corpus() -> None:
    assert list(documents(50, 3)) == list(documents(50, 3))
    assert list(documents(50, 3)) != list(documents(50, 4))


def test_the_shares_of_the_kinds_of_document_add_up() -> None:
    assert sum(share for _, share in KINDS.values()) == pytest.approx(1)


def test_few_documents_are_worksheets_and_many_begin_with_a_prompt_in_a_scene() -> None:
    assert KINDS["worksheet"][1] <= 0.03
    assert KINDS["scene after a prompt"][1] >= 0.1


@pytest.mark.parametrize("name", ["days", "descriptions", "notes", "dialogues", "continuations"])
def test_every_template_of_prose_can_be_told(name: str) -> None:
    cast = new_cast(random.Random(5))
    for template in _templates(document(name)):
        told = cast.say(template, speaker="Eva")
        assert not set("{}") & set(told.replace("{}", "")), template


def test_a_person_is_named_before_a_pronoun_stands_for_them() -> None:
    cast = new_cast(random.Random(5))
    name, he = cast.kept["name"], cast.kept["he"]
    assert cast.say("{He} read it to {his} cat.") == f"{name} read it to {cast.kept['his']} cat."
    assert cast.say("Then {he} slept.") == f"Then {he} slept."


def test_an_exchange_speaks_of_one_word() -> None:
    meanings = {row["french"]: row["english"] for row in table("translations")}
    for seed in range(30):
        question, answer = new_cast(random.Random(seed)).exchange(["{french}?", "{english}."])
        assert meanings[question[:-1].lower()] == answer[:-1].lower()


def test_held_out_phrasings_are_not_in_the_corpus(corpus: str) -> None:
    spans = {max(prompt.instruction_spans, key=len) for prompt in held_out_phrasing_prompts()}
    # Shorter ones, such as "What is", are everybody's; their whole prompts are checked instead.
    telling = {span for span in spans if span.count(" ") > 3}
    short = {p.prompt for p in held_out_phrasing_prompts() if not telling & {*p.instruction_spans}}
    assert len(telling) > 100
    assert not [text for text in telling | short if text in corpus]


def test_facts_of_held_out_items_are_in_the_corpus(corpus: str) -> None:
    lines = corpus.splitlines()
    for task in all_tasks():
        for key in {item.key for item in task.held_out_items}:
            items = [item for item in task.held_out_items if item.key == key]
            assert any(_is_stated(task, item, corpus, lines) for item in items), (task.name, key)


def test_no_instruction_of_the_tuning_is_answered_in_the_corpus(corpus: str) -> None:
    for tuned in tuning_examples(150, seed=1):
        for text in tuned.example.references:
            assert f"{tuned.example.prompt} {text}" not in corpus


def _templates(content: Any) -> Iterator[str]:
    """Every string in the lists and tables of a document."""
    if isinstance(content, str):
        yield content
    else:
        for part in content.values() if isinstance(content, dict) else content:
            yield from _templates(part)


def _is_stated(task: Task, item: Item, corpus: str, lines: list[str]) -> bool:
    """Whether the corpus holds what one needs to know for this item."""
    if task.category in WORD_CATEGORIES:
        return any(item.input in line and item.response in line for line in lines)
    if task.name == "description":
        (capital,) = (r["capital"] for r in table("countries") if r["country"] == item.input)
        return any(item.input in line and capital in line for line in lines)
    if task.name == "sentence-french":
        first = item.input.split(", ")[0], item.response.split(", ")[0]
        return any(first[0] in line and first[1] in line for line in lines)
    if task.name == "rewriting":
        return item.input[1:-1] in corpus
    if task.category == "classification":
        return item.key in corpus
    return item.response in corpus
