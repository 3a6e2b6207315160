"""Exact search, in bounded memory, with an answer that depends on nothing but the vectors.

A float32 engine proposes candidates, a few more than asked for; their costs are then computed in float64 and ordered
by (distance, index). Whether one that was not proposed could still belong is decided by a bound on the engine's
rounding; such queries are asked again for more, at last by plain float64. So ties, also across the ``k``-th place, go
by index, and neither batch size nor block size nor the number of threads changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import faiss
import numpy as np

from vpr_eval.index.metric import Metric, check_metric, distance_of_cost, exact_cost, rounding_bound
from vpr_eval.index.validation import check_count, check_k, check_matrix, checked_rows
from vpr_eval.neighbours import Neighbours

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.floating]
    Float32 = npt.NDArray[np.float32]
    Int64 = npt.NDArray[np.int64]
    Progress = Callable[[int, int], None]

__all__ = ["search_checked", "search_exact"]

_SPARE = 16
_MOST_CANDIDATES = 2048
_PAIR_VALUES = 2**20


def search_exact(
    queries: Matrix,
    database: Matrix,
    k: int,
    *,
    metric: Metric = "l2",
    block: int | None = None,
    progress: Progress | None = None,
) -> Neighbours:
    """Return the ``k`` nearest rows of ``database`` for each query, exactly.

    The database is read block by block, so a memory map larger than the memory will do (8,280 queries against 83,952
    x 4,096: 0.3 GB beside the queries).

    Args:
        queries: ``(Q, D)`` float32 or float16.
        database: ``(N, D)`` float32 or float16, an array or memory map.
        k: how many, at most ``N``.
        metric: ``l2`` or ``ip`` (unit rows).
        block: database rows at a time; by default about 128 MiB. Does not change the result.
        progress: called with (rows done, ``N``) after each block.

    Raises:
        TypeError: an argument is of another type.
        ValueError: shapes disagree, numbers are not finite, rows are not unit (``ip``), ``k > N``.
    """
    check_metric(metric)
    check_matrix(database, name="database", dim=None, half=True)
    check_matrix(queries, name="queries", dim=database.shape[1], half=True)
    wanted = check_k(k, len(database))
    asked, query_norms = checked_rows(queries, name="queries", unit=metric == "ip")
    size = block if block is not None else max(1, 2**25 // max(1, database.shape[1]))
    check_count("block", size)

    largest = 0.0
    candidates = _Best(len(asked), _first_fetch(wanted, len(database)))
    for start, block_rows in _blocks(database, size):
        rows, norms = checked_rows(block_rows, name="database", unit=metric == "ip", offset=start)
        largest = max(largest, float(norms.max()))
        candidates.add(asked, rows, start, metric)
        if progress is not None:
            progress(min(start + size, len(database)), len(database))
    return _finish(asked, database, wanted, metric, size, query_norms, largest, candidates)


def search_checked(
    queries: Float32,
    database: Float32,
    k: int,
    *,
    metric: Metric,
    query_norms: npt.NDArray[np.float64],
    largest_norm: float,
) -> Neighbours:
    """`search_exact` on an array in memory whose rows were checked before."""
    candidates = _Best(len(queries), _first_fetch(k, len(database)))
    candidates.add(queries, database, 0, metric)
    return _finish(queries, database, k, metric, len(database), query_norms, largest_norm, candidates)


def _first_fetch(k: int, size: int) -> int:
    return min(size, k + max(_SPARE, k // 8))


class _Best:
    """The ``count`` lowest float32 costs of each query so far, in no particular order."""

    def __init__(self, queries: int, count: int) -> None:
        self.count = count
        self.cost = np.empty((queries, 0), dtype=np.float32)
        self.index = np.empty((queries, 0), dtype=np.int64)

    def add(self, queries: Float32, rows: Float32, start: int, metric: Metric) -> None:
        if len(queries) == 0:
            return
        kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
        cost, index = faiss.knn(queries, rows, min(self.count, len(rows)), metric=kind)
        cost = np.concatenate([self.cost, cost if metric == "l2" else -cost], axis=1)
        index = np.concatenate([self.index, index.astype(np.int64) + start], axis=1)
        if cost.shape[1] > self.count:
            keep = np.argpartition(cost, self.count - 1, axis=1)[:, : self.count]
            cost, index = np.take_along_axis(cost, keep, axis=1), np.take_along_axis(index, keep, axis=1)
        self.cost, self.index = cost, index


def _finish(
    queries: Float32,
    database: Matrix,
    k: int,
    metric: Metric,
    block: int,
    query_norms: npt.NDArray[np.float64],
    largest_norm: float,
    candidates: _Best,
) -> Neighbours:
    """Order the candidates exactly; ask again for the queries that might miss one."""
    distance = np.empty((len(queries), k), dtype=np.float32)
    index = np.empty((len(queries), k), dtype=np.int64)
    slack = rounding_bound(database.shape[1], query_norms, largest_norm)
    pending = np.arange(len(queries))
    while len(pending):
        found = _exact_order(queries[pending], database, candidates.index, k, metric)
        distance[pending], index[pending] = found.distance, found.index
        if candidates.count == len(database):
            break
        # Whatever was not proposed costs at least as much as the worst that was, less the engine's error.
        beyond = distance_of_cost(candidates.cost.max(axis=1).astype(np.float64) - slack[pending], metric)
        pending = pending[beyond <= distance[pending, -1]]
        more = candidates.count * 4
        if more > _MOST_CANDIDATES:
            for query in pending:
                distance[query], index[query] = _plain(queries[query], database, k, metric)
            break
        candidates = _Best(len(pending), min(more, len(database)))
        for start, rows in _blocks(database, block if len(pending) else len(database)):
            candidates.add(queries[pending], rows, start, metric)
    return Neighbours(distance, index)


def _blocks(database: Matrix, size: int) -> Iterator[tuple[int, Float32]]:
    """Yield first row and float32 rows of each block, which is overwritten by the next where it had to be converted."""
    ready = database.dtype == np.float32 and database.flags.c_contiguous
    buffer = np.empty((0 if ready else min(size, len(database)), database.shape[1]), dtype=np.float32)
    for start in range(0, len(database), size):
        rows = np.asarray(database[start : start + size])
        if not ready:
            np.copyto(buffer[: len(rows)], rows)
            rows = buffer[: len(rows)]
        yield start, rows


def _exact_order(queries: Float32, database: Matrix, index: Int64, k: int, metric: Metric) -> Neighbours:
    """Return the first ``k`` of ``index (Q, M)`` by (distance, index), with exact distances."""
    pair_index = index.ravel()
    pair_query = np.repeat(np.arange(len(queries)), index.shape[1])
    cost = np.empty(len(pair_index), dtype=np.float64)
    # In the order of the database, so that a memory map on disk is read once and forwards.
    order = np.argsort(pair_index, kind="stable")
    step = max(1, _PAIR_VALUES // max(1, database.shape[1]))
    for start in range(0, len(order), step):
        part = order[start : start + step]
        rows = database[pair_index[part]].astype(np.float32, copy=False)
        cost[part] = exact_cost(queries[pair_query[part]], rows, metric)
    distance = distance_of_cost(cost, metric).reshape(index.shape)
    place = np.lexsort((index, distance), axis=1)[:, :k]
    return Neighbours(np.take_along_axis(distance, place, axis=1), np.take_along_axis(index, place, axis=1))


def _plain(query: Float32, database: Matrix, k: int, metric: Metric) -> tuple[Float32, Int64]:
    """Return the ``k`` nearest of one query by float64 over the whole database: many near-ties leave no other way."""
    distance, index = np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64)
    step = max(k, _PAIR_VALUES // max(1, database.shape[1]))
    for start, rows in _blocks(database, step):
        part = distance_of_cost(exact_cost(np.broadcast_to(query, rows.shape), rows, metric), metric)
        distance = np.concatenate([distance, part])
        index = np.concatenate([index, np.arange(start, start + len(rows), dtype=np.int64)])
        place = np.lexsort((index, distance))[:k]
        distance, index = distance[place], index[place]
    return distance, index
