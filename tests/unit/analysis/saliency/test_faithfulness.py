"""What a sample of rows says of a map, and which of two maps it speaks for."""

import msgspec
import numpy as np
import pytest

from analysis.request import ModelChoice
from analysis.saliency.agreement import Agreement
from analysis.saliency.faithfulness import (
    Faithfulness,
    beside_in_words,
    estimated,
    gain_of,
    sampled_rows,
)
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Attribution
from cache.codec import decode, encode
from tests.support.scripted_session import attribution
from tests.unit.analysis.saliency.test_agreement import saliency_map

VISIBLE = np.array([False, *[True] * 20, False])


def test_a_sample_has_one_row_of_each_part_of_the_prompt_and_is_the_same_every_time():
    rows = sampled_rows(VISIBLE, 5)
    assert [(row - 1) // 4 for row in rows.tolist()] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(rows, sampled_rows(VISIBLE, 5))
    # Not always the first of each part.
    assert len({(row - 1) % 4 for row in rows.tolist()}) > 1
    for count in range(1, 21):
        drawn = sampled_rows(VISIBLE, count).tolist()
        assert drawn == sorted(set(drawn))
        assert len(drawn) == count
    np.testing.assert_array_equal(sampled_rows(VISIBLE, 99), np.arange(1, 21))


def test_all_rows_give_the_agreement_of_the_whole_maps_and_few_that_of_their_own():
    random = np.random.default_rng(1)
    first = random.normal(size=(22, 6)).astype(np.float32)
    second = (first + random.normal(size=first.shape)).astype(np.float32)
    for count in (20, 7):
        rows = sampled_rows(VISIBLE, count)
        hidden = sorted({*range(22)} - {*rows.tolist()})
        whole = Agreement(saliency_map(first, hidden), saliency_map(second, hidden)).overall
        found = estimated(first, second[rows], rows, VISIBLE)
        assert (found.pearson, found.spearman) == pytest.approx(whole)
        assert (found.of, found.sampled, found.exact) == (20, count, count == 20)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Faithfulness(64, 16, 0.352, -0.021), "r ≈ 0.35, ρ ≈ -0.02 (16 of 64 tokens)"),
        (Faithfulness(9, 9, 1.0, 0.5), "r 1.00, ρ 0.50 (all 9 tokens)"),
        (Faithfulness(9, 4), "undefined: one of the two does not vary (4 of 9 tokens)"),
        (Faithfulness(9, why="memory ran out"), "not estimated: memory ran out"),
    ],
)
def test_it_is_said_how_many_tokens_an_estimate_rests_on(found, words):
    assert found.words() == words
    assert found.words(ascii_only=True).isascii()


PLAIN, FROZEN = Faithfulness(64, 16, 0.12, 0.1), Faithfulness(64, 16, 0.41, 0.3)


def test_the_better_of_two_maps_is_told_by_a_sign_between_their_numbers():
    assert gain_of(PLAIN, FROZEN) == pytest.approx(0.29)
    assert gain_of(FROZEN, PLAIN) == pytest.approx(-0.29)
    assert beside_in_words(FROZEN, PLAIN, "gradient") == "r ≈ 0.41 > gradient 0.12"
    assert beside_in_words(PLAIN, FROZEN, "frozen norms") == "r ≈ 0.12 < frozen norms 0.41"
    whole = [msgspec.structs.replace(each, sampled=64) for each in (PLAIN, FROZEN)]
    assert beside_in_words(*whole, "frozen norms") == "r 0.12 < frozen norms 0.41"
    assert beside_in_words(PLAIN, FROZEN, "frozen norms", ascii_only=True).isascii()


@pytest.mark.parametrize(
    "other",
    [
        None,
        Faithfulness(64, why="memory ran out"),
        Faithfulness(64, 16),
        # Other tokens: the numbers do not compare.
        Faithfulness(64, 15, 0.41, 0.3),
        Faithfulness(64, 16, 0.12, 0.9),
    ],
)
def test_without_like_estimates_neither_is_better(other):
    assert not gain_of(PLAIN, other)
    assert beside_in_words(PLAIN, other, "frozen norms") == ""


def test_a_result_stored_before_there_were_estimates_still_opens():
    whole = attribution(AttributionRequest(ModelChoice("small", "/small"), "Name a city."))
    whole = msgspec.structs.replace(whole, faithfulness=PLAIN)
    assert decode(encode(whole), Attribution).faithfulness == PLAIN
    stored = msgspec.msgpack.decode(encode(whole))
    del stored["faithfulness"]
    assert decode(msgspec.msgpack.encode(stored), Attribution).faithfulness is None
