"""One position from several answers: a weighted geometric median."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["geometric_median", "position", "weights"]

Float64Array = npt.NDArray[np.float64]


def weights(distances: npt.ArrayLike, *, scale: float) -> Float64Array:
    """Return ``w_k = exp(-(d_k^2 - d_1^2) / scale^2)``, normalised to sum 1, ``(K,)``.

    For unit descriptors ``d^2 = 2 - 2 cos``, so that this is a softmax of cosine similarity at temperature
    ``scale^2 / 2``. A scale of 0 leaves the nearest answer alone.

    Raises:
        ValueError: there are no distances, or one is not finite.
    """
    squared = np.asarray(distances, dtype=np.float64) ** 2
    if squared.ndim != 1 or not len(squared) or not np.isfinite(squared).all():
        raise ValueError(f"distances must be finite numbers, one an answer, got {distances!r}")
    above = squared - squared.min()
    if scale <= 0:
        found = (above == 0).astype(np.float64)
    else:
        with np.errstate(over="ignore"):  # a tiny scale: infinity, and a weight of 0
            found = np.exp(-above / scale**2)
    return np.asarray(found / found.sum())


def geometric_median(points: npt.ArrayLike, weight: npt.ArrayLike, *, steps: int = 200) -> Float64Array:
    """Return ``argmin_y sum_k w_k |y - p_k|`` of points ``(K, 2)`` with weights ``(K,)``.

    Unlike the mean it stays among the many when one answer is far off, and where one point has half of all weight or
    more, it is that point. Found by Weiszfeld's iteration, with the step of Vardi and Zhang (2000, PNAS 97(4), "The
    multivariate L1-median and associated data depth") where it meets a point, and by Newton's where that is better.
    """
    places, weight = np.asarray(points, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    origin = places[int(weight.argmax())]
    places = places - origin  # millimetres of a northing of 5,000 km would be lost in the sums
    size = float(np.abs(places).max(initial=0.0))

    def cost(at: Float64Array) -> float:
        return float(np.linalg.norm(places - at, axis=1) @ weight)

    here = weight @ places / weight.sum()
    for _ in range(steps):
        away = np.linalg.norm(places - here, axis=1)
        on = away <= 1e-12 * size
        pull = weight[~on] / away[~on]
        if not len(pull):
            break
        step = pull @ places[~on] / pull.sum()
        if on.any():
            force = np.linalg.norm(pull @ (places[~on] - here))
            if force <= weight[on].sum():
                break  # no other place is nearer to all
            keep = weight[on].sum() / force
            step = keep * here + (1 - keep) * step
        else:
            newton = _newton(places - here, away, weight)
            if newton is not None and cost(here + newton) < cost(step):
                step = here + newton
        done = np.linalg.norm(step - here) <= 1e-10 * size
        here = step
        if done:
            break
    # The iteration comes near to a place only slowly, where that is the median.
    best = places[int(np.argmin([cost(place) for place in places]))]
    return np.asarray((best if cost(best) <= cost(here) else here) + origin)


def position(points: npt.ArrayLike, distances: npt.ArrayLike, *, scale: float) -> tuple[Float64Array, float]:
    """Return where ``K`` answers say that a photo was taken, and how far they are apart.

    Args:
        points: ``(K, 2)`` metres; answers without a position are left out beforehand.
        distances: ``(K,)`` between descriptors.
        scale: of `weights`.

    Returns:
        The weighted geometric median ``(2,)``, and the weighted mean distance of the answers from it, in metres.
    """
    weight, places = weights(distances, scale=scale), np.asarray(points, dtype=np.float64)
    if places.shape != (len(weight), 2):
        raise ValueError(f"points must have shape ({len(weight)}, 2), got {places.shape}")
    here = geometric_median(places, weight)
    return here, float(weight @ np.linalg.norm(places - here, axis=1))


def _newton(offsets: Float64Array, away: Float64Array, weight: Float64Array) -> Float64Array | None:
    """Return ``-H^-1 g`` of the cost: ``g = -sum w u``, ``H = sum w (I - u u^T) / r`` with ``u = offset / r``."""
    unit = offsets / away[:, None]
    second = np.eye(2) * (weight / away).sum() - (unit * (weight / away)[:, None]).T @ unit
    if abs(np.linalg.det(second)) <= 1e-12 * np.trace(second) ** 2:
        return None  # all places in a line
    return np.asarray(np.linalg.solve(second, weight @ unit))
