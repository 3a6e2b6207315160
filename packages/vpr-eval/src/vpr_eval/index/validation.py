"""What is checked before any engine sees a number. Engines accept NaN in silence and refuse a dimension by `assert`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["UNIT_TOLERANCE", "check_count", "check_fingerprint", "check_k", "check_matrix", "checked_rows", "row_norms"]

UNIT_TOLERANCE = 1e-3
"""How far a norm may be from 1 for the inner product: half precision stays below it, raw descriptors do not."""

LARGEST_NORM = 1e18
"""Squared distances of longer vectors overflow float32."""


def check_count(name: str, value: object, *, least: int = 1, most: int | None = None) -> int:
    """Return ``value`` as an int between ``least`` and ``most``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: must be an integer, got {value!r} of type {type(value).__name__}")
    if value < least or (most is not None and value > most):
        limit = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name}: must be {limit}, got {value}")
    return int(value)


def check_k(k: object, size: int) -> int:
    """Return ``k``, refusing more neighbours than there are descriptors."""
    wanted = check_count("k", k)
    if size == 0:
        raise ValueError("k: the database is empty, nothing can be found in it; add descriptors first")
    if wanted > size:
        raise ValueError(
            f"k: {wanted} neighbours asked of a database of {size} descriptors; ask for at most {size} "
            "(`min(k, len(index))`), or add more"
        )
    return wanted


def check_matrix(array: Any, *, name: str, dim: int | None, half: bool = False) -> None:
    """Refuse what is not a real ``(N, D)`` matrix of the right type, without reading its numbers."""
    if not isinstance(array, np.ndarray):
        raise TypeError(
            f"{name}: must be a numpy array, got {type(array).__name__}; for a torch tensor: `x.float().cpu().numpy()`"
        )
    if array.dtype not in ((np.float32, np.float16) if half else (np.float32,)):
        accepted = "float32 or float16" if half else "float32"
        raise TypeError(f"{name}: type {array.dtype}, must be {accepted}; convert with `.astype(np.float32)`")
    if array.ndim != 2:
        raise ValueError(f"{name}: shape {array.shape}, must be (N, D); one descriptor alone is `x[None]`")
    if dim is not None and array.shape[1] != dim:
        raise ValueError(
            f"{name}: dimension {array.shape[1]}, the database has {dim}; both must come from the same model"
        )


def row_norms(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the Euclidean norm of each row, ``(N, D) -> (N,)``, in float32; infinite when squares overflow."""
    return np.asarray(np.sqrt(np.einsum("nd,nd->n", rows, rows), dtype=np.float64), dtype=np.float64)


def checked_rows(
    array: npt.NDArray[np.floating], *, name: str, unit: bool, offset: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Return rows as contiguous float32 and their norms, refusing NaN, infinity, overflow and (``unit``) other norms.

    ``offset`` is added to row numbers in messages, for an array that is a part of a larger one.
    """
    rows = np.ascontiguousarray(array, dtype=np.float32)
    norms = row_norms(rows)
    long = np.flatnonzero(~(norms <= LARGEST_NORM))
    bad = long[~np.isfinite(rows[long]).all(axis=1)]
    if len(bad):
        row = int(bad[0])
        column = int(np.flatnonzero(~np.isfinite(rows[row]))[0])
        raise ValueError(
            f"{name}: row {row + offset} has {rows[row, column]} in column {column} ({len(bad)} of {len(rows)} rows "
            "are not finite); find the image it came from and leave it out, or mend the model"
        )
    if len(long):
        raise ValueError(
            f"{name}: row {int(long[0]) + offset} has a norm above {LARGEST_NORM:g}, squares of which overflow; "
            "normalise the descriptors"
        )
    if unit:
        off = np.flatnonzero(np.abs(norms - 1.0) > UNIT_TOLERANCE)
        if len(off):
            raise ValueError(
                f"{name}: row {int(off[0]) + offset} has norm {norms[off[0]]:.4g} ({len(off)} of {len(rows)} rows are "
                f'not of norm 1 within {UNIT_TOLERANCE:g}); metric "ip" needs unit rows: divide each by its norm, or '
                'use metric "l2"'
            )
    return rows, norms


def check_fingerprint(index: str | None, other: str | None, *, where: str) -> None:
    """Refuse descriptors of one model beside an index of another. None means that nobody said."""
    if index is not None and other is not None and index != other:
        raise ValueError(
            f"{where}: made by model {index!r}, but these descriptors come from model {other!r}; distances between "
            "them mean nothing. Use the model the index was made by, or build the index anew"
        )
