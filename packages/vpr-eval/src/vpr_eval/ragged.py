"""Rows of different length as one array, and membership in them without a loop over queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Int64 = npt.NDArray[np.int64]

__all__ = ["PositionRows", "check_ranking"]


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
        lengths = np.fromiter(map(len, arrays), dtype=np.int64, count=len(arrays))
        values = np.concatenate(arrays).astype(np.int64, copy=False) if lengths.any() else np.empty(0, dtype=np.int64)
        owner = np.repeat(np.arange(len(arrays), dtype=np.int64), lengths)
        if values.size and values.min() < 0:
            row = int(owner[np.argmin(values)])
            raise ValueError(f"{name}: row {row} holds {values.min()}; database positions start at 0")
        self.span = int(values.max()) + 1 if values.size else 1
        keys = owner * self.span + values
        # Sorted keys are almost always given sorted: looking is cheaper than sorting.
        if keys.size > 1 and not np.all(keys[1:] > keys[:-1]):
            keys = np.unique(keys)
        self._keys = keys
        self.counts: Int64 = np.bincount(keys // self.span, minlength=queries).astype(np.int64)

    def contain(self, index: Int64) -> npt.NDArray[np.bool_]:
        """Return whether ``index[q, j]`` is in row ``q``, ``(Q, k)``; -1 never is."""
        inside = (index >= 0) & (index < self.span)
        if not self._keys.size:
            return np.zeros(index.shape, dtype=np.bool_)
        keys = np.arange(len(index), dtype=np.int64)[:, None] * self.span + np.where(inside, index, 0)
        place = np.searchsorted(self._keys, keys)
        found = self._keys[np.minimum(place, len(self._keys) - 1)] == keys
        return np.asarray(found & inside, dtype=np.bool_)
