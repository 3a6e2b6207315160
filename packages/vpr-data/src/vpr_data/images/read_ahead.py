"""Results of numbered calls, in order, computed by threads a bounded distance ahead of the reader."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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
    ) -> None:
        self._call, self._count, self._workers, self._depth = call, count, workers, max(depth, 1)
        self._weigh, self._budget, self._heaviest = weigh, budget, 0
        self._ahead: deque[Future[T]] = deque()
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
            future.cancel()
        self._ahead.clear()
        self._count = 0

    def _affordable(self) -> bool:
        if self._weigh is None or len(self._ahead) < max(1, self._workers):
            return True
        done = [future for future in self._ahead if future.done() and not future.exception()]
        weights = [self._weigh(future.result()) for future in done]
        self._heaviest = max([self._heaviest, *weights])
        return sum(weights) + (len(self._ahead) - len(done) + 1) * self._heaviest <= self._budget

    def _inline(self) -> Generator[T]:
        number = 0
        while number < self._count:
            yield self._call(number)
            number += 1

    def _threaded(self) -> Generator[T]:
        pool = ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="vpr-decode")
        number = 0
        try:
            while number < self._count or self._ahead:
                while number < self._count and len(self._ahead) < self._depth and self._affordable():
                    self._ahead.append(pool.submit(self._call, number))
                    number += 1
                yield self._ahead.popleft().result()
        finally:
            # Not waiting for them: an abandoned iterator ends in the garbage collector, which may run inside the start
            # of a thread, and joining one there waits for a lock that its own thread holds (seen in CPython 3.11).
            pool.shutdown(wait=False, cancel_futures=True)
