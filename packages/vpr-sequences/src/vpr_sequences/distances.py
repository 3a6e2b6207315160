"""Distances between some queries and a whole database, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float64Array = npt.NDArray[np.float64]

__all__ = ["SquaredDistances", "block_rows"]

IN_MEMORY = 1 << 26
"""Numbers of a database that are kept in double precision: half a GiB; a larger one is converted block by block."""
BLOCK = 1 << 20
"""Costs held at once."""


def block_rows(database: int) -> int:
    """Return how many queries are compared at once with so many database images."""
    return max(1, min(1024, BLOCK // max(1, database)))


class SquaredDistances:
    """``|q - d|^2`` between rows, in double precision, so that what is equal stays equal in batches of any size.

    Args:
        database: ``(N, D)``.
    """

    def __init__(self, database: npt.NDArray[Any]) -> None:
        self._step = max(1, IN_MEMORY // max(1, database.shape[1]))
        whole = len(database) <= self._step
        self._database: npt.NDArray[Any] = np.asarray(database, dtype=np.float64) if whole else database
        self._squares = np.concatenate(
            [np.square(block).sum(axis=1) for _, block in self._blocks()] or [np.zeros(0, dtype=np.float64)]
        )

    def __call__(self, queries: npt.NDArray[Any]) -> Float64Array:
        """Return ``(b, N)`` squared distances of ``queries (b, D)``, at least 0."""
        found = self.products(queries)
        found *= -2
        found += self._squares
        found += np.square(np.asarray(queries, dtype=np.float64)).sum(axis=1)[:, None]
        return np.maximum(found, 0, out=found)

    def products(self, queries: npt.NDArray[Any]) -> Float64Array:
        """Return ``(b, N)`` inner products of ``queries (b, D)``."""
        asked = np.asarray(queries, dtype=np.float64)
        found = np.empty((len(asked), len(self._database)))
        for start, block in self._blocks():
            found[:, start : start + len(block)] = asked @ block.T
        return found

    def _blocks(self) -> Iterator[tuple[int, Float64Array]]:
        for start in range(0, len(self._database), self._step):
            yield start, np.asarray(self._database[start : start + self._step], dtype=np.float64)
