"""Descriptors of what was seen, in bounded room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Memory"]

FIRST = 256


class Memory:
    """Keeps ``capacity`` descriptors at most.

    When it is full, every second of those that are kept is forgotten, and from then on only every second image is kept:
    a drive of any length stays covered evenly from its beginning, twice as coarsely each time. Room is taken as it is
    needed.

    Args:
        capacity: descriptors, at least 2.

    Raises:
        ValueError: ``capacity`` is below 2.
    """

    def __init__(self, *, capacity: int) -> None:
        if capacity < 2:
            raise ValueError(f"capacity must be at least 2 images, got {capacity}")
        self.capacity = capacity
        self.stride = 1
        """Images of which one is kept."""
        self._size = 0
        self._rows: npt.NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
        self._numbers: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._times: npt.NDArray[np.float64] = np.empty(0, dtype=np.float64)

    def __len__(self) -> int:
        return self._size

    @property
    def bytes(self) -> int:
        """Bytes that are taken."""
        return self._rows.nbytes + self._numbers.nbytes + self._times.nbytes

    @property
    def coarseness(self) -> float:
        """Mean seconds between images that are kept, once some are left out; 0 before."""
        if self.stride == 1 or self._size < 2:
            return 0.0
        return float((self._times[self._size - 1] - self._times[0]) / (self._size - 1))

    @property
    def dim(self) -> int | None:
        """Length of a descriptor; None before the first."""
        return self._rows.shape[1] if self._size else None

    def keep(self, row: npt.NDArray[np.float32], *, number: int, time: float) -> None:
        """Add image ``number``, or leave it out where images are kept more coarsely by now."""
        if number % self.stride:
            return
        if self._size == self.capacity:
            self._forget()
            if number % self.stride:
                return
        if self._size == len(self._rows):
            self._grow(len(row))
        self._rows[self._size], self._numbers[self._size], self._times[self._size] = row, number, time
        self._size += 1

    def nearest(
        self, row: npt.NDArray[np.float32], *, before: float, count: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return numbers, times and distances of the ``count`` nearest images taken at ``before`` or earlier."""
        old = int(np.searchsorted(self._times[: self._size], before, side="right"))
        count = min(count, old)
        if not count:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
        cosine = (self._rows[:old] @ row).astype(np.float64)
        least = np.partition(cosine, old - count)[old - count]
        near = np.flatnonzero(cosine >= least)
        near = near[np.argsort(-cosine[near], kind="stable")[:count]]
        distance = np.linalg.norm(self._rows[near].astype(np.float64) - row.astype(np.float64), axis=1)
        order = np.argsort(distance, kind="stable")  # products of float32 round what is nearly the same
        return self._numbers[near[order]], self._times[near[order]], distance[order]

    def _forget(self) -> None:
        self.stride *= 2
        kept = np.flatnonzero(self._numbers[: self._size] % self.stride == 0)
        for values in (self._rows, self._numbers, self._times):
            values[: len(kept)] = values[kept]
        self._size = len(kept)

    def _grow(self, dim: int) -> None:
        room = min(self.capacity, max(FIRST, 2 * len(self._rows)))
        rows = np.empty((room, dim), dtype=np.float32)
        numbers, times = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.float64)
        rows[: self._size] = self._rows[: self._size] if self._size else 0
        numbers[: self._size], times[: self._size] = self._numbers[: self._size], self._times[: self._size]
        self._rows, self._numbers, self._times = rows, numbers, times
