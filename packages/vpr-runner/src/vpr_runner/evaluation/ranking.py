"""From nearest neighbours to the ranking that a protocol counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vpr_eval import Neighbours, suppress_groups

__all__ = ["ranking"]


def ranking(search: Callable[[int], Neighbours], split: Any, *, size: int, depth: int) -> Neighbours:
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
    groups = np.asarray(split.groups()) if group > 1 else 1
    fetch = min(size, depth * group)
    while True:
        found = search(fetch)
        index = found.index
        if hasattr(split, "ignored"):
            index = np.where(split.ignored(index), np.int64(-1), index)
        kept = suppress_groups(Neighbours(found.distance, index), keep=depth, group=groups)
        if fetch >= size or (kept.index >= 0).all():
            return kept
        fetch = min(size, 4 * fetch)
