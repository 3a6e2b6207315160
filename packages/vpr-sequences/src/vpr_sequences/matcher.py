"""What all matchers share: the search drive by drive; each says what answers cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vpr_sequences.answers import Answers, cheapest
from vpr_sequences.distances import SquaredDistances, block_rows
from vpr_sequences.drives import Drives, check_side

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]
    Float64Array = npt.NDArray[np.float64]
    Int64Array = npt.NDArray[np.int64]

__all__ = ["CostMatcher", "DescriptorMatcher", "Known", "Matcher"]


@dataclass(frozen=True, eq=False)
class Known:
    """The database of a search, sorted by drive.

    Attributes:
        rows: ``(N, D)`` descriptors of single images.
        drives: where each drive begins and ends.
        distances: to what a matcher makes of ``rows``.
    """

    rows: Float32Array
    drives: Drives
    distances: SquaredDistances


class Matcher(ABC):
    """Finds places by several images in a row; answers use a drive up to the query and nothing later."""

    def search(
        self,
        queries: Float32Array,
        database: Float32Array,
        *,
        query_drive: Int64Array,
        database_drive: Int64Array,
        k: int,
    ) -> Answers:
        """Return the ``k`` best database images of each query.

        Args:
            queries: ``(Q, D)`` descriptors, unit rows.
            database: ``(N, D)`` descriptors, unit rows.
            query_drive: ``(Q,)``; rows with one number belong to one drive and stand in the order of time.
            database_drive: ``(N,)``, likewise.
            k: answers a query, at most ``N``.

        Raises:
            ValueError: other shapes, NaN or infinity, ``k`` out of range.
        """
        check_side("queries", queries, query_drive)
        check_side("database", database, database_drive, dim=queries.shape[1])
        if not 1 <= k <= len(database):
            raise ValueError(f"k must lie in 1..{len(database)}, the number of database images, got {k}")
        drives, asked = Drives.of(np.asarray(database_drive)), Drives.of(np.asarray(query_drive))
        rows = np.asarray(database)[drives.order]
        known = Known(rows, drives, SquaredDistances(self._prepared(rows, drives)))
        index = np.empty((len(queries), k), dtype=np.int64)
        distance = np.empty((len(queries), k), dtype=np.float32)
        for drive in asked.each():
            places = asked.order[drive]
            begin = 0
            for costs in self._costs(np.asarray(queries)[places], known):
                as_given = np.empty(costs.shape, dtype=np.float32)
                as_given[:, drives.order] = costs
                best = cheapest(as_given, k)
                here = places[begin : begin + len(costs)]
                index[here], distance[here] = best.index, best.distance
                begin += len(costs)
        return Answers(distance, index)

    def _prepared(self, database: Float32Array, drives: Drives) -> npt.NDArray[np.floating]:
        """Return what queries are compared with: the database's descriptors, sorted by drive, or what they become."""
        return database

    @abstractmethod
    def _costs(self, queries: Float32Array, known: Known) -> Iterator[Float64Array]:
        """Yield costs ``(b, N)`` of the images of one drive, block by block; finite, smaller is better."""


class CostMatcher(Matcher):
    """Looks at distances of single images and sums them up in its own way."""

    def _costs(self, queries: Float32Array, known: Known) -> Iterator[Float64Array]:
        step = block_rows(len(known.rows))
        blocks = (known.distances(queries[start : start + step]) for start in range(0, len(queries), step))
        return self._of_drive(blocks, known.drives)

    @abstractmethod
    def _of_drive(self, squared: Iterator[Float64Array], drives: Drives) -> Iterator[Float64Array]:
        """Yield a block of costs for each block of squared distances ``(b, N)`` of one drive, in its order."""


class DescriptorMatcher(Matcher):
    """Makes one descriptor of several images on both sides and compares those by Euclidean distance."""

    def _prepared(self, database: Float32Array, drives: Drives) -> npt.NDArray[np.floating]:
        parts = [self._of_database(database[drive].astype(np.float64)) for drive in drives.each()]
        return np.concatenate(parts)

    def _costs(self, queries: Float32Array, known: Known) -> Iterator[Float64Array]:
        rows, step = self._of_queries(queries.astype(np.float64)), block_rows(len(known.rows))
        for start in range(0, len(rows), step):
            yield np.sqrt(known.distances(rows[start : start + step]))

    @abstractmethod
    def _of_queries(self, rows: Float64Array) -> Float64Array:
        """Return the descriptor of each image ``(n, D)`` of one drive and what came before it."""

    def _of_database(self, rows: Float64Array) -> Float64Array:
        """Return the descriptor of each image of one drive of the database; by default as for queries."""
        return self._of_queries(rows)
