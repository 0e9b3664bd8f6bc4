"""Orders of prompt tokens, and what their curves are worth, by hand."""

import msgspec
import numpy as np
import pytest

from analysis.models.tokens import Tokens
from analysis.request import ModelChoice
from analysis.saliency.curves import (
    Judged,
    Orders,
    order_of,
    random_orders,
    removable,
    token_weights,
)
from analysis.saliency.request import AttributionRequest
from analysis.saliency.result import Curves
from tests.support.scripted_session import attribution

ROWS = np.array([False, True, True, True, False])


def tokens(*spans):
    return Tokens(tuple(range(len(spans))), ("t",) * len(spans), spans)


def test_special_tokens_always_stay_and_where_there_are_none_the_last_one_does():
    assert removable(tokens(None, (0, 1), (1, 2), None)).tolist() == [False, True, True, False]
    assert removable(tokens((0, 1), (1, 2), (2, 3))).tolist() == [True, True, False]
    assert removable(tokens((0, 1))).tolist() == [False]


def test_every_response_token_with_positive_importance_has_one_vote():
    importance = np.array(
        [[9, 9, 9, 9], [2, 0, -1, 0.5], [1, -3, -1, 0.5], [-5, 8, -2, 0.25], [9, 9, 9, 9]]
    )
    weights = token_weights(importance.astype(np.float32), ROWS)
    assert weights.tolist() == [0, 1 + 0 + 0 + 1, 0.5 + 0 + 0 + 1, 0 + 1 + 0 + 0.5, 0]
    # The second and the third weigh the same.
    assert order_of(weights, ROWS) == (1, 2, 3)
    assert order_of(-weights, ROWS) == (2, 3, 1)


def test_random_orders_have_all_tokens_and_are_the_same_every_time():
    drawn = random_orders(np.arange(30) > 3, 4)
    assert [sorted(each) for each in drawn] == [list(range(4, 30))] * 4
    assert len(set(drawn)) == 4
    assert drawn == random_orders(np.arange(30) > 3, 4)


def test_what_is_asked_are_the_named_orders_then_the_random_ones():
    request = AttributionRequest(
        ModelChoice("demo-tuned", "/tuned"), "Name a city.", chat_template=True, memory_budget=9
    )
    explained = attribution(request)
    weights = np.arange(len(explained.prompt_tokens), dtype=np.float64)
    orders = Orders.of(request, explained, {"up": -weights, "down": weights}, steps=3, random=2)
    asked, rows = orders.request, removable(explained.prompt_tokens)
    assert asked.orders[0] == tuple(np.flatnonzero(rows))
    assert asked.orders[1] == asked.orders[0][::-1]
    assert asked.orders[2:] == random_orders(rows, 2)
    assert (asked.steps, asked.chat_template, asked.prompt) == (3, True, "Name a city.")
    assert asked.response_ids == explained.response_tokens.ids
    other = msgspec.structs.replace(asked, memory_budget=None)
    assert other.key(["one"]) == asked.key(["one"])


@pytest.fixture
def judged():
    deletion = [[-1, -3, -4, -4], [-1, -2, -3, -4], [-1, -1, -1, -4]]
    insertion = [[-4, -2, -1, -1], [-4, -3, -2, -1], [-4, -4, -2, -1]]
    counts = np.array([0, 1, 2, 4])
    arrays = [np.array(each, np.float64) for each in (deletion, insertion)]
    return Judged(("map",), Curves("small", counts, *arrays, 5, "cpu", "float32"))


def test_areas_are_of_trapezoids_over_the_share_of_tokens(judged):
    # Steps of a quarter, a quarter and a half.
    assert judged.area("map", "deletion") == pytest.approx(-2 / 4 - 3.5 / 4 - 4 / 2)
    random = [-1.5 / 4 - 2.5 / 4 - 3.5 / 2, -1 / 4 - 1 / 4 - 2.5 / 2]
    assert judged.chance["deletion"] == pytest.approx(np.mean(random))
    gain = np.mean(random) - judged.area("map", "deletion")
    assert judged.gain("map", "deletion") == pytest.approx(gain)
    assert gain > 0
    inserted = [-3 / 4 - 1.5 / 4 - 1 / 2, -3.5 / 4 - 2.5 / 4 - 1.5 / 2, -4 / 4 - 3 / 4 - 1.5 / 2]
    expected = inserted[0] - np.mean(inserted[1:])
    assert judged.gain("map", "insertion") == pytest.approx(expected)
    assert expected > 0
    (told,) = judged.sentences()
    assert told.startswith(
        "map, in nats a response token: area under deletion -3.375, of random orders -2.250: "
        "better by 1.125; area under insertion "
    )


def test_rows_have_every_step_of_every_curve(judged):
    rows = list(judged.table())
    assert len(rows) == 3 * 2 * 4
    assert rows[1] == ("map", "deletion", 1, 0.25, -3.0, -15.0)
    assert rows[4] == ("map", "insertion", 0, 0.0, -4.0, -20.0)
    assert {row[0] for row in rows} == {"map", "random 1", "random 2"}


def test_a_mean_over_cases_reads_curves_between_their_steps(judged):
    found = judged.mean_curves("deletion", (0.0, 0.125, 0.75))
    assert found["map"].tolist() == [-1, -2, -4]
    assert found["random"].tolist() == [-1, -1.25, -3.0]
