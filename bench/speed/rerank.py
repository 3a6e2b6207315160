"""Local evidence for the first answers: our matchers beside what they were, one sum a patch size and one map a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.speed.measure import Effort, compare
from bench.speed.row import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["measure"]

MAPS = ((256, 8, 13), (512, 30, 40))
"""Of ResNet-18 to layer3 at 120x208, and of VGG-16 at 480x640."""
KEYPOINTS = 1_000
CANDIDATES = 20
SIDES, WEIGHTS = (2, 5, 8), (0.45, 0.15, 0.4)


def measure(effort: Effort) -> list[Row]:
    """Measure one query against its candidates by dense features, and mutual neighbours alone."""
    return [*(_dense(effort, shape) for shape in MAPS), _mutual(effort)]


def _dense(effort: Effort, shape: tuple[int, int, int]) -> Row:
    from vpr_rerank import DenseMatcher
    from vpr_rerank.dense import patches_of

    channels, height, width = effort.size(shape[0], 16), effort.size(shape[1], 9), effort.size(shape[2], 10)
    count = effort.size(CANDIDATES, 2)
    matcher, rng = DenseMatcher(patches=SIDES, weights=WEIGHTS), np.random.default_rng(0)
    world = np.maximum(rng.standard_normal((channels, height, width + count), dtype=np.float32), 0)
    views = [matcher.features(world[:, :, shift : shift + width])["map"] for shift in range(count + 1)]
    query, candidates = views[0], views[1:]
    rows = [patches_of(view, SIDES) for view in views]

    def ours() -> list[float]:
        fresh = DenseMatcher(patches=SIDES, weights=WEIGHTS)
        return [fresh.score({"map": query}, {"map": candidate}) for candidate in candidates]

    def reference() -> list[float]:
        return [_score_by_sizes(query, candidate) for candidate in candidates]

    def limit() -> None:
        for other in rows[1:]:
            for side in SIDES:
                rows[0][side] @ other[side].T

    apart = max(abs(one - other) for one, other in zip(ours(), reference(), strict=True))
    return Row.from_comparison(
        f"one query against {count} candidates, dense features {channels}x{height}x{width}, patches of 2, 5 and 8",
        compare({"ours": ours, "each size and each pair anew": reference, "limit": limit}, repeats=effort.rounds()),
        reference="each size and each pair anew",
        limit="the bare matrix products",
        count=count,
        unit="candidates",
        note=f"what our code was until November 2026; scores differ by {apart:.0e} at most",
    )


def _mutual(effort: Effort) -> Row:
    from vpr_rerank import mutual_nearest
    from vpr_rerank.rootsift import root

    keypoints, rng = effort.size(KEYPOINTS, 20), np.random.default_rng(1)
    one = rng.integers(0, 256, size=(keypoints, 128)).astype(np.uint8)
    noise = rng.integers(0, 20, size=one.shape).astype(np.uint8)
    first, second = root(one), root(np.minimum(one, 235) + noise)
    ours, reference = mutual_nearest(first, second), _mutual_by_two_argmax(first, second)
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(ours, reference, strict=True))
    contestants = {
        "ours": lambda: mutual_nearest(first, second),
        "argmax along both axes": lambda: _mutual_by_two_argmax(first, second),
        "limit": lambda: first @ second.T,
    }
    return Row.from_comparison(
        f"mutual nearest of {keypoints:,} and {keypoints:,} RootSIFT keypoints",
        compare(contestants, repeats=4 * effort.rounds(), warmup=3),
        reference="argmax along both axes",
        limit="the bare matrix product",
    )


def _score_by_sizes(query: np.ndarray, candidate: np.ndarray) -> float:
    """The score of `DenseMatcher`, with sums from the corner taken channel by channel, again for every size."""
    from vpr_rerank import spatial_score

    total = 0.0
    for side, weight in zip(SIDES, WEIGHTS, strict=True):
        one, other = _patch_means(query, side), _patch_means(candidate, side)
        left, right = _mutual_by_two_argmax(one, other)
        alive = np.einsum("nd,nd->n", one[left], other[right]) > 0
        wide = query.shape[2] - side + 1
        most = float(query.shape[2] - side), float(query.shape[1] - side)
        here, there = (_places(numbers[alive], wide) for numbers in (left, right))
        total += weight * spatial_score(here, there, most=most, patches=len(one))
    return total


def _patch_means(features: np.ndarray, side: int) -> np.ndarray:
    summed = np.cumsum(np.cumsum(features.astype(np.float64), axis=1), axis=2)
    summed = np.pad(summed, ((0, 0), (1, 0), (1, 0)))
    boxes = (
        summed[:, side:, side:] - summed[:, :-side, side:] - summed[:, side:, :-side] + summed[:, :-side, :-side]
    ) / side**2
    rows = boxes.reshape(len(boxes), -1).T
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(norm > 1e-6, rows / np.maximum(norm, 1e-6), 0.0).astype(np.float32)


def _mutual_by_two_argmax(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    similarity = one @ other.T
    forth, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    mutual = np.flatnonzero(back[forth] == np.arange(len(one)))
    return mutual, forth[mutual]


def _places(numbers: Sequence[int] | np.ndarray, wide: int) -> np.ndarray:
    return np.stack([np.asarray(numbers) % wide, np.asarray(numbers) // wide], axis=1).astype(np.float64)
