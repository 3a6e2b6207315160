"""How far a mean over queries could be from that over other queries of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float64 = npt.NDArray[np.float64]

__all__ = ["Interval", "bootstrap_interval", "check_values", "resampled_means", "wilson_interval"]

_BLOCK_VALUES = 2**22


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        estimate: the mean itself.
        low: lower end.
        high: upper end.
        level: confidence, 0..1.
    """

    estimate: float
    low: float
    high: float
    level: float


def bootstrap_interval(
    values: npt.NDArray[Any], *, level: float = 0.95, samples: int = 1000, seed: int = 0
) -> Interval:
    """Return the percentile bootstrap interval of the mean of ``values (n,)``, one value a query.

    Queries are drawn with replacement ``samples`` times; the interval spans the middle ``level`` of the means. It takes
    queries as independent: where many show one place, the truth is wider. When all values are equal it has no width;
    `wilson_interval` does better at recalls near 0 or 1. Source: Efron and Tibshirani, 1993, chapter 13.

    Args:
        values: hits (bool or 0/1), or any number per query.
        level: confidence.
        samples: resamplings.
        seed: of the draw; equal seeds give equal intervals.

    Raises:
        ValueError: values are empty or not finite, or ``level`` or ``samples`` is out of range.
    """
    numbers = check_values(values, name="values")
    _check_level(level)
    means = resampled_means(numbers, samples=samples, seed=seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate=float(numbers.mean()), low=float(low), high=float(high), level=level)


def wilson_interval(hits: int, queries: int, *, level: float = 0.95) -> Interval:
    """Return the score interval of a share ``hits / queries``, sound also at 0 and 1.

    ``(p + z^2/2n +- z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n)``. Source: Wilson, JASA 22 (1927).
    """
    _check_level(level)
    if queries < 1 or not 0 <= hits <= queries:
        raise ValueError(f"hits: {hits} of {queries} queries; needs 0 <= hits <= queries and a query")
    share = hits / queries
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = share + z**2 / (2 * queries)
    reach = z * (share * (1 - share) / queries + z**2 / (4 * queries**2)) ** 0.5
    scale = 1 + z**2 / queries
    return Interval(
        estimate=share,
        low=0.0 if hits == 0 else (middle - reach) / scale,
        high=1.0 if hits == queries else (middle + reach) / scale,
        level=level,
    )


def resampled_means(values: Float64, *, samples: int, seed: int) -> Float64:
    """Return the means of ``samples`` draws with replacement of ``values (n,)``, in bounded memory."""
    if samples < 1:
        raise ValueError(f"samples: must be at least 1, got {samples}")
    generator = np.random.default_rng(seed)
    count = len(values)
    # Values that repeat (hits: two of them) need only their multiplicities drawn: one multinomial a resampling.
    distinct, times = np.unique(values, return_counts=True)
    if len(distinct) <= 64:
        drawn = generator.multinomial(count, times / count, size=samples)
        return np.asarray(drawn @ distinct / count, dtype=np.float64)
    means = np.empty(samples, dtype=np.float64)
    step = max(1, _BLOCK_VALUES // count)
    for start in range(0, samples, step):
        size = min(step, samples - start)
        means[start : start + size] = values[generator.integers(count, size=(size, count))].mean(axis=1)
    return means


def check_values(values: npt.NDArray[Any], *, name: str) -> Float64:
    """Return one finite float64 number per query, ``(n,)``."""
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not numbers.size:
        raise ValueError(f"{name}: must be one number for each query, (n,) with n of at least 1, got {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name}: entry {int(np.flatnonzero(~np.isfinite(numbers))[0])} is not finite")
    return numbers


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level: must be between 0 and 1, got {level}")
