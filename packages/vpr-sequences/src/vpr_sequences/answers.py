"""The answers of a sequence search, and how they are chosen from costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Answers", "cheapest"]


@dataclass(frozen=True, eq=False)
class Answers:
    """The ``k`` best database images of each of ``Q`` queries, best first, ties by position.

    Attributes:
        distance: ``(Q, k)`` float32, the matcher's own cost.
        index: ``(Q, k)`` int64, positions in the database.
    """

    distance: npt.NDArray[np.float32]
    index: npt.NDArray[np.int64]


def cheapest(costs: npt.NDArray[np.float32], k: int) -> Answers:
    """Return the ``k`` smallest of each row of ``costs (b, N)``, equal ones by position."""
    rows, size = costs.shape
    distance, index = np.empty((rows, k), dtype=np.float32), np.empty((rows, k), dtype=np.int64)
    limit = np.partition(costs, k - 1, axis=1)[:, k - 1] if rows and k < size else None
    for row, values in enumerate(costs):
        # All that are as cheap as the last one that counts, so that ties are cut by position and not by chance.
        near = np.arange(size) if limit is None else np.flatnonzero(values <= limit[row])
        index[row] = near[np.argsort(values[near], kind="stable")[:k]]
        distance[row] = values[index[row]]
    return Answers(distance, index)
