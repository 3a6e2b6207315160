"""Mutual nearest neighbours of local features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Int64 = npt.NDArray[np.int64]

__all__ = ["mutual_nearest"]


def mutual_nearest(one: Float32, other: Float32) -> tuple[Int64, Int64]:
    """Return the pairs of features that are each other's nearest: positions in ``one`` and in ``other``, rising.

    Args:
        one: ``(n, D)`` unit rows.
        other: ``(m, D)`` unit rows. Of equally near features the first counts.

    Raises:
        ValueError: other dimensions.
    """
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1]:
        raise ValueError(f"local features of shapes {one.shape} and {other.shape}; both are (n, D) with one D")
    if not len(one) or not len(other):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    similarity = one.astype(np.float32, copy=False) @ other.astype(np.float32, copy=False).T
    forth, highest = similarity.argmax(axis=1), similarity.max(axis=0)
    rows = np.arange(len(one))
    if np.count_nonzero(similarity == highest) == len(other):
        # The highest of each column stands in one row, which is the nearest: numpy takes maxima down the columns of a
        # matrix many at a time, their places one after the other.
        mutual = np.flatnonzero(similarity[rows, forth] == highest[forth])
    else:
        mutual = np.flatnonzero(similarity.argmax(axis=0)[forth] == rows)
    return mutual, forth[mutual]
