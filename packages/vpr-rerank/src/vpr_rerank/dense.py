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
    Patches = Mapping[int, npt.NDArray[np.float32]]

__all__ = ["DenseMatcher", "patches_of"]


class DenseMatcher:
    """Compares two feature maps by patches of several sizes, as Patch-NetVLAD does (Hausler et al. 2021, 2103.01282).

    A patch of ``p x p`` locations is the mean of its unit local features, at unit length again; patches of two maps
    that are each other's nearest are matched; the score is the sum of `spatial_score` over sizes by their weights.
    Patch-NetVLAD pools a patch by NetVLAD and whitens it; here the network's features are taken as they are, so that
    every backbone can be re-ranked without anything being trained. The patches of the last query are kept for its next
    candidate, so a map must not be changed in place between two calls.

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
        self._last: tuple[Array, Patches] | None = None

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
        fits = min(*here.shape[1:], *there.shape[1:])
        sides = [(side, weight) for side, weight in zip(self.patches, self.weights, strict=True) if side <= fits]
        wanted = [side for side, _ in sides]
        ones, others = self._of_query(here, wanted), patches_of(there, wanted)
        return float(sum(weight * _matched(here, there, side, ones[side], others[side]) for side, weight in sides))

    def enough(self, scores: Sequence[float]) -> bool:
        """Whether one of the answers is sure."""
        return self.sure is not None and max(scores) >= self.sure

    def _of_query(self, query: Array, sides: Sequence[int]) -> Patches:
        last = self._last
        if last is None or last[0] is not query or not set(sides) <= last[1].keys():
            last = self._last = query, patches_of(query, sides)
        return last[1]


def patches_of(features: Array, sides: Sequence[int]) -> Patches:
    """Return the means of all ``side x side`` patches of ``(C, h, w)`` as unit rows ``(P, C)``, row by row.

    Sums over patches are differences of sums from the corner on, which are taken once for all sizes; in float64 those
    of values in half precision are exact. A patch whose mean is shorter than 1e-6 is a row of zeros.

    Args:
        features: ``(C, h, w)``.
        sides: of the patches, none longer than a side of the map.
    """
    channels, height, width = features.shape
    corner = np.zeros((height + 1, width + 1, channels))  # channels last: every sum below adds rows of memory
    corner[1:, 1:] = features.transpose(1, 2, 0)
    for y in range(1, height + 1):
        corner[y] += corner[y - 1]
    for x in range(1, width + 1):
        corner[:, x] += corner[:, x - 1]
    return {side: _unit_means(corner, side) for side in sides}


def _unit_means(corner: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.float32]:
    boxes = corner[side:, side:] - corner[:-side, side:]
    boxes -= corner[side:, :-side]
    boxes += corner[:-side, :-side]
    rows = boxes.reshape(-1, boxes.shape[2])
    norm = np.sqrt(np.einsum("pc,pc->p", rows, rows))
    scale = np.where(norm > 1e-6 * side**2, 1 / np.maximum(norm, 1e-300), 0.0)
    return np.multiply(rows, scale[:, None], out=np.empty(rows.shape, np.float32), casting="same_kind")


def _matched(here: Array, there: Array, side: int, one: Array, other: Array) -> float:
    left, right = mutual_nearest(one, other)
    alive = np.einsum("nd,nd->n", one[left], other[right]) > 0  # a patch without features matches nothing
    wide, broad = here.shape[2] - side + 1, there.shape[2] - side + 1
    most = (
        float(max(here.shape[2], there.shape[2]) - side),
        float(max(here.shape[1], there.shape[1]) - side),
    )
    return spatial_score(_places(left[alive], wide), _places(right[alive], broad), most=most, patches=len(one))


def _places(numbers: npt.NDArray[np.int64], wide: int) -> npt.NDArray[np.float64]:
    return np.stack([numbers % wide, numbers // wide], axis=1).astype(np.float64)
