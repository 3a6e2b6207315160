"""RootSIFT keypoints, mutual nearest neighbours, and the number of matches that one camera motion explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vpr_rerank.matching import mutual_nearest

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["RootSIFTMatcher", "count_inliers", "root"]

LEAST = {"homography": 4, "fundamental": 8}
"""Matches that a model is computed from."""


class RootSIFTMatcher:
    """Scores a candidate by the inliers of RANSAC among mutual nearest RootSIFT keypoints.

    SIFT (Lowe 2004) by OpenCV; RootSIFT is the square root of the descriptor at unit L1 length (Arandjelovic and
    Zisserman 2012). OpenCV's numbers are whole and below 256: kept as bytes, without loss, 136 bytes a keypoint.
    RANSAC (Fischler and Bolles 1981) draws from a generator that OpenCV starts anew at each call, so that a pair
    always has the same score.

    Args:
        keypoints: most of an image, strongest first.
        model: what must explain the matches: a homography (planes, far scenes) or a fundamental matrix.
        threshold: pixels that a match may miss the model by.
        sure: inliers at which no further answer is looked at; None: all are.

    Raises:
        ModuleNotFoundError: OpenCV is not installed; the extra ``opencv`` brings it.
    """

    def __init__(
        self,
        *,
        keypoints: int = 1000,
        model: Literal["homography", "fundamental"] = "homography",
        threshold: float = 6.0,
        sure: int | None = None,
    ) -> None:
        if keypoints < 8:
            raise ValueError(f"keypoints: must be at least 8, got {keypoints}")
        if model not in LEAST:
            raise ValueError(f"model: {model!r} is none of {', '.join(LEAST)}")
        if not 0 < threshold < float("inf"):
            raise ValueError(f"threshold: must be above 0 pixels, got {threshold}")
        if sure is not None and sure < 4:
            raise ValueError(f"sure: must be at least 4 inliers, got {sure}")
        _opencv()
        self.keypoints, self.model, self.threshold, self.sure = keypoints, model, threshold, sure

    def features(self, source: Array) -> Mapping[str, Array]:
        """Return ``points (n, 2)`` in pixels and ``descriptors (n, 128)`` uint8 of an image uint8 ``(H, W, 3)``."""
        cv2 = _opencv()
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3:
            raise ValueError(f"an image is uint8 (H, W, 3), got {source.dtype} {source.shape}")
        grey = cv2.cvtColor(np.ascontiguousarray(source), cv2.COLOR_RGB2GRAY)
        found, numbers = cv2.SIFT_create(nfeatures=self.keypoints).detectAndCompute(grey, None)
        if numbers is None:
            return {"points": np.zeros((0, 2), np.float32), "descriptors": np.zeros((0, 128), np.uint8)}
        points = np.array([point.pt for point in found], dtype=np.float32)[: self.keypoints]  # ties can make it more
        return {"points": points, "descriptors": numbers.astype(np.uint8)[: self.keypoints]}

    def score(self, query: Mapping[str, Array], candidate: Mapping[str, Array]) -> float:
        """Return the number of inliers."""
        left, right = mutual_nearest(root(query["descriptors"]), root(candidate["descriptors"]))
        return float(
            count_inliers(query["points"][left], candidate["points"][right], model=self.model, threshold=self.threshold)
        )

    def enough(self, scores: Sequence[float]) -> bool:
        """Whether one of the answers is sure."""
        return self.sure is not None and max(scores) >= self.sure


def root(descriptors: Array) -> npt.NDArray[np.float32]:
    """Return RootSIFT: ``sqrt(x / sum x)``, which has unit Euclidean length; a row of zeros stays one."""
    values = descriptors.astype(np.float32)
    total = values.sum(axis=1, keepdims=True)
    rooted: npt.NDArray[np.float32] = np.sqrt(values / np.maximum(total, 1.0))
    return rooted


def count_inliers(one: Array, other: Array, *, model: str, threshold: float) -> int:
    """Return how many matches ``(n, 2)`` to ``(n, 2)``, in pixels, one model explains within ``threshold``; by RANSAC.

    0 when there are too few matches for a model, or none is found.
    """
    cv2 = _opencv()
    if len(one) < LEAST[model]:
        return 0
    here, there = one.astype(np.float64), other.astype(np.float64)
    if model == "homography":
        found, inliers = cv2.findHomography(here, there, cv2.RANSAC, threshold, maxIters=2000, confidence=0.999)
    else:
        found, inliers = cv2.findFundamentalMat(here, there, cv2.FM_RANSAC, threshold, 0.999, 2000)
    return 0 if found is None or inliers is None else int(np.count_nonzero(inliers))


def _opencv() -> Any:
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'the re-ranker rootsift needs OpenCV: pip install "vpr-rerank[opencv]"', name="cv2"
        ) from error
    return cv2
