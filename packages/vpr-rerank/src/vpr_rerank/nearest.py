"""Nearest neighbours within the database, exact, of the rows that somebody asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Int64 = npt.NDArray[np.int64]

__all__ = ["NearestInDatabase", "distances_to"]

_BLOCK = 2**22
"""Numbers of the database that are held in float64 at a time."""


class NearestInDatabase:
    """The ``k`` nearest others of database rows, computed when they are first asked for and kept.

    Distances are summed in float64 and rounded to float32, ties by position: a list does not depend on which rows are
    computed with it. The database is read in blocks, where it lies.

    Args:
        database: ``(N, D)``.
        k: length of a list; a database of fewer others has all of them.
    """

    def __init__(self, database: Float32, *, k: int) -> None:
        self._database = database
        self.k = min(k, len(database) - 1)
        self._lists: dict[int, tuple[Int64, Float32]] = {}

    def need(self, rows: set[int]) -> None:
        """Compute the lists of ``rows`` that are not there yet, together."""
        missing = np.array(sorted(rows - self._lists.keys()), dtype=np.int64)
        for start in range(0, len(missing), 1024):
            part = missing[start : start + 1024]
            far = distances_to(np.asarray(self._database[part]), self._database)
            far[np.arange(len(part)), part] = np.inf
            for row, (position, distance) in enumerate(zip(part.tolist(), far, strict=True)):
                order = _first(distance, self.k)
                self._lists[position] = order, far[row][order]

    def of(self, row: int) -> tuple[Int64, Float32]:
        """Return positions and distances of the nearest others of ``row``, nearest first."""
        return self._lists[row]

    def between(self, row: int, others: Int64) -> Float32:
        """Return the distances ``(M,)`` of ``row`` to some ``others``."""
        apart = np.asarray(self._database[others], np.float64) - np.asarray(self._database[row], np.float64)
        return np.asarray(np.linalg.norm(apart, axis=1), dtype=np.float32)


def distances_to(rows: Float32, database: Float32) -> Float32:
    """Return Euclidean distances ``(R, N)`` in float32 of ``rows (R, D)`` to the whole database, summed in float64."""
    asked = rows.astype(np.float64)
    norms = np.einsum("rd,rd->r", asked, asked)[:, None]
    out = np.empty((len(rows), len(database)), dtype=np.float32)
    step = max(1, _BLOCK // max(1, database.shape[1]))
    for start in range(0, len(database), step):
        block = np.asarray(database[start : start + step], dtype=np.float64)
        squared = norms - 2 * (asked @ block.T) + np.einsum("nd,nd->n", block, block)[None]
        # The rounding of a sum of squares near 2 is 1e-15: distances below 1e-7 are those of identical rows.
        out[:, start : start + step] = np.sqrt(np.where(squared > 1e-14, squared, 0.0))
    if not np.isfinite(out).all():
        raise ValueError("database: NaN or infinity; mend the model, or leave out the images it came from")
    return out


def _first(distance: Float32, k: int) -> Int64:
    """Positions of the ``k`` smallest, smallest first, ties by position."""
    if k == 0:
        return np.zeros(0, dtype=np.int64)
    last = np.partition(distance, k - 1)[k - 1]
    near = np.flatnonzero(distance <= last)
    order: Int64 = near[np.argsort(distance[near], kind="stable")][:k]
    return order
