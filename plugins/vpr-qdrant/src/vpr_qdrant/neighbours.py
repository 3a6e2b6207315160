"""The result of a search, and the arithmetic of distances in float64.

Engines compare *costs*: ``|q - d|^2`` for ``l2`` and ``-q.d`` for ``ip``. Users see *distances*: ``|q - d|`` and
``1 - q.d``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]

__all__ = ["Neighbours", "distance_of_cost", "exact_distance", "rounding_bound"]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The ``k`` nearest of each of ``Q`` queries, nearest first, ties by index.

    Attributes:
        distance: ``(Q, k)`` float32.
        index: ``(Q, k)`` int64; -1, with an infinite distance, at the end of a row where a geographic filter left
            fewer than ``k``.
    """

    distance: npt.NDArray[np.float32]
    index: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.index.shape[0])


def distance_of_cost(cost: Float64, metric: str) -> Float32:
    """Turn costs into distances, float32; increasing in the cost."""
    return (np.sqrt(np.maximum(cost, 0.0)) if metric == "l2" else 1.0 + cost).astype(np.float32)


def exact_distance(query: Float32, rows: Float32, metric: str) -> Float32:
    """Distances of one query ``(D,)`` to rows ``(M, D)``, summed in float64 row by row: equal rows, equal distances."""
    if metric == "ip":
        cost = -np.einsum("nd,d->n", rows.astype(np.float64), query.astype(np.float64))
    else:
        difference = rows.astype(np.float64) - query.astype(np.float64)
        cost = np.einsum("nd,nd->n", difference, difference)
    return distance_of_cost(np.asarray(cost, dtype=np.float64), metric)


def rounding_bound(dim: int, query_norm: float, largest_norm: float) -> float:
    """Return how far a cost computed in float32, in any order of summation, may be from the exact one.

    A sum of ``D`` products errs by at most ``min(D, 8 sqrt(D)) u |q| |d|``, ``u = 2^-24``: the first is certain, the
    second fails with probability below ``2 exp(-32)`` (Higham and Mary 2019, SIAM J. Sci. Comput. 41(5), Theorem 3.1).
    Eight more roundings cover the subtraction, the square root that the engine takes and the square that undoes it.
    """
    steps = min(float(dim), 8.0 * dim**0.5) + 8.0
    return float(steps * 2.0**-24 * (query_norm + largest_norm) ** 2 + dim * 2.0**-120)
