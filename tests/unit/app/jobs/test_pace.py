"""A pace is that of the last steps, whatever came before."""

from __future__ import annotations

import pytest

from app.jobs.pace import Pace


def paced(*steps):
    """A pace with the moments at which so much was done."""
    clock = [0.0]
    pace = Pace(lambda: clock[0])
    for clock[0], done in steps:
        pace.reached(done)
    return pace


def test_even_steps_have_their_rate_and_rest():
    pace = paced(*((2.0 * done, done) for done in range(5)))
    assert pace.per_second == pytest.approx(0.5)
    assert pace.seconds_left(10) == pytest.approx(12.0)
    assert pace.seconds_left(None) is None


def test_what_the_cache_answered_at_once_is_forgotten():
    pace = paced(*((4.0 * max(0, done - 999), done) for done in range(1040)))
    assert pace.seconds_left(1139) == pytest.approx(400.0)


def test_many_steps_a_second_have_a_rate_too():
    pace = paced(*((done / 200, done) for done in range(3000)))
    assert pace.per_second == pytest.approx(200.0)
    assert len(pace._seen) < 1100


def test_a_first_step_or_a_moment_says_nothing_of_the_rest():
    assert paced().per_second is None
    pace = paced((0.0, 0), (0.2, 7))
    assert pace.per_second is None
    assert pace.seconds_left(100) is None


def test_the_same_count_said_again_is_no_step():
    pace = paced(*[(0.0, 3)] * 100, (10.0, 5))
    assert pace.per_second == pytest.approx(0.2)
