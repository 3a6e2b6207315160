"""How good a map's estimates are, measured on photos that their calibration was not learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_runner.keys import key
from vpr_runner.locate.calibrate import Asked, errors, learn

if TYPE_CHECKING:
    from vpr_runner.maps.places import Places

__all__ = ["as_text", "judge"]

CUTS = (5, 25, 100)


def judge(
    asked: Asked, places: Places, *, floor: float, within: float, precision: float, seed: int = 0
) -> dict[str, Any]:
    """Return the errors of estimates, each under a calibration that was learnt from the other half of the photos.

    The halves are drawn at random; photos of one walk may land in both, so new areas may go worse than this says.
    """
    half = np.random.default_rng(key(seed, "halves")).permutation(len(asked))
    parts = np.array_split(half, 2)
    off, radius = np.empty(len(asked)), np.empty(len(asked))
    believed = np.zeros(len(asked), dtype=bool)
    scales = []
    for mine, other in (parts, parts[::-1]):
        learnt = learn(
            asked.some(other), places, floor=floor, within=within, precision=precision, learnt="", rows="", samples=0
        )
        off[mine], spread = errors(asked.some(mine), places, scale=learnt.scale)
        radius[mine] = np.maximum(spread, floor) * learnt.stretch
        believed[mine] = [learnt.believes(distance) for distance in asked.distances[mine, 0]]
        scales.append(learnt.scale)
    xy = places.metres()
    assert xy is not None
    first = np.linalg.norm(xy[asked.rows[:, 0]] - asked.truth, axis=1)
    generator = np.random.default_rng(key(seed, "difference"))
    drawn = [generator.integers(0, len(asked), len(asked)) for _ in range(1000)]
    difference = [float(np.median(off[some]) - np.median(first[some])) for some in drawn]
    bins = np.array_split(np.argsort(asked.distances[:, 0], kind="stable"), 5)
    return {
        "photos": len(asked),
        "within": within,
        "precision": precision,
        "scales": scales,
        "median_error": {"first_answer": float(np.median(first)), "estimate": float(np.median(off))},
        "difference_of_medians": {
            "value": float(np.median(off) - np.median(first)),
            "interval": [float(np.percentile(difference, 2.5)), float(np.percentile(difference, 97.5))],
        },
        "share_within": {
            str(cut): {"first_answer": float((first <= cut).mean()), "estimate": float((off <= cut).mean())}
            for cut in CUTS
        },
        "refused": float((~believed).mean()),
        "believed": {
            "photos": int(believed.sum()),
            "first_right": int((first[believed] <= within).sum()),
            "median_error": float(np.median(off[believed])) if believed.any() else None,
            "within_radius": float((off <= radius)[believed].mean()) if believed.any() else None,
        },
        "reliability": [
            {
                "distance": [float(asked.distances[some, 0].min()), float(asked.distances[some, 0].max())],
                "photos": len(some),
                "first_right": float((first[some] <= within).mean()),
                "median_error": float(np.median(off[some])),
                "within_radius": float((off[some] <= radius[some]).mean()),
                "believed": float(believed[some].mean()),
            }
            for some in bins
        ],
    }


def as_text(found: dict[str, Any]) -> str:
    """Return what `judge` found, for people."""
    medians, difference, believed = found["median_error"], found["difference_of_medians"], found["believed"]
    low, high = difference["interval"]
    verdict = "better" if high < 0 else "worse" if low > 0 else "neither better nor worse than chance explains"
    lines = [
        f"on the half of {found['photos']} photos that was not learnt from, and the other way round:",
        f"  median error  estimate {medians['estimate']:.1f} m, first answer {medians['first_answer']:.1f} m",
        f"                difference {difference['value']:+.1f} m, 95 %: {low:+.1f} .. {high:+.1f}: {verdict}",
        *(
            f"  within {cut:>3} m  estimate {100 * one['estimate']:.1f} %, "
            f"first answer {100 * one['first_answer']:.1f} %"
            for cut, one in found["share_within"].items()
        ),
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
