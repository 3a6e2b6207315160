"""Which rows may be among the nearest: costs from a float32 matrix product, and a proven bound on their error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vpr_eval.index.metric import Metric, distance_of_cost, largest_cost, rounding_bound
from vpr_eval.index.pairs import pair_costs
from vpr_eval.neighbours import Neighbours

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval.index.stored import StoredRows

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Int64 = npt.NDArray[np.int64]

__all__ = ["Candidates"]


class Candidates:
    """Pairs of query and row that no bound rules out, for a few queries while the database passes by.

    The ``k``-th lowest of ``cost + error`` over the rows seen so far is at least the ``k``-th lowest exact cost. A row
    whose ``cost - error`` exceeds every cost that rounds to that distance cannot be among the ``k`` nearest, nor tie
    with the last of them; all others are kept.

    Args:
        queries: ``(Q, D)``.
        norms: of the queries.
        k: how many nearest are wanted.
        metric: ``l2`` or ``ip``.
        most: pairs to hold; when there are more, their exact costs are computed and ``k`` a query are left.
    """

    def __init__(self, queries: Float32, norms: Float64, k: int, metric: Metric, most: int) -> None:
        self._queries, self._norms, self._k, self._metric, self._most = queries, norms, k, metric, most
        wide = queries.astype(np.float64)
        self._constant = np.einsum("qd,qd->q", wide, wide) if metric == "l2" else np.zeros(len(queries))
        self._limit = np.full(len(queries), np.inf)
        self._query = np.empty(0, dtype=np.int64)
        self._row = np.empty(0, dtype=np.int64)
        self._cost = np.empty(0)
        self._error = np.empty(0)
        self._settled = 0

    def offer(self, database: StoredRows, rows: Float32, norms: Float64, start: int) -> None:
        """Compare the queries with ``rows (N, D)``, which are ``start`` and following of ``database``."""
        score = self._queries @ rows.T
        if self._metric == "l2":
            score *= np.float32(-2)
            score += (norms**2).astype(np.float32)
        else:
            np.negative(score, out=score)
        dim = rows.shape[1]
        # Above any row's own error: only rows that this lets through are looked at one by one.
        error = rounding_bound(dim, self._norms, float(norms.max()), self._metric)
        limit = self._limit
        if len(rows) >= self._k and np.isinf(limit).any():
            kth = np.partition(score, self._k - 1, axis=1)[:, self._k - 1].astype(np.float64)
            limit = np.minimum(limit, self._reachable(kth + self._constant + error))
        highest = np.nextafter((limit - self._constant + error).astype(np.float32), np.float32(np.inf))
        query, row = np.divmod(np.flatnonzero(score <= highest[:, None]), len(rows))
        cost = score[query, row].astype(np.float64) + self._constant[query]
        own = rounding_bound(dim, self._norms[query], norms[row], self._metric)
        self._query = np.concatenate([self._query, query])
        self._row = np.concatenate([self._row, row + start])
        self._cost = np.concatenate([self._cost, cost])
        self._error = np.concatenate([self._error, own])
        self._tighten()
        if len(self._query) > max(self._most, 2 * self._settled):
            self.settle(database)

    def _reachable(self, cost: Float64) -> Float64:
        """Return the largest cost that is told as the same distance as ``cost``, or a smaller one."""
        return np.where(np.isfinite(cost), largest_cost(distance_of_cost(cost, self._metric), self._metric), np.inf)

    def _tighten(self) -> None:
        """Lower the limit of each query to what its candidates prove, and drop those above it."""
        highest = self._cost + self._error
        place = np.lexsort((highest, self._query))
        count = np.bincount(self._query, minlength=len(self._queries))
        enough = np.flatnonzero(count >= self._k)
        kth = highest[place[np.cumsum(count)[enough] - count[enough] + self._k - 1]]
        self._limit[enough] = np.minimum(self._limit[enough], self._reachable(kth))
        self._select(np.flatnonzero(self._cost - self._error <= self._limit[self._query]))

    def _select(self, where: Int64) -> None:
        self._query, self._row = self._query[where], self._row[where]
        self._cost, self._error = self._cost[where], self._error[where]

    def settle(self, database: StoredRows) -> Neighbours | None:
        """Compute the exact costs and keep the first ``k`` of each query by (distance, row).

        Returns them, or None while a query has seen fewer than ``k`` rows.
        """
        open_pairs = np.flatnonzero(self._error > 0.0)
        query, row = self._query[open_pairs], self._row[open_pairs]
        self._cost[open_pairs] = pair_costs(self._queries, query, database, row, self._metric)
        self._error[open_pairs] = 0.0
        distance = distance_of_cost(self._cost, self._metric)
        place = np.lexsort((self._row, distance, self._query))
        count = np.bincount(self._query, minlength=len(self._queries))
        rank = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
        chosen = place[rank < self._k]
        self._select(chosen)
        self._settled = len(chosen)
        self._tighten_exactly(distance[chosen])
        if len(chosen) < self._k * len(self._queries):
            return None
        shape = (len(self._queries), self._k)
        return Neighbours(distance[chosen].reshape(shape), self._row.reshape(shape).copy())

    def _tighten_exactly(self, distance: Float32) -> None:
        count = np.bincount(self._query, minlength=len(self._queries))
        enough = np.flatnonzero(count >= self._k)
        last = distance[np.cumsum(count)[enough] - 1]
        self._limit[enough] = np.minimum(self._limit[enough], largest_cost(last, self._metric))
