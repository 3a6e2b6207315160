"""The result of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Neighbours"]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The ``k`` nearest database images of each of ``Q`` queries, nearest first, ties by index.

    Attributes:
        distance: ``(Q, k)`` float32. Metric ``l2``: Euclidean distance (not squared). Metric ``ip``: ``1 - q.d``.
        index: ``(Q, k)`` int64 positions in the database. -1, with an infinite distance, fills places that nothing was
            found for (approximate indexes, suppression); it stands at the end of a row only.

    Raises:
        ValueError: the two differ in shape, are not ``(Q, k)``, or have another type.
    """

    distance: npt.NDArray[np.float32]
    index: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.distance.ndim != 2 or self.distance.shape != self.index.shape:
            raise ValueError(
                f"distance: shape {self.distance.shape} beside index of shape {self.index.shape}; both must be (Q, k)"
            )
        if self.distance.dtype != np.float32 or self.index.dtype != np.int64:
            raise ValueError(
                f"distance, index: types {self.distance.dtype}, {self.index.dtype}; they must be float32 and int64"
            )

    def __len__(self) -> int:
        return int(self.index.shape[0])

    def first(self, count: int) -> Neighbours:
        """Return the ``count`` nearest of each query, all when there are fewer."""
        if count < 1:
            raise ValueError(f"count: must be at least 1, got {count}")
        return Neighbours(self.distance[:, :count], self.index[:, :count])
