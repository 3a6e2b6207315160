"""Learning when to believe a map, from photos whose place is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_runner.keys import key
from vpr_runner.locate.calibration import Calibration
from vpr_runner.locate.estimate import agreeing, geometric_median, weights
from vpr_runner.locate.guess import ANSWERS

if TYPE_CHECKING:
    from vpr_runner.maps.places import Places

__all__ = ["LEAST", "REACHES", "SCALES", "Asked", "errors", "learn", "threshold"]

Float64Array = npt.NDArray[np.float64]
SCALES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Scales of the weights that are tried; 0 is the first answer alone."""
REACHES = (1.0, 2.0, 4.0, 8.0, math.inf)
"""Reaches of agreement that are tried, in ways from an image to the next."""
LEAST = 20
"""Photos that a threshold must let through: two of two that were right are no evidence of 99 %."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """Photos whose place is known, and what the map answered.

    Attributes:
        rows: int64 ``(Q, K)`` of the map, nearest first, each with a position; -1 fills up.
        distances: float64 ``(Q, K)``, infinity where the row is -1.
        truth: float64 ``(Q, 2)`` in the metres of the map.
    """

    rows: npt.NDArray[np.int64]
    distances: Float64Array
    truth: Float64Array

    def __len__(self) -> int:
        return len(self.rows)

    def some(self, which: npt.NDArray[np.int64]) -> Asked:
        """Return some of the photos."""
        return Asked(rows=self.rows[which], distances=self.distances[which], truth=self.truth[which])


def errors(asked: Asked, places: Places, *, scale: float, reach: float = math.inf) -> tuple[Float64Array, Float64Array]:
    """Return for each photo how far its estimate is off, and how far its answers lie apart, in metres."""
    xy = places.xy
    assert xy is not None
    rows, distances = asked.rows[:, :ANSWERS], asked.distances[:, :ANSWERS]
    weight = np.zeros(rows.shape)
    for photo, there in enumerate(rows >= 0):
        weight[photo, there] = weights(distances[photo, there], scale=scale)
    points = xy[np.maximum(rows, 0)]
    weight = agreeing(points, weight, reach=reach)
    here = geometric_median(points, weight)
    apart = np.where(weight > 0, np.linalg.norm(points - here[:, None], axis=2), 0.0)
    return np.linalg.norm(here - asked.truth, axis=1), (weight * apart).sum(axis=1)


def threshold(
    distances: Float64Array, right: npt.NDArray[np.bool_], *, precision: float, least: int = 1
) -> float | None:
    """Return the largest ``t`` such that of the photos with ``distance <= t`` a share of ``precision`` is right.

    It is the distance of one of the photos; None where there is no such ``t`` that ``least`` photos lie within.
    """
    order = np.argsort(distances, kind="stable")
    sorted_, kept = distances[order], np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    last_of_its_value = np.append(sorted_[1:] > sorted_[:-1], True) if len(order) else np.zeros(0, dtype=bool)
    good = np.flatnonzero((kept >= precision) & last_of_its_value & (np.arange(1, len(order) + 1) >= least))
    return float(sorted_[good[-1]]) if len(good) else None


def learn(
    asked: Asked,
    places: Places,
    *,
    floor: float,
    within: float,
    learnt: str,
    rows: str,
    precision: float = 0.99,
    coverage: float = 0.9,
    samples: int = 1000,
    seed: int = 0,
) -> Calibration:
    """Return the calibration that some photos teach.

    ``scale`` and ``reach`` have the least mean of ``min(error, within)`` among `SCALES` and `REACHES`; of several the
    first answer alone, or what is nearest to that. An estimate that is farther off than ``within`` is wrong, however
    far: by the median error, of a network that is mostly wrong, estimates would be drawn to the middle of the map.
    ``threshold`` is that of `threshold` for first answers within ``within`` of the truth, of at least `LEAST`
    photos, its interval that of the bootstrap over photos (percentiles 2.5 and 97.5, 0 where a resampling has
    none). ``stretch`` is the ``ceil((n + 1) coverage)``-th smallest of error / max(floor, spread) of the ``n``
    believed photos (of all, where ``n`` is too small for that): split conformal prediction (Lei et al. 2018,
    arXiv:1604.04173, section 5.2), so that of later photos like these at least that share lies within the radius.

    Args:
        asked: what the map answered.
        places: of the map.
        floor: least spread, in metres.
        within: metres within which an answer is right.
        learnt: from what, in words.
        rows: digest of what it belongs to.
        precision: see `threshold`.
        coverage: see above.
        samples: resamplings; 0: no interval.
        seed: of the resampling.

    Raises:
        UsageError: there are fewer than ten photos.
    """
    if len(asked) < 10:
        raise UsageError(
            f"{len(asked)} photos whose place is known and that have an answer; a threshold takes at least 10 (and for "
            "an interval that says something, a few hundred)"
        )
    reaches = REACHES if floor > 0 else (math.inf,)
    tried = [(scale, 2 * floor * step if step < math.inf else math.inf) for scale in SCALES for step in reaches]
    found = {one: errors(asked, places, scale=one[0], reach=one[1]) for one in tried}
    scale, reach = min(tried, key=lambda one: float(np.minimum(found[one][0], within).mean()))
    off, spread = found[scale, reach]
    xy = places.xy
    assert xy is not None
    first = asked.distances[:, 0]
    right = np.linalg.norm(xy[asked.rows[:, 0]] - asked.truth, axis=1) <= within
    limit = threshold(first, right, precision=precision, least=LEAST)
    interval = None
    if limit is not None and samples:
        generator = np.random.default_rng(key(seed, "calibration"))
        drawn = (generator.integers(0, len(asked), len(asked)) for _ in range(samples))
        limits = [threshold(first[some], right[some], precision=precision, least=LEAST) or 0.0 for some in drawn]
        interval = (float(np.percentile(limits, 2.5)), float(np.percentile(limits, 97.5)))
    believed = first <= limit if limit is not None else np.zeros(len(asked), dtype=bool)
    enough = math.ceil((int(believed.sum()) + 1) * coverage) <= believed.sum()
    ratio = np.sort((off / np.maximum(spread, max(floor, 1e-9)))[believed if enough else slice(None)])
    return Calibration(
        threshold=limit,
        interval=interval,
        precision=precision,
        within=within,
        scale=scale,
        reach=reach if reach < math.inf else None,
        stretch=float(ratio[min(len(ratio), math.ceil((len(ratio) + 1) * coverage)) - 1]),
        coverage=coverage,
        photos=len(asked),
        believed=int(believed.sum()),
        right=int(right[believed].sum()),
        learnt=learnt,
        rows=rows,
    )
