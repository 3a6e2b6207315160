"""How far apart two descriptors are, and how wrong float32 arithmetic may be about it.

Engines compare *costs*: ``|q - d|^2`` for ``l2`` and ``-q.d`` for ``ip``. Users see *distances*: ``|q - d|`` and
``1 - q.d``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]

__all__ = ["Metric", "check_metric", "distance_of_cost", "exact_cost", "rounding_bound"]

Metric: TypeAlias = Literal["l2", "ip"]


def check_metric(metric: str) -> None:
    """Raise ValueError unless ``metric`` is known."""
    if metric not in get_args(Metric):
        raise ValueError(f'metric: "{metric}" is unknown; choose "l2" (Euclidean) or "ip" (inner product, unit rows)')


def exact_cost(queries: Float32, rows: Float32, metric: Metric) -> Float64:
    """Cost of each pair ``queries[i], rows[i]``, ``(P, D), (P, D) -> (P,)``, summed in float64.

    The order of summation depends on ``D`` alone, so equal pairs get equal costs wherever they stand and however many
    are asked for at once.
    """
    if metric == "ip":
        product = np.einsum("pd,pd->p", queries.astype(np.float64), rows.astype(np.float64))
        return np.asarray(-product, dtype=np.float64)
    difference = np.subtract(rows, queries, dtype=np.float64)
    return np.asarray(np.einsum("pd,pd->p", difference, difference), dtype=np.float64)


def distance_of_cost(cost: npt.NDArray[np.floating], metric: Metric) -> Float32:
    """Turn costs into the distances that users see, float32. Increasing in the cost."""
    wide = cost.astype(np.float64)
    return (np.sqrt(np.maximum(wide, 0.0)) if metric == "l2" else 1.0 + wide).astype(np.float32)


def rounding_bound(dim: int, query_norms: Float64, largest_norm: float) -> Float64:
    """Return how far a cost computed in float32, in any order of summation, may be from the exact one, ``(Q,)``.

    An inner product of ``D`` terms errs by at most ``min(D, 8 sqrt(D)) u |q| |d|`` with ``u = 2^-24``: the first is
    certain, the second fails with probability below ``2 exp(-32)`` (Higham and Mary 2019, "A new approach to
    probabilistic rounding error analysis", SIAM J. Sci. Comput. 41(5), Theorem 3.1 with lambda = 8). The squared
    distance from norms and inner product errs by that times ``(|q| + |d|)^2``. The last term covers underflow.
    """
    steps = min(float(dim), 8.0 * dim**0.5) + 8.0
    bound = steps * 2.0**-24 * (query_norms + largest_norm) ** 2 + dim * 2.0**-120
    return np.asarray(bound, dtype=np.float64)
