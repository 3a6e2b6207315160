"""Exact search, in bounded memory, with an answer that depends on nothing but the vectors.

A float32 matrix product proposes: of every row it gives a cost that is wrong by no more than a proven bound
(`vpr_eval.index.metric.rounding_bound`). Rows that the bound cannot rule out have their costs computed in float64 and
are ordered by (distance, index). So ties, also across the ``k``-th place, go by index, and neither batch size nor block
size nor the number of threads nor the library that multiplies changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vpr_eval.index.candidates import Candidates
from vpr_eval.index.metric import Metric, check_metric
from vpr_eval.index.stored import StoredRows
from vpr_eval.index.validation import check_count, check_k, check_matrix, checked_rows
from vpr_eval.neighbours import Neighbours

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.floating]
    Float32 = npt.NDArray[np.float32]
    Progress = Callable[[int, int], None]

__all__ = ["search_checked", "search_exact"]

_MOST_CANDIDATES = 2**18
_TILE_QUERIES = 256
_TILE_SCORES = 2**21


def search_exact(
    queries: Matrix,
    database: Matrix | Sequence[Matrix] | StoredRows,
    k: int,
    *,
    metric: Metric = "l2",
    block: int | None = None,
    progress: Progress | None = None,
) -> Neighbours:
    """Return the ``k`` nearest rows of ``database`` for each query, exactly.

    The database is read piece by piece, so memory maps larger than the memory will do (8,280 queries against 83,952 x
    4,096: 0.2 GB beside the queries).

    Args:
        queries: ``(Q, D)`` float32 or float16.
        database: ``(N, D)`` float32 or float16, an array or memory map; or several, such as the chunk files of an
            extraction, which are searched where they lie (`StoredRows`, which also leaves out rows).
        k: how many, at most ``N``.
        metric: ``l2`` or ``ip`` (unit rows).
        block: database rows at a time; by default a whole block, or 16 MiB where numbers have to be converted. Does not
            change the result.
        progress: called with (rows done, ``N``) after each block.

    Raises:
        TypeError: an argument is of another type.
        ValueError: shapes disagree, numbers are not finite, rows are not unit (``ip``), ``k > N``.
    """
    check_metric(metric)
    rows = StoredRows.of(database)
    check_matrix(queries, name="queries", dim=rows.shape[1], half=True)
    wanted = check_k(k, len(rows))
    asked, norms = checked_rows(queries, name="queries", unit=metric == "ip")
    if block is not None:
        check_count("block", block)
    return search_checked(asked, rows, wanted, metric=metric, query_norms=norms, block=block, progress=progress)


def search_checked(
    queries: Float32,
    database: StoredRows,
    k: int,
    *,
    metric: Metric,
    query_norms: npt.NDArray[np.float64],
    block: int | None = None,
    progress: Progress | None = None,
) -> Neighbours:
    """`search_exact` with arguments that were checked before; rows are, too, when their norms are known."""
    tiles = [
        Candidates(queries[first:last], query_norms[first:last], k, metric, _MOST_CANDIDATES)
        for first in range(0, len(queries), _TILE_QUERIES)
        for last in [min(first + _TILE_QUERIES, len(queries))]
    ]
    known = database.norms(unit=metric == "ip") if database.knows_norms() else None
    found = []
    step = max(1024, _TILE_SCORES // max(1, min(len(queries), _TILE_QUERIES)))
    for start, piece in database.pieces(block):
        if known is not None:
            norms = known[start : start + len(piece)]
        else:
            piece, norms = checked_rows(piece, name="database", unit=metric == "ip", offset=start)
            found.append(norms)
        for first in range(0, len(piece), step):
            part = slice(first, first + step)
            for tile in tiles:
                tile.offer(database, piece[part], norms[part], start + first)
        if progress is not None:
            progress(start + len(piece), len(database))
    if known is None and found:
        database.keep_norms(np.concatenate(found))
    answers = [answer for tile in tiles if (answer := tile.settle(database)) is not None]
    if not answers:
        return Neighbours(np.empty((0, k), dtype=np.float32), np.empty((0, k), dtype=np.int64))
    return Neighbours(
        np.concatenate([answer.distance for answer in answers]), np.concatenate([answer.index for answer in answers])
    )
