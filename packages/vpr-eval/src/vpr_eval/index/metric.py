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

__all__ = ["Metric", "check_metric", "distance_of_cost", "exact_cost", "largest_cost", "rounding_bound"]

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


def rounding_bound(dim: int, query_norms: Float64, row_norm: float | Float64, metric: Metric) -> Float64:
    """Return how far the cost of a pair from a float32 matrix product may be from `exact_cost`, ``(Q,)``.

    Proven, for any order of summation, with or without fused operations. Let ``u = 2^-24`` and ``gamma_n = n u / (1 -
    n u)`` (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. 2002, section 3.1: an inner product of
    ``n`` terms has an absolute error of at most ``gamma_n |x|.|y|``; Lemma 3.1: ``k`` more roundings make it
    ``gamma_(n+k)``). With ``|x|.|y| <= |x| |y|`` (Cauchy and Schwarz):

    - ``ip``: ``q.d`` errs by at most ``gamma_D |q| |d|``.
    - ``l2``: ``|d|^2 - 2 q.d + |q|^2``, where ``|d|^2`` is a float32 sum (``gamma_D |d|^2``) that was kept as a norm
      and squared again (3 roundings), the product is doubled (exact) and subtracted (1), and ``|q|^2`` is a float64
      sum: ``gamma_(D+4) (|d|^2 + 2 |q| |d|) + u |q|^2 <= gamma_(D+4) (|q| + |d|)^2``.

    `exact_cost` is itself a float64 sum, wrong by at most ``gamma_(D+3)`` at ``u = 2^-53``: less than one step more of
    float32 while ``D < 2^28``. The norms given are computed ones, so that their true values may be larger by ``1 / (1 -
    gamma)``. Both fit into ``gamma_(D+8) / (1 - gamma_(D+8))``. The rest covers underflow, also where a library has
    told the processor to flush small numbers to zero: each of fewer than ``4 D`` operations loses at most ``2^-126``
    times 1, or times a component, and a norm is smaller than it should be by at most ``sqrt(D) 2^-62``.

    Args:
        dim: ``D``.
        query_norms: ``|q|``, ``(Q,)``.
        row_norm: ``|d|``, or the largest of several; or as many as there are queries, pair by pair.
        metric: of the cost.
    """
    steps = (dim + 8) * 2.0**-24
    if steps >= 0.25:  # above four million dimensions nothing is promised, and everything is checked in float64
        return np.full(len(query_norms), np.inf)
    gamma = steps / (1.0 - steps)
    lost = dim**0.5 * 2.0**-62
    query, row = query_norms + lost, row_norm + lost
    size = query * row if metric == "ip" else (query + row) ** 2
    bound = gamma / (1.0 - gamma) * size + dim * 2.0**-123 * (1.0 + query + row)
    return np.asarray(bound, dtype=np.float64)


def largest_cost(distance: Float32, metric: Metric) -> Float64:
    """Return costs that are at least as large as every cost whose `distance_of_cost` is ``distance`` or less."""
    beyond = np.nextafter(distance, np.float32(np.inf)).astype(np.float64)
    cost = beyond**2 if metric == "l2" else beyond - 1.0
    return np.asarray(cost + 2.0**-50 * np.abs(cost) + 2.0**-1000, dtype=np.float64)
