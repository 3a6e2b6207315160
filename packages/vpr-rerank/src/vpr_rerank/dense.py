"""The backbone's own dense features: mutual nearest patches and a spatial score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_rerank.matching import mutual_nearest
from vpr_rerank.spatial import spatial_score

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["DenseMatcher", "patch_means"]


class DenseMatcher:
    """Compares two feature maps by patches of several sizes, as Patch-NetVLAD does (Hausler et al. 2021, 2103.01282).

    A patch of ``p x p`` locations is the mean of its unit local features, at unit length again; patches of two maps
    that are each other's nearest are matched; the score is the sum of `spatial_score` over sizes by their weights.
    Patch-NetVLAD pools a patch by NetVLAD and whitens it; here the network's features are taken as they are, so that
    every backbone can be re-ranked without anything being trained.

    Args:
        patches: sides of the patches, in locations; those larger than a map are left out.
        weights: of the sizes, one each.
        sure: a score at which no further answer is looked at; None: all are.
    """

    def __init__(
        self,
        *,
        patches: Sequence[int] = (2, 5, 8),
        weights: Sequence[float] = (0.45, 0.15, 0.4),
        sure: float | None = None,
    ) -> None:
        if not patches or min(patches) < 1 or len(set(patches)) != len(patches):
            raise ValueError(f"patches: must be different sides of at least 1, got {tuple(patches)}")
        if len(weights) != len(patches) or min(weights) <= 0:
            raise ValueError(f"weights: one above 0 for each of {tuple(patches)}, got {tuple(weights)}")
        if sure is not None and not 0 < sure <= 2 * sum(weights):
            raise ValueError(f"sure: must be above 0 and at most {2 * sum(weights):g}, got {sure}")
        self.patches, self.weights, self.sure = tuple(patches), tuple(weights), sure

    def features(self, source: Array) -> Mapping[str, Array]:
        """Return the local features of a map ``(C, h, w)`` at unit length, in half precision: ``2 C h w`` bytes."""
        if source.ndim != 3 or not np.isfinite(source).all():
            raise ValueError(f"a feature map is finite and (C, h, w), got shape {source.shape}")
        values = np.asarray(source, dtype=np.float32)
        norm = np.sqrt(np.einsum("chw,chw->hw", values, values, dtype=np.float64))
        return {"map": (values / np.maximum(norm, 1e-12)[None]).astype(np.float16)}

    def score(self, query: Mapping[str, Array], candidate: Mapping[str, Array]) -> float:
        """Return the weighted spatial score of matched patches; higher is more alike."""
        here, there = query["map"], candidate["map"]
        if here.ndim != 3 or there.ndim != 3 or len(here) != len(there):
            raise ValueError(f"feature maps of shapes {here.shape} and {there.shape}; both are (C, h, w) with one C")
        total = 0.0
        for side, weight in zip(self.patches, self.weights, strict=True):
            if side <= min(*here.shape[1:], *there.shape[1:]):
                total += weight * self._at(here, there, side)
        return total

    def enough(self, scores: Sequence[float]) -> bool:
        """Whether one of the answers is sure."""
        return self.sure is not None and max(scores) >= self.sure

    def _at(self, here: Array, there: Array, side: int) -> float:
        one, other = patch_means(here, side), patch_means(there, side)
        left, right = mutual_nearest(one, other)
        alive = np.einsum("nd,nd->n", one[left], other[right]) > 0  # a patch without features matches nothing
        wide, broad = here.shape[2] - side + 1, there.shape[2] - side + 1
        most = (
            float(max(here.shape[2], there.shape[2]) - side),
            float(max(here.shape[1], there.shape[1]) - side),
        )
        return spatial_score(_places(left[alive], wide), _places(right[alive], broad), most=most, patches=len(one))


def patch_means(features: Array, side: int) -> npt.NDArray[np.float32]:
    """Return the means of all ``side x side`` patches of ``(C, h, w)`` as unit rows ``(P, C)``, row by row."""
    summed = np.cumsum(np.cumsum(features.astype(np.float64), axis=1), axis=2)
    summed = np.pad(summed, ((0, 0), (1, 0), (1, 0)))
    boxes = (
        summed[:, side:, side:] - summed[:, :-side, side:] - summed[:, side:, :-side] + summed[:, :-side, :-side]
    ) / side**2
    rows = boxes.reshape(len(boxes), -1).T
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(norm > 1e-6, rows / np.maximum(norm, 1e-6), 0.0).astype(np.float32)


def _places(numbers: npt.NDArray[np.int64], wide: int) -> npt.NDArray[np.float64]:
    return np.stack([numbers % wide, numbers // wide], axis=1).astype(np.float64)
