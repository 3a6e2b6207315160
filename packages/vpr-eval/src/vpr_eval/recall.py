"""recall@N: the share of queries with a right database image among the first N."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vpr_eval.ragged import PositionRows, check_ranking

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["RecallResult", "recall_at"]


@dataclass(frozen=True, kw_only=True, eq=False)
class RecallResult:
    """recall@N and what it was counted from.

    Attributes:
        recall: N to the share of counted queries, 0..1.
        first_hit: ``(Q,)`` int64, rank from 1 of the first right image of each query; 0 when the ranking has none.
        evaluated: ``(Q,)`` bool, the queries in the denominator.
        without_positives: number of queries that have no right image in the whole database.
        depth: ``k``, how deep the ranking was.
    """

    recall: dict[int, float]
    first_hit: npt.NDArray[np.int64]
    evaluated: npt.NDArray[np.bool_]
    without_positives: int
    depth: int

    @property
    def counted(self) -> int:
        """The denominator."""
        return int(self.evaluated.sum())

    def hits(self, at: int) -> npt.NDArray[np.bool_]:
        """Return for each counted query whether a right image is among the first ``at``, ``(counted,)``."""
        first = self.first_hit[self.evaluated]
        return np.asarray((first >= 1) & (first <= at), dtype=np.bool_)

    def curve(self) -> npt.NDArray[np.float64]:
        """Return recall@1 .. recall@k, ``(k,)``."""
        first = self.first_hit[self.evaluated]
        return np.asarray(np.cumsum(np.bincount(first, minlength=self.depth + 1)[1:]) / self.counted, dtype=np.float64)


def recall_at(
    index: npt.NDArray[np.int64],
    positives: Sequence[Any],
    *,
    at: Sequence[int] = (1, 5, 10, 20),
    without_positives: Literal["count", "exclude"] = "count",
    database_size: int | None = None,
) -> RecallResult:
    """Return recall@N: ``#{q : {index[q, 0], ..., index[q, N-1]} meets positives[q]} / #{q}``.

    Works on all queries at once. Source: Arandjelovic et al., NetVLAD, 2016, arXiv 1511.07247, section 5.1.

    Args:
        index: ``(Q, k)`` ranking, best first (`Neighbours.index`); -1 stands for nothing found.
        positives: for each query its right database positions (int64 arrays), possibly none.
        at: the Ns, each at most ``k``.
        without_positives: what a query without any right image is: ``count`` (a miss; the usual way) or ``exclude``
            (not in the denominator).
        database_size: number of database images. With it positions are checked, and N may exceed ``k`` when the
            ranking holds the whole database.

    Raises:
        ValueError: shapes or types are wrong; N is not in ``1..k``; there is no query, or none has a positive.
    """
    ranking = check_ranking(index)
    queries, depth = ranking.shape
    if without_positives not in ("count", "exclude"):
        raise ValueError(f'without_positives: {without_positives!r} is unknown; choose "count" or "exclude"')
    rows = PositionRows(positives, queries=queries, name="positives")
    if database_size is not None:
        for name, largest in (("index", int(ranking.max())), ("positives", rows.largest)):
            if largest >= database_size:
                raise ValueError(
                    f"{name}: holds position {largest}, the database has {database_size} images; "
                    "do both belong to the same split?"
                )
    cuts = [_checked_cut(cut, depth, complete=database_size is not None and depth >= database_size) for cut in at]
    empty = rows.counts == 0
    if empty.all():
        raise ValueError(
            f"positives: none of the {queries} queries has a right image in the database; recall means nothing then. "
            "Look at the coordinates and the radius"
        )
    hit = rows.contain(ranking)
    first_hit = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0).astype(np.int64)
    evaluated = ~empty if without_positives == "exclude" else np.ones(queries, dtype=np.bool_)
    first = first_hit[evaluated]
    return RecallResult(
        recall={cut: float(np.count_nonzero((first >= 1) & (first <= cut)) / len(first)) for cut in cuts},
        first_hit=first_hit,
        evaluated=evaluated,
        without_positives=int(empty.sum()),
        depth=depth,
    )


def _checked_cut(cut: Any, depth: int, *, complete: bool) -> int:
    if isinstance(cut, bool) or not isinstance(cut, (int, np.integer)) or cut < 1:
        raise ValueError(f"at: must be integers of at least 1, got {cut!r}")
    if cut > depth and not complete:
        raise ValueError(
            f"at: recall@{cut} needs {cut} neighbours a query, the ranking holds {depth}; search with k={cut}"
        )
    return int(cut)
