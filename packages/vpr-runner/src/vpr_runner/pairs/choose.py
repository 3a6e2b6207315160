"""Which images to match: the most similar ones, each unordered pair once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError

__all__ = ["ImagePairs", "Rules", "Side", "choose_pairs"]

BLOCK_NUMBERS = 1 << 24
"""Similarities held at once: 64 MiB."""


class Rows(Protocol):
    """Descriptors, read as they are asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, where: Any, /) -> npt.NDArray[Any]: ...


@dataclass(frozen=True, kw_only=True)
class Side:
    """Images to pair.

    Attributes:
        names: ``N`` of them.
        rows: descriptors ``(N, D)``; a row with NaN is an image that could not be read, and is in no pair.
        points: float64 ``(N, 2)`` metres, NaN where not known, or None.
    """

    names: Sequence[str]
    rows: Rows
    points: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What makes a pair.

    Attributes:
        matched: at most so many partners an image is given.
        score: least similarity, the cosine of two descriptors, -1..1; None: any.
        gap: within one map, images closer than this in its order (frames of a drive) are no pair.
        radius: images further apart than this in metres are no pair; None: positions do not matter.
    """

    matched: int = 20
    score: float | None = None
    gap: int = 1
    radius: float | None = None


@dataclass(frozen=True, kw_only=True)
class ImagePairs:
    """``P`` pairs, those of the first image first, most similar first.

    Attributes:
        first, second: names.
        score: float32 ``(P,)``, cosine of the two descriptors; for pairs by poses, minus the distance in metres.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    score: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.first)


def choose_pairs(queries: Side, database: Side | None, rules: Rules) -> ImagePairs:
    """Return the pairs of each query with its most similar database images, equal scores by place in the database.

    Args:
        queries: ``Q`` images; query first, as hloc and COLMAP write it.
        database: the images they are paired with; None: themselves, no image with itself, each unordered pair once.
        rules: see there.

    Raises:
        UsageError: descriptors differ in length, or a radius is asked for and positions are not known.
    """
    other = queries if database is None else database
    if len(queries.rows) and len(other.rows) and queries.rows[:1].shape[1] != other.rows[:1].shape[1]:
        raise UsageError(
            f"descriptors of {queries.rows[:1].shape[1]} and of {other.rows[:1].shape[1]} numbers cannot be compared; "
            "make both maps with one network"
        )
    if rules.radius is not None and (queries.points is None or other.points is None):
        raise UsageError("--radius: the positions of the images are not known; make the map of images with positions")
    known = _unit(other.rows[:])
    step = max(1, BLOCK_NUMBERS // max(1, len(known)))
    found: list[tuple[int, int, float]] = []
    for start in range(0, len(queries.rows), step):
        stop = min(start + step, len(queries.rows))
        scores = _unit(queries.rows[start:stop]) @ known.T
        scores[~np.isfinite(scores)] = -np.inf
        _forbid(scores, start, queries, other, rules, own=database is None)
        found += _best(scores, start, rules)
    if database is None:
        found = _once(found)
    return ImagePairs(
        first=tuple(queries.names[left] for left, _, _ in found),
        second=tuple(other.names[right] for _, right, _ in found),
        score=np.array([score for _, _, score in found], dtype=np.float32),
    )


def _unit(rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    values = np.asarray(rows, dtype=np.float32)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(length > 0, length, 1), dtype=np.float32)


def _forbid(
    scores: npt.NDArray[np.float32], start: int, queries: Side, other: Side, rules: Rules, *, own: bool
) -> None:
    """Take out what may not be a pair."""
    if own:
        order = np.arange(start, start + len(scores))[:, None] - np.arange(scores.shape[1])
        scores[np.abs(order) < max(1, rules.gap)] = -np.inf
    if rules.score is not None:
        scores[scores < rules.score] = -np.inf
    if rules.radius is not None and queries.points is not None and other.points is not None:
        asked = queries.points[start : start + len(scores)]
        for row, point in enumerate(asked):  # a row at a time: (n, N, 2) differences would be twice the block
            distance = np.linalg.norm(other.points - point, axis=1)
            scores[row, ~(distance <= rules.radius)] = -np.inf


def _best(scores: npt.NDArray[np.float32], start: int, rules: Rules) -> list[tuple[int, int, float]]:
    found = []
    count = min(rules.matched, scores.shape[1])
    for row, values in enumerate(scores):
        # Everything at least as similar as the last one that counts, so that ties are cut by place and not by chance.
        least = np.partition(values, len(values) - count)[len(values) - count]
        candidates = np.flatnonzero((values >= least) & np.isfinite(values))
        order = candidates[np.lexsort((candidates, -values[candidates]))][:count]
        found += [(start + row, int(right), float(values[right])) for right in order]
    return found


def _once(found: list[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    """Each unordered pair once, as it was found first."""
    seen: set[tuple[int, int]] = set()
    kept = []
    for left, right, score in found:
        pair = (min(left, right), max(left, right))
        if pair not in seen:
            seen.add(pair)
            kept.append((left, right, score))
    return kept
