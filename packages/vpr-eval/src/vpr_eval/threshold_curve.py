"""Precision and recall of a decision by threshold: is the best match of this query to be believed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float64 = npt.NDArray[np.float64]

__all__ = ["PrecisionRecall", "precision_recall"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PrecisionRecall:
    """Precision and recall at each threshold, strictest first.

    Attributes:
        threshold: ``(T,)`` the distinct scores, descending: accepted is ``score >= threshold``.
        precision: ``(T,)`` right among accepted.
        recall: ``(T,)`` right and accepted among all that should be.
    """

    threshold: Float64
    precision: Float64
    recall: Float64

    @property
    def average_precision(self) -> float:
        """``sum_t (recall_t - recall_{t-1}) precision_t``, the area under the curve by steps."""
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))

    @property
    def area(self) -> float:
        """Area under the curve by trapezoids, from recall 0 at the precision of the strictest threshold."""
        height = np.concatenate([self.precision[:1], self.precision])
        return float(np.sum(np.diff(self.recall, prepend=0.0) * (height[1:] + height[:-1]) / 2))

    @property
    def recall_at_full_precision(self) -> float:
        """The largest recall at precision 1; 0 when no threshold reaches that."""
        return float(self.recall[self.precision == 1.0].max(initial=0.0))

    @property
    def extended_precision(self) -> float:
        """``(P_R0 + R_P100) / 2``: precision at the strictest threshold, and recall at full precision.

        Source: Ferrarini et al., "Exploring performance bounds of visual place recognition using extended precision",
        RA-L 2020.
        """
        return (float(self.precision[0]) + self.recall_at_full_precision) / 2


def precision_recall(score: npt.NDArray[Any], correct: npt.NDArray[Any], *, total: int) -> PrecisionRecall:
    """Return precision and recall over all thresholds; equal scores are accepted together.

    Args:
        score: ``(M,)``, higher is surer: the similarity of each query's best match, or its distance negated.
        correct: ``(M,)`` bool, whether that match is right.
        total: how many should be accepted, the denominator of recall. Queries that have a right place in the database
            (``#positives > 0``) tells how many of all places are recognised; ``int(correct.sum())`` is the convention
            of VPR-Bench and scikit-learn, by which recall always ends at 1.

    Raises:
        ValueError: shapes differ, a score is NaN, nothing is given, or ``total`` is below the number of right matches.
    """
    scores = np.asarray(score, dtype=np.float64)
    right = np.asarray(correct)
    if scores.ndim != 1 or scores.shape != right.shape:
        raise ValueError(f"score: shape {scores.shape} beside correct of shape {right.shape}; both must be (M,)")
    if right.dtype != np.bool_:
        raise ValueError(f"correct: must be bool, got {right.dtype}")
    if not scores.size:
        raise ValueError("score: empty; there is nothing to evaluate")
    if np.isnan(scores).any():
        raise ValueError(f"score: entry {int(np.flatnonzero(np.isnan(scores))[0])} is NaN")
    if total < max(1, int(right.sum())):
        raise ValueError(f"total: {total} is too small: {int(right.sum())} matches are right, and at least 1 is needed")
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.append(ordered[1:] != ordered[:-1], True)
    accepted = np.flatnonzero(last) + 1
    hits = np.cumsum(right[order])[last]
    return PrecisionRecall(threshold=ordered[last], precision=hits / accepted, recall=hits / total)
