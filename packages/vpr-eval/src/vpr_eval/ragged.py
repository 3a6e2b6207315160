"""Rows of different length as one array, and membership in them without a loop over queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Int64 = npt.NDArray[np.int64]

__all__ = ["PositionRows", "check_ranking"]

_NOTHING = np.empty(0, dtype=np.int64)
_TABLE_BYTES = 2**22


def check_ranking(index: Any, *, name: str = "index") -> Int64:
    """Return a ``(Q, k)`` ranking as int64, refusing other shapes and types."""
    ranking = np.asarray(index)
    if ranking.ndim != 2 or ranking.dtype.kind not in "iu":
        raise ValueError(f"{name}: must be an integer array (Q, k), got {ranking.dtype} of shape {ranking.shape}")
    if ranking.shape[0] == 0:
        raise ValueError(f"{name}: no queries; there is nothing to evaluate")
    if ranking.shape[1] == 0:
        raise ValueError(f"{name}: no neighbours (shape {ranking.shape}); search with k of at least 1")
    return ranking.astype(np.int64, copy=False)


class PositionRows:
    """Database positions for each of ``Q`` queries; rows need be neither sorted nor free of duplicates.

    Args:
        rows: ``Q`` one-dimensional integer arrays (or lists), none negative.
        queries: ``Q``, to be checked.
        name: how messages call the argument.
    """

    def __init__(self, rows: Sequence[Any], *, queries: int, name: str) -> None:
        if len(rows) != queries:
            raise ValueError(
                f"{name}: {len(rows)} rows for {queries} queries; one row a query is needed (it may be empty)"
            )
        arrays = [np.asarray(row) for row in rows]
        for number, array in enumerate(arrays):
            if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
                raise ValueError(
                    f"{name}: row {number} is {array.dtype} of shape {array.shape}; it must be one-dimensional integers"
                )
        self.counts: Int64 = np.fromiter(map(len, arrays), dtype=np.int64, count=len(arrays))
        self._ends: Int64 = np.cumsum(self.counts)
        self._values = np.concatenate(arrays).astype(np.int64, copy=False) if self.counts.any() else _NOTHING
        if not self._values.size:
            return
        if self._values.min() < 0:
            row = int(np.searchsorted(self._ends, np.argmin(self._values), side="right"))
            raise ValueError(f"{name}: row {row} holds {self._values.min()}; database positions start at 0")
        # Rows are almost always given sorted: looking is cheaper than sorting.
        rises = self._values[1:] > self._values[:-1]
        inner = self._ends[(self._ends > 0) & (self._ends < len(self._values))]
        rises[inner - 1] = True
        if not rises.all():
            self._sort()

    @property
    def largest(self) -> int:
        """The largest position, -1 when there is none."""
        return int(self._values.max(initial=-1))

    def _sort(self) -> None:
        """Sort each row and drop what it holds twice."""
        span = self.largest + 1
        keys = np.unique(np.repeat(np.arange(len(self.counts)), self.counts) * span + self._values)
        self._values = keys % span
        self.counts = np.bincount(keys // span, minlength=len(self.counts)).astype(np.int64)
        self._ends = np.cumsum(self.counts)

    def contain(self, index: Int64) -> npt.NDArray[np.bool_]:
        """Return whether ``index[q, j]`` is in row ``q``, ``(Q, k)``; -1 never is.

        A few queries at a time mark their positions in a table that fits the processor's cache, look, and wipe it.
        """
        found = np.zeros(index.shape, dtype=np.bool_)
        span = min(self.largest, int(index.max(initial=-1))) + 1
        # Two more columns take what cannot be found: one what is beyond the ranking, one what is not in any row.
        width = span + 2
        size = max(1, min(len(index), _TABLE_BYTES // width))
        table = np.zeros(size * width, dtype=np.bool_)
        row_start = np.arange(size, dtype=np.int64) * width
        for first in range(0, len(index), size):
            rows = slice(first, min(first + size, len(index)))
            starts = row_start[: rows.stop - first]
            values = self._values[self._ends[first] - self.counts[first] : self._ends[rows.stop - 1]]
            marks = np.repeat(starts, self.counts[rows]) + np.minimum(values, span)
            asked = index[rows]
            places = starts[:, None] + np.where((asked < 0) | (asked >= span), span + 1, asked)
            table[marks] = True
            found[rows] = table[places]
            table[marks] = False
        return found
