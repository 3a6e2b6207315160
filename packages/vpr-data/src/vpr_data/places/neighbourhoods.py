"""Which images lie within a radius of which: one KD-tree, exact in float64, both ends as documented."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vpr_data.places.rows import Rows

__all__ = ["within_radius"]

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

CHUNK = 2048
"""Queries searched at once; bounds the memory of the pairs in flight."""


def within_radius(
    queries: Float64Array,
    database: Float64Array,
    radius: float,
    *,
    beyond: float | None = None,
    query_time: Int64Array | None = None,
    database_time: Int64Array | None = None,
) -> Rows:
    """Return for each query the sorted database rows with ``beyond < distance <= radius``.

    Distances are Euclidean and compared squared in float64, ``|q - d|^2 <= radius^2``, as the ground truth of
    Pittsburgh and Tokyo is defined; both ends are exact.

    Args:
        queries: ``(Q, d)``.
        database: ``(N, d)``.
        radius: inclusive upper bound, at least 0.
        beyond: exclusive lower bound; None: no lower bound, so that an image at the same spot counts.
        query_time: ``(Q,)``; with ``database_time``, leaves out pairs of equal time.
        database_time: ``(N,)``.

    Raises:
        ValueError: a radius is negative or not finite, or ``beyond`` is not below it.
    """
    from scipy.spatial import cKDTree

    if not (math.isfinite(radius) and radius >= 0):
        raise ValueError(f"radius must be finite and at least 0, got {radius}")
    if beyond is not None and not 0 <= beyond < radius:
        raise ValueError(f"beyond must be at least 0 and less than radius ({radius:g}), got {beyond}")
    if (query_time is None) != (database_time is None):
        raise ValueError("query_time and database_time must be given together")
    row_parts: list[Int64Array] = []
    value_parts: list[Int64Array] = []
    if len(queries) and len(database):
        tree = cKDTree(database)
        # The tree rounds its own way, so it is asked for a little more and the definition is applied afterwards.
        reach = radius * (1 + 1e-9) + 1e-9
        for start in range(0, len(queries), CHUNK):
            part = queries[start : start + CHUNK]
            pairs = cKDTree(part).sparse_distance_matrix(tree, reach, output_type="ndarray")
            row, value = pairs["i"].astype(np.int64), pairs["j"].astype(np.int64)
            squared = np.square(part[row] - database[value]).sum(axis=1)
            keep = squared <= radius * radius
            if beyond is not None:
                keep &= squared > beyond * beyond
            row += start
            if query_time is not None and database_time is not None:
                keep &= query_time[row] != database_time[value]
            row_parts.append(row[keep])
            value_parts.append(value[keep])
    nothing = np.zeros(0, dtype=np.int64)
    return Rows.from_pairs(np.concatenate([nothing, *row_parts]), np.concatenate([nothing, *value_parts]), len(queries))
