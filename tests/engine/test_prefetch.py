"""Generators run ahead in threads, in order and within a budget, and leave no thread behind."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.engine.prefetch import Task, prefetch

WORKERS = [0, 1, 3]


def ahead_of(tasks, *, workers=3, budget=10.0, most=100, weigh=lambda _: 1.0):
    return prefetch(tasks, workers=workers, budget=budget, most=most, weigh=weigh)


def collected(tasks, **options):
    with closing(ahead_of(tasks, **options)) as results:
        return [(item, list(parts)) for item, parts in results]


def readers():
    return [each for each in threading.enumerate() if each.name.startswith("emo2vec-prefetch")]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert readers() == []


@given(
    counts=st.lists(st.integers(0, 12), max_size=8),
    groups=st.lists(st.sampled_from([None, "a", "b"]), min_size=8, max_size=8),
    workers=st.sampled_from(WORKERS),
    budget=st.sampled_from([0.5, 3.0, 100.0]),
    most=st.integers(1, 8),
)
def test_all_parts_are_yielded_in_order_with_any_limits(counts, groups, workers, budget, most):
    tasks = [
        Task(name, iter(range(count)), weight=count, serial_group=serial_group)
        for name, (count, serial_group) in enumerate(zip(counts, groups, strict=False))
    ]

    found = collected(tasks, workers=workers, budget=budget, most=most)

    assert found == [(name, list(range(count))) for name, count in enumerate(counts)]


@pytest.mark.parametrize("workers", WORKERS)
def test_tasks_without_parts_keep_their_place(workers):
    tasks = [Task("a"), Task("b", iter([1])), Task("c"), Task("d")]

    found = collected(tasks, workers=workers)

    assert found == [("a", []), ("b", [1]), ("c", []), ("d", [])]


def test_the_next_task_runs_while_one_is_being_consumed():
    made = threading.Event()

    def second():
        made.set()
        yield 2

    with closing(ahead_of([Task("a", iter([1])), Task("b", second())], workers=1)) as results:
        _, parts = next(results)
        assert next(parts) == 1
        assert made.wait(timeout=60)


@pytest.mark.parametrize("workers", [1, 3])
def test_generators_stay_within_the_budget(workers):
    made = used = 0
    most = 0

    def endless():
        nonlocal made
        while True:
            made += 1
            yield made

    with closing(ahead_of([Task("a", endless(), weight=10.0)], workers=workers)) as results:
        _, parts = next(results)
        for used in range(1, 500):
            assert next(parts) == used
            most = max(most, made - used)

    assert used == 499
    assert most <= 10


def test_tasks_are_begun_within_the_budget():
    begun = 0

    def tasks():
        nonlocal begun
        for name in range(100):
            begun += 1
            yield Task(name, iter([name]), weight=3.0)

    with closing(ahead_of(tasks(), budget=10.0, weigh=lambda _: 3.0)) as results:
        for name, parts in results:
            assert list(parts) == [name]
            assert begun <= name + 1 + 4


def test_the_number_of_tasks_ahead_is_limited():
    begun = 0

    def tasks():
        nonlocal begun
        for name in range(100):
            begun += 1
            yield Task(name)

    with closing(ahead_of(tasks(), most=7)) as results:
        next(results)
        assert begun == 7


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_consecutive_long_tasks_do_not_deadlock(workers):
    tasks = [Task(name, iter(range(200)), weight=3.0) for name in range(6)]

    found = collected(tasks, workers=workers, budget=10.0)

    assert [len(parts) for _, parts in found] == [200] * 6


def test_tasks_of_a_serial_group_run_one_after_another_in_order():
    running, order, clashes = set(), [], []

    def parts(name, serial_group):
        clashes.extend([name] * (serial_group in running))
        running.add(serial_group)
        order.append(name)
        time.sleep(0.001)
        yield name
        running.discard(serial_group)

    tasks = [Task(name, parts(name, name % 2), serial_group=name % 2) for name in range(40)]
    collected(tasks, workers=4)

    assert clashes == []
    for serial_group in (0, 1):
        assert [name for name in order if name % 2 == serial_group] == list(
            range(serial_group, 40, 2)
        )


def test_tasks_without_a_serial_group_run_at_the_same_time():
    meeting = threading.Barrier(3, timeout=60)

    def parts(name):
        meeting.wait()
        yield name

    found = collected([Task(name, parts(name)) for name in range(3)], workers=3)

    assert found == [(0, [0]), (1, [1]), (2, [2])]


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("kind", [ValueError, SystemExit])
def test_an_error_in_the_parts_is_raised_in_their_place(workers, kind):
    def broken():
        yield 1
        raise kind("broken")

    tasks = [Task("a", iter([0])), Task("b", broken()), Task("c", iter([2]))]
    found = []

    with closing(ahead_of(tasks, workers=workers)) as results, pytest.raises(kind, match="broken"):
        found.extend(part for _, parts in results for part in parts)

    assert found == [0, 1]


@pytest.mark.parametrize("workers", WORKERS)
def test_an_error_in_the_tasks_is_raised_after_the_earlier_tasks(workers):
    def tasks():
        yield Task("a", iter([0]))
        yield Task("b", iter([1, 2]))
        raise ValueError("no more")

    found = []

    results = ahead_of(tasks(), workers=workers)
    with closing(results), pytest.raises(ValueError, match="no more"):
        found.extend(part for _, parts in results for part in parts)

    assert found == [0, 1, 2]


def test_an_error_while_weighing_is_raised():
    results = ahead_of([Task("a", iter([0]))], weigh=lambda part: 1 / part)
    with closing(results), pytest.raises(ZeroDivisionError):
        list(next(results)[1])


@pytest.mark.parametrize("stop_at", ["item", "part"])
def test_closing_stops_everything(stop_at):
    closed = []

    def endless(name):
        try:
            while True:
                time.sleep(0.0001)
                yield name
        finally:
            closed.append(name)

    def tasks():
        try:
            for name in range(100):
                yield Task(name, endless(name), weight=4.0)
        finally:
            closed.append("tasks")

    results = ahead_of(tasks())
    _, parts = next(results)
    if stop_at == "part":
        next(parts)
    assert readers()
    results.close()
    del parts

    assert readers() == []
    assert "tasks" in closed
    assert 0 in closed


def test_nothing_runs_before_the_first_item_is_requested():
    def tasks():
        yield Task("a", iter([1]))
        raise AssertionError("read too early")

    results = ahead_of(tasks())
    results.close()

    assert readers() == []
