"""Exact costs of pairs of a query and a stored row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vpr_eval.index.metric import Metric, exact_cost

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval.index.stored import StoredRows

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]
    Int64 = npt.NDArray[np.int64]

__all__ = ["pair_costs"]

_PAIR_VALUES = 2**20


def pair_costs(queries: Float32, query: Int64, database: StoredRows, row: Int64, metric: Metric) -> Float64:
    """Return the `exact_cost` of each pair ``queries[query[i]]``, ``database[row[i]]``, ``(P,)``.

    Rows are read in their order, so that a memory map on disk is read once and forwards.
    """
    cost = np.empty(len(row))
    order = np.argsort(row, kind="stable")
    step = max(1, _PAIR_VALUES // max(1, queries.shape[1]))
    for first in range(0, len(order), step):
        part = order[first : first + step]
        cost[part] = exact_cost(queries[query[part]], database.take(row[part]), metric)
    return cost
