"""What is checked before the database sees a number: it takes NaN, and it normalises or rounds without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["UNIT_TOLERANCE", "check_k", "check_positions", "check_radius", "checked_rows"]

UNIT_TOLERANCE = 1e-3
"""How far a norm may be from 1 for the inner product: half precision stays below it, raw descriptors do not."""

LARGEST_NORM = 1e18
"""Squares of longer vectors overflow float32."""


def checked_rows(array: Any, *, name: str, dim: int, unit: bool, offset: int = 0) -> npt.NDArray[np.float32]:
    """Return ``(N, dim)`` float32 rows, contiguous; nothing that is not a number passes, under ``unit`` no other norm.

    Raises:
        TypeError: not a numpy array of float32.
        ValueError: another shape, NaN, infinity, a norm that overflows or is not 1.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: must be a numpy array, got {type(array).__name__}; of a tensor: x.cpu().numpy()")
    if array.dtype != np.float32:
        raise TypeError(f"{name}: type {array.dtype}, must be float32; convert with .astype(np.float32)")
    if array.ndim != 2:
        raise ValueError(f"{name}: shape {array.shape}, must be (N, {dim}); one descriptor alone is x[None]")
    if array.shape[1] != dim:
        raise ValueError(f"{name}: dimension {array.shape[1]}, the database has {dim}; both must come from one model")
    rows = np.ascontiguousarray(array)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        column = int(np.flatnonzero(~np.isfinite(rows[row]))[0])
        raise ValueError(
            f"{name}: row {row + offset} has {rows[row, column]} in column {column} ({int((~finite).sum())} of "
            f"{len(rows)} rows are not finite); find the image it came from and leave it out"
        )
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    wrong = norms > LARGEST_NORM if not unit else np.abs(norms - 1.0) > UNIT_TOLERANCE
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        wanted = f"1 within {UNIT_TOLERANCE:g} under metric ip" if unit else f"at most {LARGEST_NORM:g}"
        other = ", or use metric l2" if unit else ""
        raise ValueError(
            f"{name}: row {row + offset} has norm {norms[row]:.4g} ({int(wrong.sum())} of {len(rows)} rows), must be "
            f"{wanted}: divide each row by its norm{other}"
        )
    return rows


def check_k(k: object, size: int) -> int:
    """Return ``k``, refusing more neighbours than there are descriptors."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise TypeError(f"k: must be an integer, got {k!r}")
    if size == 0:
        raise ValueError("k: the database is empty, nothing can be found in it; add descriptors first")
    if not 1 <= k <= size:
        raise ValueError(f"k: must be from 1 to {size}, the number of descriptors, got {k}")
    return int(k)


def check_positions(array: Any, *, name: str, count: int) -> npt.NDArray[np.float64]:
    """Return ``(count, 2)`` float64 latitudes and longitudes in degrees (WGS 84).

    Raises:
        ValueError: another shape, not finite, or out of range.
    """
    positions = np.asarray(array, dtype=np.float64)
    if positions.shape != (count, 2):
        raise ValueError(f"{name}: shape {positions.shape}, must be ({count}, 2): latitude and longitude of each row")
    limits = np.array([90.0, 180.0])
    wrong = ~(np.abs(positions) <= limits).all(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{name}: row {row} is {positions[row].tolist()}; must be latitude (-90 to 90) and longitude (-180 to 180) "
            "in degrees, in this order; metres (UTM) have to be converted first"
        )
    return positions


def check_radius(radius: object) -> float:
    """Return a radius in metres."""
    if isinstance(radius, bool) or not isinstance(radius, (int, float, np.integer, np.floating)):
        raise TypeError(f"radius: must be a number of metres, got {radius!r}; give it together with near")
    if not 0 < radius < 2.1e7:
        raise ValueError(f"radius: {radius} m; must be above 0 and below half of the equator")
    return float(radius)
