"""The form of answers: what every search, sequence matcher and re-ranker gives back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_core.testing.case import Case

__all__ = ["Answers", "check_answers", "check_same", "unit"]

Float32Array = npt.NDArray[np.float32]


class Answers:
    """A `vpr_core.types.Neighbours` made of two arrays."""

    def __init__(self, distance: npt.ArrayLike, index: npt.ArrayLike) -> None:
        self.distance = np.asarray(distance, dtype=np.float32)
        self.index = np.asarray(index, dtype=np.int64)


def check_answers(case: Case, call: str, found: Any, *, shape: tuple[int, int], size: int) -> None:
    """Require ``distance`` float32 and ``index`` int64 of ``shape``, best first, finite, no position twice in a row."""
    for name, dtype in (("distance", np.float32), ("index", np.int64)):
        item = getattr(found, name, None)
        case.require(
            isinstance(item, np.ndarray) and item.dtype == dtype and item.shape == shape,
            f"{call}.{name} must be {np.dtype(dtype)} {shape}, got {_what(item)}",
        )
    case.require(
        bool(((found.index >= 0) & (found.index < size)).all()),
        f"{call} returns positions outside 0..{size - 1}; every answer is a row of the database",
    )
    twice = [row for row in range(shape[0]) if len(set(found.index[row].tolist())) < shape[1]]
    case.require(not twice, f"{call} returns a position twice for query {twice[:1]}; each answer once")
    case.require(bool(np.isfinite(found.distance).all()), f"{call} returns distances that are not finite")
    case.require(
        bool((np.diff(found.distance, axis=1) >= 0).all()), f"{call}: answers are not best first; sort by distance"
    )


def check_same(case: Case, said: str, found: Any, wanted: Any, *, tolerance: float) -> None:
    """Require the same positions, and distances that differ by rounding only."""
    different = np.flatnonzero((found.index != wanted.index).any(axis=1))
    case.require(
        len(different) == 0,
        f"{said}: query {different[:1]} has the answers {found.index[different[:1]].tolist()} instead of "
        f"{wanted.index[different[:1]].tolist()}",
    )
    worst = float(np.abs(found.distance - wanted.distance).max(initial=0.0))
    case.require(worst <= tolerance, f"{said}: distances differ by {worst:.3g}")


def unit(rows: npt.ArrayLike) -> Float32Array:
    """Rows of length 1."""
    array = np.asarray(rows, dtype=np.float64)
    return np.asarray(array / np.linalg.norm(array, axis=1, keepdims=True), dtype=np.float32)


def _what(item: object) -> str:
    return f"{item.dtype} {item.shape}" if isinstance(item, np.ndarray) else type(item).__name__
