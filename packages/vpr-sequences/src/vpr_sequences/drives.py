"""Which images belong to one drive, and where each drive begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Int64Array = npt.NDArray[np.int64]

__all__ = ["Drives", "check_side"]


@dataclass(frozen=True, eq=False)
class Drives:
    """``N`` images sorted by drive, those of each in the order of time.

    Attributes:
        order: ``(N,)`` positions as they were given: row ``i`` here is image ``order[i]``.
        first: ``(N,)`` row where the drive of each row begins.
        last: ``(N,)`` row where it ends, itself one of its images.
    """

    order: Int64Array
    first: Int64Array
    last: Int64Array

    @classmethod
    def of(cls, drive: Int64Array) -> Drives:
        """Sort images by their drive's number; the order within a drive stays."""
        order = np.argsort(drive, kind="stable").astype(np.int64)
        numbers = drive[order]
        begins = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])) if len(drive) else np.zeros(0, np.int64)
        lengths = np.diff(np.append(begins, len(drive)))
        return cls(order, np.repeat(begins, lengths), np.repeat(begins + lengths - 1, lengths))

    def __len__(self) -> int:
        return len(self.order)

    def back(self, steps: int) -> Int64Array:
        """Return for each row the one ``steps`` before it in its drive; the first where there are not so many.

        >>> Drives.of(np.array([5, 5, 5, 8, 8])).back(2).tolist()
        [0, 0, 0, 3, 3]
        """
        return np.maximum(np.arange(len(self), dtype=np.int64) - steps, self.first)

    def each(self) -> Iterator[slice]:
        """Yield the rows of each drive."""
        for begin in np.unique(self.first):
            yield slice(int(begin), int(self.last[begin]) + 1)


def check_side(name: str, rows: Any, drive: Any, *, dim: int | None = None) -> None:
    """Refuse descriptors that cannot be compared.

    Raises:
        ValueError: not ``(N, dim)``, not one drive a row, NaN or infinity; names the row.
    """
    if np.ndim(rows) != 2 or (dim is not None and rows.shape[1] != dim):
        raise ValueError(f"{name} must have shape (N, {'D' if dim is None else dim}), got {np.shape(rows)}")
    if np.shape(drive) != rows.shape[:1]:
        raise ValueError(
            f"{name}: {len(rows)} descriptors and drives of shape {np.shape(drive)}; every row has the number of its "
            "drive"
        )
    if np.asarray(drive).dtype.kind not in "iu" and len(rows):
        raise ValueError(f"{name}: drives must be whole numbers, got {np.asarray(drive).dtype}")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise ValueError(f"{name}: row {int(bad[0])} holds NaN or infinity; leave images that could not be read out")
