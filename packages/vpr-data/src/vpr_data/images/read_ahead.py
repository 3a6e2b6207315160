"""Results of numbered calls, in order, computed by threads a bounded distance ahead of the reader."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["ReadAhead"]

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """Yield ``call(0), call(1), ..., call(count - 1)``; threads work at most ``depth`` calls ahead.

    Decoding and resizing release the interpreter lock, so threads do as much as processes here, start at once and
    leave nothing to pickle. An exception in a call is raised where its result would have come.

    Args:
        call: function of the number; called from several threads.
        count: how many.
        workers: threads; 0 calls in the reader's thread.
        depth: results that may be under way or waiting.
        weigh: bytes of a result; with ``budget`` bounds what is waiting. A call under way counts as the heaviest
            result so far; one is always let through.
        budget: bytes, at most ``workers`` results more.
        known: function of the number that gives a result without work, or None; called in the reader's thread.
    """

    def __init__(
        self,
        call: Callable[[int], T],
        *,
        count: int,
        workers: int,
        depth: int,
        weigh: Callable[[T], int] | None = None,
        budget: int = 0,
        known: Callable[[int], T | None] | None = None,
    ) -> None:
        self._call, self._count, self._workers, self._depth = call, count, workers, max(depth, 1)
        self._weigh, self._budget, self._known = weigh, budget, known
        self._ahead: deque[Future[T] | _Known[T]] = deque()
        # Counted as results come and go: to look at all that is waiting for each new call takes longer than decoding.
        self._lock = Lock()
        self._heaviest, self._weight, self._weighed = -1, 0, 0
        self._results = self._inline() if workers == 0 else self._threaded()

    def __iter__(self) -> Iterator[T]:
        return self._results

    def drain(self) -> list[T]:
        """Return the results already under way, in order; after it the iterator is at its end."""
        results = [future.result() for future in self._ahead]
        self.close()
        return results

    def close(self) -> None:
        """Forget what is under way and end the threads."""
        for future in self._ahead:
            if isinstance(future, Future):
                future.cancel()
        self._ahead.clear()
        self._count = 0

    def _affordable(self) -> bool:
        if self._weigh is None or len(self._ahead) < max(1, self._workers):
            return True
        with self._lock:
            if self._heaviest < 0:  # nobody knows yet what a result weighs: one for each thread, and no more
                return False
            under_way = len(self._ahead) - self._weighed + 1
            return self._weight + under_way * self._heaviest <= self._budget

    def _work(self, number: int) -> T:
        result = self._call(number)
        self._arrived(result, +1)
        return result

    def _arrived(self, result: T, sign: int) -> None:
        if self._weigh is None:
            return
        weight = self._weigh(result)
        with self._lock:
            self._heaviest = max(self._heaviest, weight)
            self._weight += sign * weight
            self._weighed += sign

    def _next(self) -> T:
        first = self._ahead.popleft()
        result = first.result()
        if isinstance(first, Future):
            self._arrived(result, -1)
        return result

    def _inline(self) -> Generator[T]:
        number = 0
        while number < self._count:
            known = None if self._known is None else self._known(number)
            yield self._call(number) if known is None else known
            number += 1

    def _threaded(self) -> Generator[T]:
        pool = ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="vpr-decode")
        number = 0
        try:
            while number < self._count or self._ahead:
                while number < self._count and len(self._ahead) < self._depth and self._affordable():
                    known = None if self._known is None else self._known(number)
                    self._ahead.append(pool.submit(self._work, number) if known is None else _Known(known))
                    number += 1
                yield self._next()
        finally:
            # Not waiting for them: an abandoned iterator ends in the garbage collector, which may run inside the start
            # of a thread, and joining one there waits for a lock that its own thread holds (seen in CPython 3.11).
            pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _Known(Generic[T]):
    """A result that took no work, in the place of a future."""

    value: T

    def result(self) -> T:
        return self.value
