"""One position from several answers: the weighted geometric median of those that agree on a place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["agreeing", "geometric_median", "position", "weights"]

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


def agreeing(points: npt.ArrayLike, weight: npt.ArrayLike, *, reach: float) -> Float64Array:
    """Return the weights ``(..., K)`` of answers at ``points (..., K, 2)`` that agree with the place most agree on.

    ``w'_k = w_k exp(-|p_k - p_m|^2 / (2 reach^2))``, normalised, where ``m`` is the answer with the highest density
    ``sum_j w_j exp(-|p_j - p_m|^2 / (2 reach^2))``: the mode of Parzen's kernel density (1962, Annals of Mathematical
    Statistics 33(3)) among the answers; of several the nearest. So several near answers outvote one that stands alone,
    and those of another place pull nothing. An infinite reach leaves the weights as they are.
    """
    places, weight = np.asarray(points, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    if not reach < np.inf:
        return weight
    offsets = places[..., :, None, :] - places[..., None, :, :]
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        near = np.where((offsets == 0).all(-1), 1.0, np.exp(-np.square(offsets).sum(-1) / (2 * reach**2)))
    density = np.where(weight > 0, np.einsum("...kj,...j->...k", near, weight), -1.0)
    chosen = density.argmax(axis=-1)[..., None, None]
    found = weight * np.take_along_axis(near, chosen, axis=-2)[..., 0, :]
    return np.asarray(found / found.sum(axis=-1, keepdims=True))


def geometric_median(points: npt.ArrayLike, weight: npt.ArrayLike, *, steps: int = 100) -> Float64Array:
    """Return ``argmin_y sum_k w_k |y - p_k|`` of points ``(..., K, 2)`` with weights ``(..., K)``: ``(..., 2)``.

    Unlike the mean it stays among the many when one answer is far off, and where one point has half of all weight or
    more, it is that point. Found by Weiszfeld's iteration, with the step of Vardi and Zhang (2000, PNAS 97(4), "The
    multivariate L1-median and associated data depth") where it meets a point, and by Newton's where that is better.
    """
    places, weight = np.asarray(points, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    heaviest = weight.argmax(axis=-1)[..., None, None]
    origin = np.take_along_axis(places, heaviest, axis=-2)
    places = np.where(weight[..., None] > 0, places - origin, 0.0)  # millimetres at 5,000 km would be lost in the sums
    size = np.abs(places).max(axis=(-1, -2))[..., None]
    here = np.einsum("...k,...kd->...d", weight, places) / weight.sum(axis=-1)[..., None]
    for _ in range(steps):
        offsets = places - here[..., None, :]
        away = np.linalg.norm(offsets, axis=-1)
        on = away <= 1e-12 * size
        pull = np.divide(weight, away, out=np.zeros_like(weight), where=~on)
        total, force = pull.sum(axis=-1)[..., None], np.einsum("...k,...kd->...d", pull, offsets)
        step = np.divide(force, total, out=np.zeros_like(force), where=total > 0)
        # On a point of weight `held` the rest moves it only by what is left of its force.
        held, strength = np.where(on, weight, 0.0).sum(axis=-1), np.linalg.norm(force, axis=-1)
        left = 1 - np.divide(held, strength, out=np.full_like(held, np.inf), where=strength > 0)
        step *= np.where(held > 0, np.maximum(left, 0.0), 1.0)[..., None]
        newton = _newton(offsets, pull, force)
        better = _cost(places, weight, here + newton) < _cost(places, weight, here + step)
        step = np.where((better & (held == 0))[..., None], newton, step)
        here = here + step
        if (np.linalg.norm(step, axis=-1)[..., None] <= 1e-10 * size).all():
            break
    # The iteration comes near to a place only slowly, where that is the median.
    costs = np.linalg.norm(places[..., :, None, :] - places[..., None, :, :], axis=-1) @ weight[..., None]
    best = np.take_along_axis(places, costs.argmin(axis=-2)[..., None], axis=-2)[..., 0, :]
    here = np.where((costs.min(axis=(-1, -2)) <= _cost(places, weight, here))[..., None], best, here)
    return np.asarray(here + origin[..., 0, :])


def position(
    points: npt.ArrayLike, distances: npt.ArrayLike, *, scale: float, reach: float = np.inf
) -> tuple[Float64Array, float]:
    """Return where ``K`` answers say that a photo was taken, and how far they are apart.

    Args:
        points: ``(K, 2)`` metres; answers without a position are left out beforehand.
        distances: ``(K,)`` between descriptors.
        scale: of `weights`.
        reach: of `agreeing`, in metres.

    Returns:
        The weighted geometric median ``(2,)``, and the weighted mean distance of the answers from it, in metres.
    """
    weight, places = weights(distances, scale=scale), np.asarray(points, dtype=np.float64)
    if places.shape != (len(weight), 2):
        raise ValueError(f"points must have shape ({len(weight)}, 2), got {places.shape}")
    weight = agreeing(places, weight, reach=reach)
    here = geometric_median(places, weight)
    return here, float(weight @ np.linalg.norm(places - here, axis=1))


def _cost(places: Float64Array, weight: Float64Array, at: Float64Array) -> Float64Array:
    away = np.linalg.norm(places - at[..., None, :], axis=-1)
    return np.asarray((weight * away).sum(axis=-1))


def _newton(offsets: Float64Array, pull: Float64Array, force: Float64Array) -> Float64Array:
    """Return ``H^-1 f`` of the cost: ``f = sum w u``, ``H = sum w (I - u u^T) / r`` ``u = offset / r``; 0: none."""
    east, north = offsets[..., 0], offsets[..., 1]
    squared = east**2 + north**2
    share = np.divide(pull, squared, out=np.zeros_like(pull), where=(squared > 0) & (pull > 0))
    a, b, c = (share * north**2).sum(-1), -(share * east * north).sum(-1), (share * east**2).sum(-1)
    det = a * c - b * b
    found = np.stack([c * force[..., 0] - b * force[..., 1], a * force[..., 1] - b * force[..., 0]], axis=-1)
    solvable = det > 1e-12 * (a + c) ** 2  # all places in a line, otherwise
    return np.asarray(np.divide(found, det[..., None], out=np.zeros_like(found), where=solvable[..., None]))
