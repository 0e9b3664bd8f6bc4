"""A pace is that of the last steps, whatever came before."""

from __future__ import annotations

import pytest

from app.jobs.pace import Pace


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_even_steps_have_their_rate_and_rest():
    clock = Clock()
    pace = Pace(clock)
    for done in range(5):
        clock.now = 2.0 * done
        pace.reached(done)
    assert pace.per_second == pytest.approx(0.5)
    assert pace.seconds_left(10) == pytest.approx(12.0)
    assert pace.seconds_left(None) is None


def test_what_the_cache_answered_at_once_is_forgotten():
    clock = Clock()
    pace = Pace(clock)
    for done in range(1000):
        pace.reached(done)
    for done in range(1000, 1040):
        clock.now += 4.0
        pace.reached(done)
    assert pace.seconds_left(1139) == pytest.approx(400.0)


def test_many_steps_a_second_have_a_rate_too():
    clock = Clock()
    pace = Pace(clock)
    for done in range(3000):
        clock.now = done / 200
        pace.reached(done)
    assert pace.per_second == pytest.approx(200.0)
    assert len(pace._seen) < 1100


def test_a_first_step_or_a_moment_says_nothing_of_the_rest():
    clock = Clock()
    pace = Pace(clock)
    assert pace.per_second is None
    pace.reached(0)
    clock.now = 0.2
    pace.reached(7)
    assert pace.per_second is None
    assert pace.seconds_left(100) is None


def test_the_same_count_said_again_is_no_step():
    clock = Clock()
    pace = Pace(clock)
    for _ in range(100):
        pace.reached(3)
    clock.now = 10.0
    pace.reached(5)
    assert pace.per_second == pytest.approx(0.2)
