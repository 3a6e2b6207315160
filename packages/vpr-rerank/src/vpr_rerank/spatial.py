"""Rapid spatial scoring: how alike the displacements of matched patches are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float64 = npt.NDArray[np.float64]

__all__ = ["spatial_score"]


def spatial_score(query: Float64, candidate: Float64, *, most: tuple[float, float], patches: int) -> float:
    """Return the score of matches by their displacements (Hausler et al. 2021, arXiv 2103.01282, section 3.4).

    With displacements ``d_i = candidate_i - query_i`` in x and in y and their mean ``m``, a match counts the more the
    nearer its displacement is to the mean, measured against the largest one that is possible::

        score = (1 / patches) sum_i [ (1 - |d_i,x - m_x| / most_x)^2 + (1 - |d_i,y - m_y| / most_y)^2 ]

    0 without matches, 2 when every patch has one and all are displaced alike. The paper leaves the offsets in pixels;
    here they are relative, so that maps of other sizes compare, and a negative term counts as 0.

    Args:
        query: ``(n, 2)`` x and y of matched patches.
        candidate: ``(n, 2)`` of their partners.
        most: largest offset in x and in y.
        patches: number of patches of the query, matched or not.
    """
    if not len(query):
        return 0.0
    moved = candidate.astype(np.float64) - query.astype(np.float64)
    apart = np.abs(moved - moved.mean(axis=0)) / np.maximum(np.asarray(most, dtype=np.float64), 1.0)
    return float((np.maximum(1.0 - apart, 0.0) ** 2).sum() / max(1, patches))
