"""From nearest neighbours to the ranking that a protocol counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from vpr_core.types import Neighbours

__all__ = ["ranking"]

Int64Array = npt.NDArray[np.int64]


def ranking(search: Callable[[int], Neighbours], split: Any, *, size: int, depth: int) -> Int64Array:
    """Return ``(Q, depth)`` database positions, best first, as ``split``'s protocol wants them; -1 fills short rows.

    Answers that the protocol ignores (the query's own time stamp, the query itself) are taken out, and of each group
    (the cutouts of a panorama) only the best stays. As many neighbours are fetched as that needs: more are asked for
    until every row is full or the whole database has been ranked.

    Args:
        search: ``k`` to the ``k`` nearest database positions.
        split: carries the protocol.
        size: number of images that can be found.
        depth: length of the ranking.
    """
    group = getattr(split.protocol, "group", None) or 1
    groups = split.groups() if group > 1 else None
    ignores = hasattr(split, "ignored")
    fetch = min(size, depth * group)
    while True:
        found = np.asarray(search(fetch).index, dtype=np.int64)
        drop = found < 0
        if ignores:
            drop |= split.ignored(found)
        if groups is not None:
            drop |= _repeats(np.where(drop, -1, groups[found]))
        kept = _closed_up(found, drop)[:, :depth]
        if fetch >= size or (kept.shape[1] == depth and (kept >= 0).all()):
            return _padded(kept, depth)
        fetch = min(size, 4 * fetch)


def _repeats(labels: Int64Array) -> npt.NDArray[np.bool_]:
    """Return which entries repeat an earlier label of their row; -1 is no label."""
    order = np.argsort(labels, axis=1, kind="stable")
    ranked = np.take_along_axis(labels, order, axis=1)
    again = np.zeros(labels.shape, dtype=bool)
    again[:, 1:] = (ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] >= 0)
    repeats = np.empty_like(again)
    np.put_along_axis(repeats, order, again, axis=1)
    return repeats


def _closed_up(found: Int64Array, drop: npt.NDArray[np.bool_]) -> Int64Array:
    """Move what stays to the front of each row, in order, and fill up with -1."""
    order = np.argsort(drop, axis=1, kind="stable")
    return np.take_along_axis(np.where(drop, -1, found), order, axis=1)


def _padded(found: Int64Array, depth: int) -> Int64Array:
    missing = depth - found.shape[1]
    return np.pad(found, ((0, 0), (0, missing)), constant_values=-1) if missing > 0 else found
