"""Is one method better than another on the same queries, or could that be chance?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vpr_eval.intervals import check_values, resampled_means

if TYPE_CHECKING:
    import numpy.typing as npt

    Float64 = npt.NDArray[np.float64]

__all__ = ["PairedTest", "mcnemar", "paired_test"]

_BLOCK_VALUES = 2**23


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """The first method against the second on the same queries.

    Attributes:
        difference: mean of first minus mean of second.
        low: lower end of the bootstrap interval of the difference.
        high: upper end.
        level: confidence of the interval.
        p_value: two-sided, of no difference.
        method: ``mcnemar`` (hits) or ``sign_flips`` (other numbers).
        first_better: number of queries on which the first is better.
        second_better: number on which the second is.
    """

    difference: float
    low: float
    high: float
    level: float
    p_value: float
    method: Literal["mcnemar", "sign_flips"]
    first_better: int
    second_better: int


def paired_test(
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    *,
    level: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> PairedTest:
    """Compare two methods query by query.

    Hits (all values 0 or 1): McNemar's exact test, `mcnemar`. Other numbers (average precision, hits averaged over
    seeds): a permutation test that flips the sign of each query's difference, ``(1 + #{|flipped| >= |seen|}) / (1 +
    samples)`` of the mean. The interval is a percentile bootstrap over queries of the difference.

    Args:
        first: ``(n,)`` one value for each query.
        second: ``(n,)`` the other method on the same queries in the same order.
        level: confidence of the interval.
        samples: resamplings, and sign flips.
        seed: of both.

    Raises:
        ValueError: the two differ in length, are empty or not finite, or an option is out of range.
    """
    left, right = check_values(first, name="first"), check_values(second, name="second")
    if left.shape != right.shape:
        raise ValueError(f"first: {len(left)} queries beside {len(right)} of second; both must be tested on the same")
    if not 0 < level < 1:
        raise ValueError(f"level: must be between 0 and 1, got {level}")
    difference = left - right
    means = resampled_means(difference, samples=samples, seed=seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    better, worse = int(np.count_nonzero(difference > 0)), int(np.count_nonzero(difference < 0))
    hits = bool(np.isin(left, (0.0, 1.0)).all() and np.isin(right, (0.0, 1.0)).all())
    return PairedTest(
        difference=float(difference.mean()),
        low=float(low),
        high=float(high),
        level=level,
        p_value=mcnemar(better, worse) if hits else _sign_flips(difference, samples=samples, seed=seed),
        method="mcnemar" if hits else "sign_flips",
        first_better=better,
        second_better=worse,
    )


def mcnemar(first_only: int, second_only: int) -> float:
    """Return McNemar's exact two-sided p-value, ``min(1, 2 P[Binomial(b + c, 1/2) <= min(b, c)])``.

    ``b`` queries are right by the first method only, ``c`` by the second only; the others say nothing. Source: McNemar,
    Psychometrika 12 (1947), in its exact form. Computed in whole numbers, so it is right for any count.

    Example:
        >>> mcnemar(1, 5)
        0.21875
    """
    if first_only < 0 or second_only < 0:
        raise ValueError(f"first_only, second_only: must be at least 0, got {first_only}, {second_only}")
    trials, fewer = first_only + second_only, min(first_only, second_only)
    ways = term = 1
    for chosen in range(fewer):
        term = term * (trials - chosen) // (chosen + 1)
        ways += term
    # Python divides whole numbers of any length with one rounding, to 0.0 where a float is too coarse.
    return float(min(1.0, 2 * ways / 2**trials))


def _sign_flips(difference: Float64, *, samples: int, seed: int) -> float:
    moving = difference[difference != 0.0]
    if not moving.size:
        return 1.0
    generator = np.random.default_rng(seed)
    seen = abs(float(moving.sum()))
    # Sums that are equal but for rounding count as equal.
    limit = seen - 1e-12 * float(np.abs(moving).sum())
    reached = 0
    step = max(1, _BLOCK_VALUES // len(moving))
    for start in range(0, samples, step):
        size = min(step, samples - start)
        signs = generator.integers(2, size=(size, len(moving)), dtype=np.int8)
        flipped = 2.0 * (signs @ moving) - moving.sum()
        reached += int(np.count_nonzero(np.abs(flipped) >= limit))
    return (1 + reached) / (1 + samples)
