"""Search by sequences: which images of a split belong to one drive, and what a matcher answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpr_eval import Neighbours

if TYPE_CHECKING:
    from vpr_core.matching import SequenceMatcher

__all__ = ["SequenceSearch", "drive_of"]

Int64Array = npt.NDArray[np.int64]


def drive_of(images: Any) -> Int64Array:
    """Return the drive of each image; where the data set does not say, all are one drive in their order."""
    drive = getattr(images, "drive", None)
    return np.zeros(len(images), dtype=np.int64) if drive is None else np.asarray(drive, dtype=np.int64)


class SequenceSearch:
    """The ``k`` best by a sequence matcher, for a ranking.

    Args:
        matcher: of the run file's block ``sequence``.
        queries: ``(Q, D)``.
        database: ``(N, D)``.
        query_drive: ``(Q,)``.
        database_drive: ``(N,)``.
    """

    def __init__(
        self,
        matcher: SequenceMatcher,
        queries: npt.NDArray[Any],
        database: npt.NDArray[Any],
        *,
        query_drive: Int64Array,
        database_drive: Int64Array,
    ) -> None:
        self._matcher = matcher
        self._queries = np.ascontiguousarray(queries, dtype=np.float32)
        self._database = np.ascontiguousarray(database, dtype=np.float32)
        self._query_drive, self._database_drive = query_drive, database_drive

    def __call__(self, k: int) -> Neighbours:
        """Return ``(Q, k)`` answers."""
        found = self._matcher.search(
            self._queries,
            self._database,
            query_drive=self._query_drive,
            database_drive=self._database_drive,
            k=k,
        )
        return Neighbours(np.asarray(found.distance), np.asarray(found.index))
