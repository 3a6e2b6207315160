"""Sums over the last images of a drive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float64Array = npt.NDArray[np.float64]

__all__ = ["unit_rows", "window_means"]


def window_means(rows: Float64Array, *, before: int, after: int) -> Float64Array:
    """Return the mean of rows ``i - before .. i + after`` for each ``i``, of those that there are.

    >>> window_means(np.array([[1.0], [2.0], [6.0]]), before=1, after=0).ravel().tolist()
    [1.0, 1.5, 4.0]
    """
    total, count = np.zeros_like(rows), np.zeros(len(rows))
    for step in range(-min(before, len(rows) - 1), min(after, len(rows) - 1) + 1):
        here, there = slice(max(0, -step), len(rows) - max(0, step)), slice(max(0, step), len(rows) + min(0, step))
        total[here] += rows[there]
        count[here] += 1
    return total / count[:, None]


def unit_rows(rows: Float64Array) -> Float64Array:
    """Return rows of length 1; what is 0 but for rounding becomes 0."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(length > 1e-12, rows / np.where(length > 1e-12, length, 1), 0)
