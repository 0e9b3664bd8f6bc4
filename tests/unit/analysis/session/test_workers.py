"""A pool computes ahead on all its workers, each answer once, whatever becomes of a worker."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from analysis.events import Event, Failed, Finished, Progress
from analysis.problems import ProblemError, problem
from analysis.request import Ask
from analysis.session.drive import Asker
from analysis.session.sharing import cards, environments
from analysis.session.workers import TRIES, Share, WorkerPool
from tests.support.scripted_workers import Cache, Case, DiedError, ScriptedWorker, Sum, cases
from tests.support.studies import driven


def pool_of(
    count: int, script: Callable[[Case], Any]
) -> tuple[WorkerPool, list[ScriptedWorker], Cache]:
    """A pool of scripted workers, and what they share."""
    cache = Cache()
    workers = [ScriptedWorker(cache, script) for _ in range(count)]
    return WorkerPool(workers), workers, cache


def square(case: Case) -> int:
    return case.number**2


def ending_of(pool: WorkerPool, request: Case) -> Event:
    """How a request ends that is asked of the pool."""
    found: list[Event] = []
    ended = threading.Event()

    def hear(event: Event) -> None:
        found.append(event)
        ended.set()

    pool.submit(request, hear)
    assert ended.wait(10)
    return found[-1]


def test_all_workers_share_what_the_cache_lacks_and_each_answer_is_computed_once() -> None:
    together = threading.Barrier(3, timeout=30)

    def meet(case: Case) -> int:
        # Each waits for the others: three are computed at the same time.
        if case.number < 3:
            together.wait()
        return square(case)

    pool, workers, cache = pool_of(3, meet)
    asked = cases(40)
    cache.answers[asked[10]] = 100
    kept, said = driven(pool.fill("asking", asked + asked[:5]))
    assert kept
    assert cache.answers == {case: square(case) for case in asked}
    counts = Counter(case.number for worker in workers for case in worker.asked)
    assert counts == dict.fromkeys(set(range(40)) - {10}, 1)
    assert all(worker.asked for worker in workers)
    done = [each.done for each in said if isinstance(each, Progress)]
    assert done == sorted(done)
    assert {each.total for each in said} == {40}


def test_a_request_whose_worker_died_is_tried_on_another_one() -> None:
    lock, died = threading.Lock(), set()

    def script(case: Case) -> int:
        with lock:
            first = case.number not in died
            died.add(case.number)
        if case.number % 4 == 0 and first:
            raise DiedError
        return square(case)

    pool, _, cache = pool_of(2, script)
    assert driven(pool.fill("asking", cases(20)))[0]
    assert len(cache.answers) == 20


@pytest.mark.parametrize("count", [1, 3])
def test_what_kills_three_engines_is_set_aside_with_its_reason_and_the_rest_goes_on(
    count: int,
) -> None:
    tries: Counter[int] = Counter()

    def script(case: Case) -> int:
        tries[case.number] += 1
        if case.number == 7:
            raise DiedError
        return square(case)

    pool, _, cache = pool_of(count, script)
    poison = Case(7)
    assert driven(pool.fill("asking", cases(20)))[0]
    assert tries[7] == TRIES
    assert len(cache.answers) == 19
    ending = ending_of(pool, poison)
    assert isinstance(ending, Failed)
    assert ending.problem.kind == "input"
    assert "3 engines died of it" in ending.problem.what
    assert "SIGKILL" in ending.problem.why
    # It is not tried again, and what it says is no mark of a broken engine.
    assert driven(pool.fill("asking", cases(20)))[0]
    assert tries[7] == TRIES


def test_what_an_engine_died_of_goes_on_in_parts() -> None:
    def script(case: Case) -> int:
        if isinstance(case, Sum):
            raise DiedError
        return square(case)

    pool, workers, cache = pool_of(2, script)
    cache.answers[Case(2)] = 4
    asked = [Sum(4), *cases(8)[4:]]
    kept, said = driven(pool.fill("asking", asked))
    assert kept
    assert cache.answers == {case: square(case) for case in cases(8)} | {Sum(4): 14}
    counts = Counter(case for worker in workers for case in worker.asked)
    assert counts.pop(Sum(4)) == 1
    assert set(counts) == set(cases(8)) - {Case(2)}
    assert {each.done for each in said} <= set(range(len(asked)))


def test_a_few_long_requests_are_spread_over_many_workers() -> None:
    together = threading.Barrier(3, timeout=30)

    def meet(case: Case) -> int:
        assert not isinstance(case, Sum)
        together.wait()
        return square(case)

    pool, _, cache = pool_of(3, meet)
    assert driven(pool.fill("asking", [Sum(3)]))[0]
    assert cache.answers[Sum(3)] == 5


def test_what_has_a_part_that_kills_engines_is_set_aside_and_one_that_fails_is_left() -> None:
    def script(case: Case) -> int:
        if case.number == 1:
            raise DiedError
        if case.number == 3:
            raise problem("input", "It is too long.")
        return square(case)

    pool, _, cache = pool_of(4, script)
    assert driven(pool.fill("asking", [Sum(2)]))[0]
    ending = ending_of(pool, Sum(2))
    assert isinstance(ending, Failed)
    assert "3 engines died of it" in ending.problem.what
    pool, _, cache = pool_of(4, lambda case: -1 if case == Sum(4) else script(case))
    cache.answers[Case(1)] = 1
    assert driven(pool.fill("asking", [Sum(4)]))[0]
    assert isinstance(ending_of(pool, Sum(4)), Finished)


def test_engines_that_die_of_everything_end_the_work() -> None:
    def script(case: Case) -> int:
        raise DiedError

    pool, workers, _ = pool_of(2, script)
    with pytest.raises(ProblemError, match="engine process died"):
        driven(pool.fill("asking", cases(1000)))
    assert sum(len(worker.asked) for worker in workers) < 100


def test_what_fails_otherwise_is_left_to_who_asks() -> None:
    def script(case: Case) -> int:
        if case.number == 3:
            raise problem("input", "It is too long.")
        return square(case)

    pool, workers, cache = pool_of(2, script)
    assert driven(pool.fill("asking", cases(8)))[0]
    assert len(cache.answers) == 7
    asked = sum(case.number == 3 for worker in workers for case in worker.asked)
    assert asked == 1
    ending = ending_of(pool, Case(3))
    assert isinstance(ending, Failed)
    assert str(ending.problem) == "It is too long."


def test_it_stops_where_answers_are_not_kept() -> None:
    pool, workers, cache = pool_of(2, square)
    cache.lost = True
    assert driven(pool.fill("asking", cases(1000)))[0] is False
    assert sum(len(worker.asked) for worker in workers) < 20


def test_it_waits_for_a_worker_that_is_not_ready() -> None:
    pool, workers, cache = pool_of(2, square)
    for worker in workers:
        worker.ready = False
    filling = pool.fill("asking", cases(6))
    for _ in range(3):
        assert next(filling).done == 0  # type: ignore[union-attr]
    workers[1].ready = True
    assert driven(filling)[0]
    assert len(cache.answers) == 6
    assert not workers[0].asked


def test_shards_do_their_own_part_first_and_then_what_is_left() -> None:
    numbers = list(range(20))
    orders = [Share(number, 3).order(numbers) for number in (1, 2, 3)]
    own = [order[: len(numbers[number::3])] for number, order in enumerate(orders)]
    assert own == [numbers[0::3], numbers[1::3], numbers[2::3]]
    assert all(sorted(order) == numbers for order in orders)


def test_an_asker_asks_ahead_and_reads_in_its_own_order() -> None:
    pool, workers, _ = pool_of(2, square)
    asks = [Ask(str(case.number), (case,)) for case in cases(12)]
    found, _ = driven(Asker(pool).answers("asking", asks, lambda answer: answer))
    assert found == [number**2 for number in range(12)]
    assert sum(len(worker.asked) for worker in workers) == 12


def test_without_a_pool_nothing_is_asked_ahead() -> None:
    worker = ScriptedWorker(Cache(), square)
    assert driven(Asker(worker).ahead("asking", cases(3))) == (None, [])
    assert not worker.asked


def test_a_stopped_filling_and_a_closed_pool_leave_no_worker_at_work() -> None:
    pool, workers, _ = pool_of(2, square)
    filling = pool.fill("asking", cases(50))
    next(filling)
    filling.close()
    pool.close()
    assert all(worker.closed for worker in workers)


def test_an_answer_that_is_there_comes_from_the_cache() -> None:
    pool, _, cache = pool_of(2, square)
    cache.answers[Case(4)] = 16
    assert ending_of(pool, Case(4)) == Finished(16, from_cache=True)
    assert pool.cached(Case(4)) == 16
    assert pool.holds(Case(4))
    pool.keep(Case(5), 25)
    assert cache.answers[Case(5)] == 25


def test_engines_get_a_card_each_or_an_equal_share_of_the_cores() -> None:
    assert environments(1, None) == [{}]
    both = environments(2, 3, ("0", "1"))
    assert [each["CUDA_VISIBLE_DEVICES"] for each in both] == ["0", "1"]
    assert {each["OMP_NUM_THREADS"] for each in both} == {"3"}
    three = environments(3, None, ("4", "7"))
    assert [each["CUDA_VISIBLE_DEVICES"] for each in three] == ["4", "7", "4"]
    assert "CUDA_VISIBLE_DEVICES" not in environments(1, 2, ("0",))[0]


def test_cards_are_those_that_the_environment_leaves() -> None:
    assert cards({"CUDA_VISIBLE_DEVICES": "2, 3"}) == ("2", "3")
    assert cards({"CUDA_VISIBLE_DEVICES": ""}) == ()
    assert cards({"CUDA_VISIBLE_DEVICES": "-1"}) == ()
