"""The synthetic tasks: as many of everything as the paper says; no two share what they may not."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import msgspec
import numpy as np
import pytest

from analysis.clustering.training.generator import generate
from analysis.clustering.training.instances import Instance, label_arrays, set_sizes
from analysis.clustering.training.settings import PAPER_SIZES, PRESETS, DataSettings

SEEDS = range(3)


@pytest.fixture(scope="module", params=SEEDS)
def instances(request: pytest.FixtureRequest) -> list[Instance]:
    return generate(DataSettings(), request.param)


def by_task(instances: list[Instance]) -> dict[int, list[Instance]]:
    found = defaultdict(list)
    for each in instances:
        found[each.task].append(each)
    return dict(found)


def owners(instances: list[Instance], of: str, *parts: str) -> dict[tuple, set]:
    """(parts of an instance) → what they belong to."""
    found = defaultdict(set)
    for each in instances:
        found[tuple(getattr(each, part) for part in parts)].add(getattr(each, of))
    return found


def test_there_are_fifty_tasks_and_five_made_from_hard_examples(instances):
    tasks = by_task(instances)
    assert sorted(tasks) == list(range(55))
    hard = [task for task, found in tasks.items() if any(each.original for each in found)]
    assert hard == [50, 51, 52, 53, 54]
    assert all(all(each.original for each in tasks[task]) for task in hard)


def test_a_task_has_five_mappings_with_different_inputs_and_shares_none(instances):
    of_tasks = owners(instances, "task", "input", "output")
    assert all(len(tasks) == 1 for tasks in of_tasks.values())
    assert len(of_tasks) == 275
    for found in by_task(instances).values():
        assert len({each.input for each in found}) == 5
        assert len({(each.input, each.output) for each in found}) == 5
    assert all(each.input != each.output for each in instances)
    assert {each.input for each in instances} <= set("ABCDEFGHIJKLMNOPQRSTUVWXY")


def test_every_instruction_comes_with_every_mapping_of_its_task(instances):
    for found in by_task(instances).values():
        mappings = {(each.input, each.output) for each in found}
        uses = defaultdict(list)
        for each in found:
            uses[each.instruction].append((each.input, each.output))
        assert all(sorted(pairs) == sorted(mappings) for pairs in uses.values())


def test_a_task_has_one_to_six_distributions_of_at_most_ten_instructions(instances):
    counts = set()
    for task, found in by_task(instances).items():
        distributions = owners(found, "instruction", "distribution")
        counts.add(len(distributions))
        least, most = (2, 10) if task < 50 else (1, 3)
        assert all(least <= len(texts) <= most for texts in distributions.values())
    assert counts == {1, 2, 3, 4, 5, 6}
    # And an instruction belongs to one distribution.
    of_instructions = owners(instances, "distribution", "instruction")
    assert all(len(found) == 1 for found in of_instructions.values())


def test_instructions_match_their_regular_expression(instances):
    drawn = {(each.pattern, each.instruction) for each in instances if each.original is None}
    assert len({pattern for pattern, _ in drawn}) > 100
    assert all(re.fullmatch(pattern, text) for pattern, text in drawn)
    originals = {(each.pattern, each.original) for each in instances if each.original}
    assert originals <= drawn


def test_regular_expressions_have_one_to_three_metacharacters_of_three_to_ten_symbols(instances):
    # Two pieces of optional symbols in a row read like one: what is counted is all arguments.
    patterns = {each.pattern for each in instances}
    symbols = [len(re.findall(r"[a-z1-9]", pattern)) for pattern in patterns]
    assert min(symbols) >= 3
    assert max(symbols) <= 30
    kinds = Counter(mark for pattern in patterns for mark in "*+?|[" if mark in pattern)
    assert all(kinds[mark] > 10 for mark in "*+?|[")


def test_instructions_use_thirty_five_symbols(instances):
    assert len({symbol for each in instances for symbol in each.instruction}) == 35
    lengths = {len(each.instruction) for each in instances}
    assert min(lengths) >= 3
    assert max(lengths) <= DataSettings().longest_instruction


def test_a_hard_example_differs_in_one_symbol_and_changes_every_output(instances):
    answers = {(each.instruction, each.input): each for each in instances}
    hard = [each for each in instances if each.original is not None]
    sources = defaultdict(set)
    for each in hard:
        assert each.original is not None
        pairs = zip(each.instruction, each.original, strict=True)
        assert sum(new != old for new, old in pairs) == 1
        source = answers[each.original, each.input]
        assert source.output != each.output
        assert source.split == "training"
        sources[each.task].add(source.task)
    assert all(len(found) == 1 for found in sources.values())
    assert len(set().union(*sources.values())) == 5


def test_ten_tasks_have_three_unseen_instructions_of_each_distribution_or_all_but_one(instances):
    unseen, everything = defaultdict(set), defaultdict(set)
    for each in instances:
        everything[each.distribution].add(each.instruction)
        if each.split == "validation":
            unseen[each.distribution].add(each.instruction)
    for distribution, texts in unseen.items():
        assert len(texts) == min(3, len(everything[distribution]) - 1)
    tasks = {each.task for each in instances if each.split == "validation"}
    assert len(tasks) == 10
    of_tasks = {each.distribution for each in instances if each.task in tasks}
    assert set(unseen) == of_tasks
    seen = {each.instruction for each in instances if each.split == "training"}
    assert not seen & set().union(*unseen.values())


def test_the_training_subset_is_five_tasks_of_hard_examples_and_their_originals(instances):
    subset = [each for each in instances if each.evaluated and each.split == "training"]
    hard = {each.task for each in subset if each.task >= 50}
    assert hard == {50, 51, 52}
    assert len({each.task for each in subset}) == 5
    assert [each for each in subset if each.task >= 50] == [
        each for each in instances if each.task in hard
    ]
    originals = {each.original for each in instances if each.task in (50, 51)}
    assert {each.instruction for each in subset if each.task < 50} == originals
    assert all(each.evaluated for each in instances if each.split == "validation")


def test_the_sets_are_about_as_large_as_the_papers():
    """Training and its subset as in Table 2; of unseen instances the paper has few for Table 3."""
    sizes = np.array(
        [list(set_sizes(generate(DataSettings(), seed)).values()) for seed in range(12)]
    )
    means, deviations = sizes.mean(axis=0), sizes.std(axis=0)
    paper = np.array(list(PAPER_SIZES.values()))
    assert list(set_sizes([])) == list(PAPER_SIZES)
    away = np.abs(paper - means) / deviations
    assert away[0] < 1
    assert away[1] < 1.5
    assert 2 < away[2] < 4


def test_a_seed_gives_the_same_instances_and_another_seed_others():
    assert generate(DataSettings(), 7) == generate(DataSettings(), 7)
    assert generate(DataSettings(), 7) != generate(DataSettings(), 8)


def test_labels_name_task_distribution_and_distribution_with_mapping():
    instances = generate(DataSettings(), 0)
    labels = label_arrays(instances)
    assert labels["task"].tolist() == [each.task for each in instances]
    assert labels["distribution"].tolist() == [each.distribution for each in instances]
    pairs = [(each.distribution, each.mapping) for each in instances]
    numbers = dict(zip(pairs, labels["distribution-mapping"].tolist(), strict=True))
    assert [numbers[pair] for pair in pairs] == labels["distribution-mapping"].tolist()
    assert len(set(numbers.values())) == len(numbers) == 5 * len(set(labels["distribution"]))


def test_the_small_preset_has_tasks_for_any_seed():
    for seed in range(30):
        found = generate(PRESETS["small"][0], seed)
        assert len({each.task for each in found}) == 25


@pytest.mark.parametrize(
    "too_much", [{"task_symbols": 12}, {"instruction_symbols": 3, "max_characters": 3}]
)
def test_settings_that_no_symbols_can_meet_are_refused(too_much):
    settings = msgspec.structs.replace(DataSettings(), **too_much)
    with pytest.raises(ValueError, match="symbols"):
        generate(settings, 0)
