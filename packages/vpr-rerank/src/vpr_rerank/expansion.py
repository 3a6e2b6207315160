"""Alpha query expansion: ask again with the mean of the query and what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vpr_rerank.neighbours import Found, Neighbours, check_answers, in_order, together

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]

__all__ = ["AlphaQueryExpansion"]


class AlphaQueryExpansion:
    """Reorders answers by their distance to an expanded query (Radenovic et al. 2018, arXiv 1711.02512, section 3.3).

    With unit descriptors, the query ``q`` and its first ``n`` answers ``x_1 ... x_n``::

        q' = q + sum_i max(q . x_i, 0)^alpha x_i,      cost of x = || q' / ||q'|| - x ||

    ``alpha = 0`` is average query expansion (Chum et al. 2007). Everything is summed in float64, one query at a time: a
    query's order does not depend on the queries beside it.

    Args:
        neighbours: ``n``.
        alpha: weight of near answers against far ones.
    """

    def __init__(self, *, neighbours: int = 10, alpha: float = 3.0) -> None:
        if neighbours < 1:
            raise ValueError(f"neighbours: must be at least 1, got {neighbours}")
        if not 0 <= alpha < float("inf"):
            raise ValueError(f"alpha: must be 0 or more and finite, got {alpha}")
        self.neighbours, self.alpha = neighbours, alpha

    def reorder(self, queries: Float32, database: Float32, neighbours: Found) -> Neighbours:
        """Return the answers of each query in the order of the expanded query.

        Args:
            queries: ``(Q, D)`` unit rows.
            database: ``(N, D)`` unit rows; only those that were found are read.
            neighbours: ``(Q, K)`` answers, best first.

        Raises:
            ValueError: NaN, shapes that do not belong together, a position outside the database.
        """
        index = check_answers(queries, database, neighbours)
        rows = [self._one(queries[row], database, index[row]) for row in range(len(queries))]
        return together(rows, answers=index.shape[1])

    def _one(self, query: Float32, database: Float32, index: npt.NDArray[np.int64]) -> Neighbours:
        found = np.asarray(database[index], dtype=np.float64)
        if not np.isfinite(found).all():
            raise ValueError("database: NaN or infinity among the answers; mend the model, or leave those images out")
        asked = np.asarray(query, dtype=np.float64)
        first = found[: self.neighbours]
        weight = np.maximum(first @ asked, 0.0) ** self.alpha
        expanded = asked + weight @ first
        length = np.linalg.norm(expanded)
        expanded = expanded / length if length > 0 else asked
        return in_order(np.linalg.norm(found - expanded, axis=1), index)
