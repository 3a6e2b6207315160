"""How good a map's estimates are, measured on photos that their calibration was not learnt from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpr_runner.keys import key
from vpr_runner.locate.calibrate import Asked, errors, learn

if TYPE_CHECKING:
    from vpr_runner.locate.calibration import Calibration
    from vpr_runner.maps.places import Places

__all__ = ["as_text", "judge", "judge_elsewhere"]

CUTS = (5, 25, 100)
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def judge(
    asked: Asked, places: Places, *, floor: float, within: float, precision: float, seed: int = 0
) -> dict[str, Any]:
    """Return the errors of estimates, each under a calibration that was learnt from the other half of the photos.

    The halves are drawn at random; photos of one walk may land in both, so new areas may go worse than this says
    (`judge_elsewhere`).
    """
    half = np.random.default_rng(key(seed, "halves")).permutation(len(asked))
    parts = np.array_split(half, 2)
    off, radius = np.empty(len(asked)), np.empty(len(asked))
    believed = np.zeros(len(asked), dtype=bool)
    used = []
    for mine, other in (parts, parts[::-1]):
        learnt = learn(
            asked.some(other), places, floor=floor, within=within, precision=precision, learnt="", rows="", samples=0
        )
        off[mine], radius[mine], believed[mine] = _under(learnt, asked.some(mine), places, floor=floor)
        used.append(learnt)
    return _judged(asked, places, used, off=off, radius=radius, believed=believed, seed=seed)


def judge_elsewhere(
    asked: Asked, places: Places, learnt: Calibration, *, floor: float, seed: int = 0
) -> dict[str, Any]:
    """Return the same in an area that ``learnt`` knows nothing of: learnt from photos of another map, of one network.

    Args:
        asked: what the map of the new area answered.
        places: of that map.
        learnt: elsewhere; its reach counts in metres.
        floor: least spread, in metres, of that map.
        seed: of the resampling.
    """
    off, radius, believed = _under(learnt, asked, places, floor=floor)
    return _judged(asked, places, [learnt], off=off, radius=radius, believed=believed, seed=seed)


def _under(
    learnt: Calibration, asked: Asked, places: Places, *, floor: float
) -> tuple[Float64Array, Float64Array, BoolArray]:
    """Return errors, radii, and what is believed."""
    off, spread = errors(asked, places, scale=learnt.scale, reach=math.inf if learnt.reach is None else learnt.reach)
    believed = np.array([learnt.believes(distance) for distance in asked.distances[:, 0]], dtype=bool)
    return off, np.maximum(spread, floor) * learnt.stretch, believed


def _judged(
    asked: Asked,
    places: Places,
    used: list[Calibration],
    *,
    off: Float64Array,
    radius: Float64Array,
    believed: BoolArray,
    seed: int,
) -> dict[str, Any]:
    xy, within = places.xy, used[0].within
    assert xy is not None
    first = np.linalg.norm(xy[asked.rows[:, 0]] - asked.truth, axis=1)
    generator = np.random.default_rng(key(seed, "difference"))
    drawn = [generator.integers(0, len(asked), len(asked)) for _ in range(1000)]
    bins = np.array_split(np.argsort(asked.distances[:, 0], kind="stable"), 5)
    return {
        "photos": len(asked),
        "within": within,
        "precision": used[0].precision,
        "scales": [one.scale for one in used],
        "reaches": [one.reach for one in used],
        "median_error": {"first_answer": float(np.median(first)), "estimate": float(np.median(off))},
        "difference_of_medians": _interval(
            float(np.median(off) - np.median(first)), [np.median(off[some]) - np.median(first[some]) for some in drawn]
        ),
        "share_within": {
            str(cut): {"first_answer": float((first <= cut).mean()), "estimate": float((off <= cut).mean())}
            for cut in CUTS
        },
        "difference_within": _interval(
            float((off <= within).mean() - (first <= within).mean()),
            [(off[some] <= within).mean() - (first[some] <= within).mean() for some in drawn],
        ),
        "refused": float((~believed).mean()),
        "believed": {
            "photos": int(believed.sum()),
            "first_right": int((first[believed] <= within).sum()),
            "median_error": float(np.median(off[believed])) if believed.any() else None,
            "median_error_of_first": float(np.median(first[believed])) if believed.any() else None,
            "within_radius": float((off <= radius)[believed].mean()) if believed.any() else None,
        },
        "reliability": [
            {
                "distance": [float(asked.distances[some, 0].min()), float(asked.distances[some, 0].max())],
                "photos": len(some),
                "first_right": float((first[some] <= within).mean()),
                "estimate_right": float((off[some] <= within).mean()),
                "median_error": float(np.median(off[some])),
                "within_radius": float((off[some] <= radius[some]).mean()),
                "believed": float(believed[some].mean()),
            }
            for some in bins
            if len(some)
        ],
    }


def _interval(value: float, resampled: list[Any]) -> dict[str, Any]:
    low, high = (float(np.percentile(resampled, percent)) for percent in (2.5, 97.5))
    return {"value": value, "interval": [low, high]}


def _verdict(difference: dict[str, Any], *, less_is_better: bool) -> str:
    low, high = difference["interval"]
    if not less_is_better:
        low, high = -high, -low
    return "better" if high < 0 else "worse" if low > 0 else "neither better nor worse than chance explains"


def as_text(found: dict[str, Any]) -> str:
    """Return what `judge` found, for people."""
    medians, difference, believed = found["median_error"], found["difference_of_medians"], found["believed"]
    low, high = difference["interval"]
    shares = found["difference_within"]
    spoken = _verdict(difference, less_is_better=True)
    worse, better = (100 * bound for bound in shares["interval"])
    lines = [
        f"on the half of {found['photos']} photos that was not learnt from, and the other way round:",
        f"  median error  estimate {medians['estimate']:.1f} m, first answer {medians['first_answer']:.1f} m",
        f"                difference {difference['value']:+.1f} m, 95 %: {low:+.1f} .. {high:+.1f}: {spoken}",
        *(
            f"  within {cut:>3} m  estimate {100 * one['estimate']:.1f} %, "
            f"first answer {100 * one['first_answer']:.1f} %"
            for cut, one in found["share_within"].items()
        ),
        f"  of {found['within']:g} m       {100 * shares['value']:+.1f} %, 95 %: {worse:+.1f} .. {better:+.1f}: "
        + _verdict(shares, less_is_better=False),
        f"  refused       {100 * found['refused']:.1f} %",
    ]
    if believed["photos"]:
        lines.append(
            f"  believed      {believed['first_right']} of {believed['photos']} right within {found['within']:g} m, "
            f"median error {believed['median_error']:.1f} m, {100 * believed['within_radius']:.0f} % inside the radius"
        )
    lines.append("  distance           photos  first right  median error  inside radius")
    lines += [
        f"  {one['distance'][0]:.4f} .. {one['distance'][1]:.4f}  {one['photos']:>5}"
        f"  {100 * one['first_right']:>9.1f} %  {one['median_error']:>10.1f} m  {100 * one['within_radius']:>11.1f} %"
        for one in found["reliability"]
    ]
    return "\n".join(lines)
