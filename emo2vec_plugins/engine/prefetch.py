"""Generators run ahead of their one consumer: in threads, in order, within bounds.

No thread waits for the consumer: a generator that has made enough is paused, and resumes in any
free thread once some of what it made was taken. So threads cannot deadlock, whatever the order in
which generators end, and the consumer may stop anywhere.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Task(Generic[Item, Part]):
    """One generator, and what it is run for.

    Attributes:
        item: Handed back with the parts.
        parts: Run in any thread, but never in two at once; None where there is nothing to run.
            It may give None between parts, where it can be stopped: that is not passed on.
        weight: About how much the parts will weigh together.
        serial_group: Tasks of one group run one after another, in order; without one, at any time.
    """

    item: Item
    parts: Iterator[Part | None] | None = None
    weight: float = 0.0
    serial_group: Hashable | None = None


def prefetch(
    tasks: Iterable[Task[Item, Part]],
    *,
    workers: int,
    budget: float,
    most: int,
    weigh: Callable[[Part], float],
) -> Generator[tuple[Item, Iterator[Part]], None, None]:
    """Yield each task's item with its parts, in order; exhaust the parts before the next item.

    *tasks* is read in the calling thread, ahead by at most *budget* and one task more. What it
    raises is raised after the tasks that came before, what parts raise in their place. All
    threads have ended when this generator has, for whatever reason: close it.

    Args:
        tasks: Read lazily.
        workers: Threads; with 0 everything runs in the calling thread, when it is asked for.
        budget: How much may be ahead, in the unit of *weigh*; of one task, one part more.
        most: Tasks that may be ahead.
        weigh: What a part weighs.
    """
    if not workers:
        return ((task.item, _present(task.parts or ())) for task in tasks)
    return _Prefetcher(tasks, workers=workers, budget=budget, most=most, weigh=weigh).run()


def _present(parts: Iterable[Part | None]) -> Iterator[Part]:
    return (part for part in parts if part is not None)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Run(Generic[Item, Part]):
    """One task while it runs; threads change what they share of it under one lock.

    Attributes:
        left: How much of the task's weight still counts as ahead of the consumer.
        ready: Parts that were made and not taken.
        size: How much these weigh.
        paused: Whether it has made enough, and no thread runs it.
    """

    def __init__(self, task: Task[Item, Part]) -> None:
        self.task = task
        self.left = task.weight
        self.ready: deque[Part] = deque()
        self.size = 0.0
        self.paused = False
        self.ended = task.parts is None
        self.error: BaseException | None = None


class _Prefetcher(Generic[Item, Part]):
    def __init__(
        self,
        tasks: Iterable[Task[Item, Part]],
        *,
        workers: int,
        budget: float,
        most: int,
        weigh: Callable[[Part], float],
    ) -> None:
        self._tasks = iter(tasks)
        self._budget = budget
        self._most = most
        self._weigh = weigh
        self._begun: deque[_Run[Item, Part]] = deque()
        self._left = 0.0  # the weight of all that is ahead
        self._all_begun = False
        self._failure: Exception | None = None
        self._groups: dict[Hashable, deque[_Run[Item, Part]]] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="emo2vec-prefetch")

    def run(self) -> Generator[tuple[Item, Iterator[Part]], None, None]:
        try:
            self._begin()
            while self._begun:
                run = self._begun[0]
                yield run.task.item, self._parts(run)
                self._begun.popleft()
                self._took(run, run.left)
            if self._failure is not None:
                raise self._failure
        finally:
            # Threads look at the flag between two parts: they end soon, and none is left behind.
            with self._changed:
                self._stopped = True
            self._pool.shutdown(cancel_futures=True)

    def _parts(self, run: _Run[Item, Part]) -> Iterator[Part]:
        while True:
            with self._changed:
                while not run.ready and not run.ended:
                    self._changed.wait()
                if not run.ready:
                    break  # ended, and all of it was taken
                part = run.ready.popleft()
                weight = self._weigh(part)
                run.size -= weight
                if run.paused and run.size < self._budget:
                    run.paused = False
                    self._pool.submit(self._advance, run)
            self._took(run, weight)
            yield part
        if run.error is not None:
            raise run.error

    def _took(self, run: _Run[Item, Part], weight: float) -> None:
        """Note that something was consumed, and begin what there is room for now."""
        # Weights are estimates: a task that makes more than it said must not count below zero.
        taken = min(weight, run.left)
        run.left -= taken
        self._left -= taken
        self._begin()

    def _begin(self) -> None:
        while len(self._begun) < self._most and self._left < self._budget:
            task = self._next()
            if task is None:
                return
            self._add(_Run(task))

    def _next(self) -> Task[Item, Part] | None:
        if not self._all_begun:
            try:
                return next(self._tasks)
            except StopIteration:
                self._all_begun = True
            except Exception as error:  # noqa: BLE001 - raised after the tasks before it
                self._all_begun, self._failure = True, error
        return None

    def _add(self, run: _Run[Item, Part]) -> None:
        self._begun.append(run)
        self._left += run.left
        if run.ended:
            return
        with self._changed:
            if run.task.serial_group is not None:
                serial_group = self._groups.setdefault(run.task.serial_group, deque())
                serial_group.append(run)
                if serial_group[0] is not run:
                    return  # the one before it starts it when it ends
            self._pool.submit(self._advance, run)

    def _advance(self, run: _Run[Item, Part]) -> None:
        """In a thread of the pool, run a generator until it ends or has made enough."""
        parts: Iterator[Part | None] = run.task.parts or iter(())
        while not self._stopped:
            try:
                part = next(parts)
                weight = 0.0 if part is None else self._weigh(part)
            except StopIteration:
                return self._end(run, None)
            except BaseException as error:  # noqa: BLE001 - the consumer's to handle
                return self._end(run, error)
            if part is None:
                continue  # only a chance to stop
            with self._changed:
                run.ready.append(part)
                run.size += weight
                run.paused = run.size >= self._budget
                self._changed.notify()
                if run.paused:
                    return None
        return None

    def _end(self, run: _Run[Item, Part], error: BaseException | None) -> None:
        with self._changed:
            run.ended, run.error = True, error
            self._changed.notify()
            serial_group = self._groups.get(run.task.serial_group)
            if serial_group is None or self._stopped:
                return
            serial_group.popleft()
            if serial_group:
                self._pool.submit(self._advance, serial_group[0])
            else:
                del self._groups[run.task.serial_group]
