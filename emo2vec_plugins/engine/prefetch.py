"""Running generators ahead of a consumer, in threads, in order and within a budget.

No thread waits for the consumer: a generator that is far enough ahead is paused, and resumes in any
free thread after the consumer has taken some of its parts. So threads cannot deadlock, in whatever
order generators end, and the consumer may stop at any time.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Task(Generic[Item, Part]):
    """One generator and the item it belongs to.

    Attributes:
        item: Yielded with the parts.
        parts: The generator, run in any thread but never in two at once; None for none. It may
            yield None between parts as a point to stop; None is not passed on.
        weight: Estimated total weight of the parts.
        serial_group: Tasks of one group run one after another, in order; tasks without a group
            run at any time.
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

    The calling thread reads *tasks* ahead, by at most *budget* and one more task. An error in
    *tasks* is raised after the earlier tasks, an error in the parts of a task in their place. All
    threads have ended when this generator ends, for any reason, so close it.

    Args:
        tasks: Read lazily.
        workers: Number of threads; with 0 everything runs in the calling thread, on demand.
        budget: Limit of the weight ahead of the consumer; a single task may exceed it by one part.
        most: Limit of the number of tasks ahead of the consumer.
        weigh: Returns the weight of a part.
    """
    if not workers:
        return ((task.item, _present(task.parts or ())) for task in tasks)
    return _Prefetcher(tasks, workers=workers, budget=budget, most=most, weigh=weigh).run()


def _present(parts: Iterable[Part | None]) -> Iterator[Part]:
    return (part for part in parts if part is not None)


def cores() -> int:
    """Return the number of cores available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Run(Generic[Item, Part]):
    """The state of a running task; threads change shared attributes under one lock.

    Attributes:
        left: Weight of the task that still counts as ahead of the consumer.
        ready: Parts that the consumer has not taken yet.
        size: Weight of these parts.
        paused: Whether it is far enough ahead and no thread runs it.
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
        self._left = 0.0  # total weight ahead of the consumer
        self._all_begun = False
        self._failure: Exception | None = None
        self._groups: dict[Hashable, deque[_Run[Item, Part]]] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._context = copy_context()  # threads get what the caller has protected
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="emo2vec-prefetch")

    def run(self) -> Generator[tuple[Item, Iterator[Part]], None, None]:
        try:
            self._begin()
            while self._begun:
                run = self._begun[0]
                yield run.task.item, self._parts(run)
                self._begun.popleft()
                self._consumed(run, run.left)
            if self._failure is not None:
                raise self._failure
        finally:
            # Threads check the flag between two parts, so they end soon and none is left behind.
            with self._changed:
                self._stopped = True
            self._pool.shutdown(cancel_futures=True)

    def _parts(self, run: _Run[Item, Part]) -> Iterator[Part]:
        while True:
            with self._changed:
                while not run.ready and not run.ended:
                    self._changed.wait()
                if not run.ready:
                    break  # ended, and all parts were taken
                part = run.ready.popleft()
                weight = self._weigh(part)
                run.size -= weight
                if run.paused and run.size < self._budget:
                    run.paused = False
                    self._submit(run)
            self._consumed(run, weight)
            yield part
        if run.error is not None:
            raise run.error

    def _consumed(self, run: _Run[Item, Part], weight: float) -> None:
        """Count consumed weight and begin as many tasks as the budget allows."""
        # Weights are estimates: a task that exceeds its estimate must not count below zero.
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
            except Exception as error:  # noqa: BLE001 - raised after the earlier tasks
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
                    return  # the previous task of the group starts it
            self._submit(run)

    def _submit(self, run: _Run[Item, Part]) -> None:
        self._pool.submit(self._context.copy().run, self._advance, run)

    def _advance(self, run: _Run[Item, Part]) -> None:
        """Run a generator in a thread of the pool until it ends or is far enough ahead."""
        parts: Iterator[Part | None] = run.task.parts or iter(())
        while not self._stopped:
            try:
                part = next(parts)
                weight = 0.0 if part is None else self._weigh(part)
            except StopIteration:
                return self._end(run, None)
            except BaseException as error:  # noqa: BLE001 - raised in the consumer
                return self._end(run, error)
            if part is None:
                continue  # only a point to stop
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
                self._submit(serial_group[0])
            else:
                del self._groups[run.task.serial_group]
