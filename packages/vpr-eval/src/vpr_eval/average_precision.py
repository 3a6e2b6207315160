"""Mean average precision of image retrieval: good, ok and junk images, trapezoid rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vpr_eval.ragged import PositionRows, check_ranking

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["AveragePrecisionResult", "mean_average_precision"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragePrecisionResult:
    """mAP and what it was counted from.

    Attributes:
        mean: mAP over the counted queries, 0..1.
        per_query: ``(Q,)`` average precision; NaN for queries without positives that were excluded.
        without_positives: number of queries without positives.
    """

    mean: float
    per_query: npt.NDArray[np.float64]
    without_positives: int

    @property
    def evaluated(self) -> npt.NDArray[np.bool_]:
        """Queries in the mean, ``(Q,)``."""
        return np.asarray(~np.isnan(self.per_query), dtype=np.bool_)


def mean_average_precision(
    index: npt.NDArray[np.int64],
    positives: Sequence[Any],
    *,
    junk: Sequence[Any] | None = None,
    ignored: npt.NDArray[np.int64] | None = None,
    rule: Literal["trapezoid", "step"] = "trapezoid",
    without_positives: Literal["count", "exclude"] = "exclude",
) -> AveragePrecisionResult:
    """Return the mean over queries of the area under precision as a function of recall.

    Junk and ignored images are taken out of the ranking first. With ``n`` positives, the ``j``-th of them (from 1) at
    rank ``r`` (from 1) adds, by the trapezoid rule of Oxford and Paris,
    ``1/n * (p + j/r) / 2`` with ``p = (j - 1)/(r - 1)``, and ``p = 1`` at ``r = 1``; by the step rule ``1/n * j/r``.
    A positive outside the ranking adds nothing, so rank the whole database.

    Oxford 5k and Paris 6k: ``positives`` are good and ok, the query image is *not* ignored. Holidays: it is.
    Sources: Philbin et al., CVPR 2007; protocol of NetVLAD (arXiv 1511.07247), section 5.3.

    Args:
        index: ``(Q, k)`` ranking, best first; -1 stands for nothing found.
        positives: for each query the database positions that are right.
        junk: for each query those that count neither way.
        ignored: ``(Q,)`` one more for each query, the query image itself; -1 for none.
        rule: ``trapezoid`` or ``step``.
        without_positives: ``exclude`` them from the mean, or ``count`` them as 0.

    Raises:
        ValueError: shapes or types are wrong, a ranking holds an image twice, a positive is junk or ignored, or no
            query has a positive.
    """
    ranking = check_ranking(index)
    queries = len(ranking)
    if rule not in ("trapezoid", "step"):
        raise ValueError(f'rule: {rule!r} is unknown; choose "trapezoid" or "step"')
    if without_positives not in ("count", "exclude"):
        raise ValueError(f'without_positives: {without_positives!r} is unknown; choose "count" or "exclude"')
    _refuse_repeats(ranking)
    right_rows = PositionRows(positives, queries=queries, name="positives")
    right = right_rows.contain(ranking)
    out = ranking < 0
    if junk is not None:
        out |= PositionRows(junk, queries=queries, name="junk").contain(ranking)
    if ignored is not None:
        if ignored.shape != (queries,):
            raise ValueError(f"ignored: shape {ignored.shape} for {queries} queries; one position a query, -1 for none")
        out |= ranking == ignored[:, None]
    both = right & out
    if both.any():
        query, place = (int(value) for value in np.argwhere(both)[0])
        raise ValueError(
            f"positives: query {query} has image {ranking[query, place]} both as positive and as junk or ignored; "
            "it can be one of them only"
        )
    counts = right_rows.counts
    if not counts.any():
        raise ValueError(
            f"positives: none of the {queries} queries has a positive; average precision means nothing then"
        )

    rank = np.cumsum(~out, axis=1)  # from 1; meaningful where the image counts
    found = np.cumsum(right, axis=1)
    height = found / np.maximum(rank, 1)
    if rule == "trapezoid":
        before = np.where(rank > 1, (found - 1) / np.maximum(rank - 1, 1), 1.0)
        height = (before + height) / 2
    per_query = (height * right).sum(axis=1) / np.maximum(counts, 1)
    empty = counts == 0
    if without_positives == "exclude":
        per_query[empty] = np.nan
    return AveragePrecisionResult(
        mean=float(np.nanmean(per_query)), per_query=per_query, without_positives=int(empty.sum())
    )


def _refuse_repeats(ranking: npt.NDArray[np.int64]) -> None:
    ordered = np.sort(ranking, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if twice.any():
        query, place = (int(value) for value in np.argwhere(twice)[0])
        raise ValueError(f"index: query {query} ranks image {ordered[query, place]} more than once")
