"""Rows of different length in two flat arrays: the ground truth of many queries without a Python list for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

__all__ = ["Rows"]

Int64Array = npt.NDArray[np.int64]


class Rows(Sequence[Int64Array]):
    """An immutable sequence of int64 arrays; row ``i`` is ``values[offsets[i]:offsets[i + 1]]``.

    >>> rows = Rows.from_rows([[3, 1], [], [2]])
    >>> len(rows), rows[0].tolist(), rows.lengths.tolist()
    (3, [3, 1], [2, 0, 1])
    """

    def __init__(self, values: Int64Array, offsets: Int64Array) -> None:
        if offsets.ndim != 1 or len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(values):
            raise ValueError(f"offsets must begin with 0 and end with {len(values)}, the number of values")
        if (np.diff(offsets) < 0).any():
            raise ValueError("offsets must not decrease")
        self.values = values
        self.offsets = offsets

    @classmethod
    def from_rows(cls, rows: Iterable[npt.ArrayLike]) -> Rows:
        """Join arrays."""
        arrays = [np.asarray(row, dtype=np.int64).reshape(-1) for row in rows]
        offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
        return cls(np.concatenate([np.zeros(0, dtype=np.int64), *arrays]), offsets)

    @classmethod
    def from_pairs(cls, row: Int64Array, value: Int64Array, count: int) -> Rows:
        """Collect pairs ``(row, value)`` into ``count`` rows; each row sorted and without repetition."""
        order = np.lexsort((value, row))
        row, value = row[order], value[order]
        keep = np.ones(len(row), dtype=bool)
        keep[1:] = (row[1:] != row[:-1]) | (value[1:] != value[:-1])
        lengths = np.bincount(row[keep], minlength=count)
        offsets = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(np.ascontiguousarray(value[keep], dtype=np.int64), offsets)

    @property
    def lengths(self) -> Int64Array:
        """Number of values in each row."""
        return np.diff(self.offsets)

    @property
    def row_of_value(self) -> Int64Array:
        """Row of every entry of ``values``."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    def union(self, other: Rows) -> Rows:
        """Return the sorted union, row by row."""
        if len(self) != len(other):
            raise ValueError(f"other has {len(other)} rows, this has {len(self)}")
        row = np.concatenate([self.row_of_value, other.row_of_value])
        return Rows.from_pairs(row, np.concatenate([self.values, other.values]), len(self))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> Int64Array: ...
    @overload
    def __getitem__(self, index: slice) -> list[Int64Array]: ...
    def __getitem__(self, index: int | slice) -> Int64Array | list[Int64Array]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return self.values[self.offsets[row] : self.offsets[row + 1]]
