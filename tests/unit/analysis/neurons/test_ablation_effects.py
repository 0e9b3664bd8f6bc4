"""Effects are differences of plain means, with intervals that resampling instructions gives."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.neurons.ablation_effects import (
    COLUMNS,
    RANDOM_SETS,
    ablation_request,
    activity_note,
    effects,
    effects_table,
)
from analysis.neurons.instructions import Instruction, InstructionSet
from analysis.neurons.request import AnsweredInstruction
from analysis.neurons.result import Ablation, Frequencies, LayerFrequencies
from analysis.neurons.sets import UnitSets
from analysis.request import ModelChoice
from tests.support.studies import rows


def measured(own=40, others=60, cost=0.3, seed=1):
    """An ablation where the set costs the category's own responses `cost` nats a token."""
    rng = np.random.default_rng(seed)
    count = own + others
    tokens = rng.integers(1, 9, count)
    whole = -rng.random(count) * tokens
    noise = rng.normal(0, 0.1, (4, count)) * tokens
    silenced = whole + noise[0]
    silenced[:own] -= cost * tokens[:own]
    return Ablation(
        model="m",
        category="math",
        neurons=9,
        categories=("math",) * own + ("code",) * others,
        response_tokens=tokens.astype(np.int32),
        whole=whole,
        silenced=silenced,
        random=whole + noise[1:],
        notes=(),
        seconds=0.0,
    )


def test_an_effect_is_the_change_a_token_beyond_that_of_random_sets():
    found = measured()
    own, others, difference = effects(found)
    changes, beyond = [], []
    for i in range(40):
        tokens = int(found.response_tokens[i])
        change = (found.silenced[i] - found.whole[i]) / tokens
        random = [(found.random[r, i] - found.whole[i]) / tokens for r in range(3)]
        changes.append(change)
        beyond.append(change - sum(random) / 3)
    assert own.change == pytest.approx(sum(changes) / 40)
    assert own.effect == pytest.approx(sum(beyond) / 40)
    assert (own.instructions, others.instructions, difference.instructions) == (40, 60, 100)
    assert difference.effect == pytest.approx(own.effect - others.effect)
    assert len(own.random) == 3


def test_an_effect_that_is_there_is_told_from_one_that_is_not():
    own, others, difference = effects(measured())
    assert max(own.high, difference.high) < 0
    assert others.low < 0 < others.high


def test_the_interval_is_that_of_a_plain_bootstrap():
    found = measured(own=12, others=9)
    resamples, rng = 200, np.random.default_rng(5)
    means = []
    for first, count in ((0, 12), (12, 9)):
        beyond = []
        for i in range(first, first + count):
            random = sum(float(found.random[r, i]) for r in range(3)) / 3
            beyond.append((float(found.silenced[i]) - random) / int(found.response_tokens[i]))
        draws = [rng.integers(count, size=count) for _ in range(resamples)]
        means.append([sum(beyond[i] for i in drawn) / count for drawn in draws])
    means.append([a - b for a, b in zip(*means, strict=True)])
    for effect, values in zip(effects(found, resamples=resamples, seed=5), means, strict=True):
        values.sort()
        for given, share in ((effect.low, 0.025), (effect.high, 0.975)):
            # Between the two values around the place, as far along as the place is.
            place = share * (resamples - 1)
            below, above = values[int(place)], values[int(place) + 1]
            assert given == pytest.approx(below + (above - below) * (place - int(place)))


def test_the_interval_is_about_that_of_the_normal_approximation():
    found = measured(own=400, others=400)
    own, *_ = effects(found)
    tokens = found.response_tokens
    values = ((found.silenced - found.random.mean(axis=0)) / tokens)[:400]
    half = 1.96 * values.std() / np.sqrt(400)
    assert own.low == pytest.approx(values.mean() - half, abs=half / 5)
    assert own.high == pytest.approx(values.mean() + half, abs=half / 5)


def test_the_same_seed_gives_the_same_interval():
    assert effects(measured(), seed=3) == effects(measured(), seed=3)
    assert effects(measured(), seed=3)[0].low != effects(measured(), seed=4)[0].low


def test_one_instruction_has_no_interval_and_an_empty_group_no_row():
    own, _, difference = effects(measured(own=1))
    assert own.low is own.high is None
    assert difference.low is None
    assert [each.measured_on for each in effects(measured(others=0))] == ["own"]


@pytest.mark.parametrize("matched", ["layer", "activity"])
def test_the_table_has_a_row_an_effect(matched):
    table = effects_table(effects(measured(), *[matched] * (matched != "layer")))
    assert table.columns == COLUMNS
    found = rows(table)
    assert {row["matched"] for row in found} == {matched}
    assert [row["measured_on"] for row in found] == ["own", "others", "own - others"]
    assert found[0]["random_lowest"] <= found[0]["change_random"] <= found[0]["random_highest"]
    assert found[0]["effect"] == pytest.approx(found[0]["change"] - found[0]["change_random"])


def test_what_is_silenced_is_what_is_unique():
    members = (
        np.array([[True, True, False], [True, False, False]]),
        np.array([[False, True, True], [False, False, True]]),
    )
    instructions = InstructionSet(
        "own",
        (
            Instruction("1", "code", "Sort", "b, a", "a, b"),
            Instruction("2", "math", "Add 1 and 1", response="2"),
        ),
    )
    request = ablation_request(
        ModelChoice("m", "/m"), UnitSets(("code", "math"), members), "code", instructions
    )
    assert request.neurons == ((1,), (1,))
    assert len(request.random) == RANDOM_SETS
    # The only neurons outside the set are 0 and 2.
    assert {len(set(layer) - {0, 2}) for each in request.random for layer in each} == {0}
    assert request.instructions == (
        AnsweredInstruction("code", "Sort\n\nb, a", " a, b"),
        AnsweredInstruction("math", "Add 1 and 1", " 2"),
    )


def test_random_sets_may_be_as_active_as_the_set_and_how_active_is_said():
    members = np.zeros((2, 100), dtype=bool)
    members[0, :3], members[1, 3:6] = True, True
    mean = np.linspace(0, 1, 100).astype(np.float32)
    mean[:3] = (0.85, 0.9, 0.95)
    nothing = np.zeros((0, 0), np.uint16)
    layer = LayerFrequencies(np.array([0, 100]), nothing, mean, nothing, mean[:0])
    frequencies = Frequencies("m", "code", 9, 99, (layer,), (), 0.0)
    given = (ModelChoice("m", "/m"), UnitSets(("code", "math"), (members,)), "code")
    instructions = InstructionSet("own", (Instruction("1", "code", "Sort", response="a"),))
    plain = ablation_request(*given, instructions, count=20)
    matched = ablation_request(*given, instructions, count=20, activity=frequencies)
    shares = [
        np.mean([mean[list(each[0])].mean() for each in request.random])
        for request in (plain, matched)
    ]
    assert shares[0] < 0.7
    assert shares[1] == pytest.approx(0.9, abs=0.05)
    said = activity_note(matched, frequencies, "activity")
    assert said == (
        "The 3 neurons unique to code are active at 90% of the tokens of its instructions on "
        f"average, the random ones, matched by activity, at {shares[1]:.0%}."
    )
