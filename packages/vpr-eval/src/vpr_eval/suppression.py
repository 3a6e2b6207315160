"""Results that do not count as results of their own: cutouts of one panorama, images of the query's own visit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_eval.neighbours import Neighbours

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["drop_same_time", "suppress_groups"]


def suppress_groups(neighbours: Neighbours, *, keep: int, group: int | npt.NDArray[np.integer[Any]] = 12) -> Neighbours:
    """Keep the best image of each group (panorama), then the ``keep`` best groups.

    The protocol of Tokyo 24/7: search with ``k = 12 keep``, so that ``keep`` panoramas are sure to be among them.
    Source: NetVLAD's authors' code, dbTokyo247.

    Args:
        neighbours: ``(Q, k)``, nearest first.
        keep: N. Rows with fewer groups end in -1.
        group: size of a group of consecutive database images (group ``floor(index / size)``), or the group of each
            database image, ``(N,)`` integers.

    Raises:
        ValueError: ``keep`` or the group size is below 1, or an index is outside ``group``.
    """
    _check_keep(keep)
    index = neighbours.index
    if isinstance(group, (int, np.integer)):
        if group < 1:
            raise ValueError(f"group: size must be at least 1, got {group}")
        groups = index // group
    else:
        labels = np.asarray(group)
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise ValueError(f"group: must be integers (N,), got {labels.dtype} of shape {labels.shape}")
        if labels.size and labels.min() < 0:
            raise ValueError(f"group: labels must be at least 0, got {labels.min()}")
        if index.size and index.max() >= len(labels):
            raise ValueError(f"group: {len(labels)} labels, but the ranking holds database image {index.max()}")
        groups = labels[index] if index.size else index
    # What was not found is one group of its own, dropped below.
    groups = np.where(index < 0, np.int64(-1), groups)
    # A stable sort puts equal groups together in the order of rank; the first of each run is the best of its group.
    order = np.argsort(groups, axis=1, kind="stable")
    ordered = np.take_along_axis(groups, order, axis=1)
    first = np.ones(ordered.shape, dtype=np.bool_)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    best = np.zeros(index.shape, dtype=np.bool_)
    np.put_along_axis(best, order, first, axis=1)
    return _compact(neighbours, best & (index >= 0), keep)


def drop_same_time(
    neighbours: Neighbours,
    *,
    query_time: npt.NDArray[np.int64],
    database_time: npt.NDArray[np.int64],
    keep: int,
) -> Neighbours:
    """Drop results with the query's own time stamp, then keep the ``keep`` best.

    The protocol of Tokyo Time Machine, whose queries come from the panoramas of the database: search with
    ``k = 10 keep``. Source: NetVLAD's authors' code, dbTokyoTimeMachine.

    Args:
        neighbours: ``(Q, k)``, nearest first.
        query_time: ``(Q,)`` time stamps.
        database_time: ``(N,)`` time stamps.
        keep: N. Rows with fewer left end in -1.
    """
    _check_keep(keep)
    index = neighbours.index
    if query_time.shape != (len(index),):
        raise ValueError(f"query_time: shape {query_time.shape} for {len(index)} queries")
    if database_time.ndim != 1 or (index.size and index.max() >= len(database_time)):
        raise ValueError(
            f"database_time: shape {database_time.shape}, but the ranking holds database image {index.max(initial=-1)}"
        )
    other = (index >= 0) & (database_time[index] != query_time[:, None]) if index.size else index >= 0
    return _compact(neighbours, other, keep)


def _check_keep(keep: int) -> None:
    if keep < 1:
        raise ValueError(f"keep: must be at least 1, got {keep}")


def _compact(neighbours: Neighbours, wanted: npt.NDArray[np.bool_], keep: int) -> Neighbours:
    """Move the wanted places of each row to its front, in order, and cut to ``keep``; fill with -1 and infinity."""
    place = np.cumsum(wanted, axis=1) - 1
    row, column = np.nonzero(wanted & (place < keep))
    distance = np.full((len(neighbours), keep), np.inf, dtype=np.float32)
    index = np.full((len(neighbours), keep), -1, dtype=np.int64)
    distance[row, place[row, column]] = neighbours.distance[row, column]
    index[row, place[row, column]] = neighbours.index[row, column]
    return Neighbours(distance, index)
