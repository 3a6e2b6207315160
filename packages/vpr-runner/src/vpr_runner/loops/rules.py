"""What makes a loop, and one loop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["LoopCandidate", "LoopRules"]


@dataclass(frozen=True, kw_only=True)
class LoopRules:
    """What an image must show to close a loop.

    An earlier image is a candidate when it is at least ``exclude`` seconds old and its descriptor lies within
    ``distance``. Of the last ``window`` images, this one included, at least ``support`` must have a candidate that
    agrees: one whose time differs from this candidate's by no more than ``pace`` times the time between the two images,
    as when a place is passed once more, in either direction, at up to ``pace`` times the speed.

    Attributes:
        exclude: seconds before an image that are no loop; neighbours on a drive always look alike.
        distance: Euclidean distance between unit descriptors, 0 the same, 2 opposite; None: any.
        window: images that are looked at, the ``n`` of "k of n".
        support: how many of them must agree, the ``k``; 1 asks for nothing.
        pace: largest ratio of the two speeds.
        candidates: earlier images that are looked at for each image, nearest first.
        answers: accepted candidates an image gives at most.

    Raises:
        ValueError: a value is out of range.
    """

    exclude: float = 30.0
    distance: float | None = None
    window: int = 5
    support: int = 3
    pace: float = 3.0
    candidates: int = 5
    answers: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.exclude) and self.exclude >= 0):
            raise ValueError(f"exclude must be at least 0 seconds, got {self.exclude}")
        if self.distance is not None and not 0 <= self.distance <= 2:
            raise ValueError(f"distance must lie in 0..2, got {self.distance}")
        if not 1 <= self.support <= self.window:
            raise ValueError(f"support must lie in 1..window, got {self.support} of {self.window}")
        if not (math.isfinite(self.pace) and self.pace > 0):
            raise ValueError(f"pace must be above 0, got {self.pace}")
        if not 1 <= self.answers <= self.candidates:
            raise ValueError(
                f"answers must lie in 1..candidates, got answers={self.answers}, candidates={self.candidates}"
            )


@dataclass(frozen=True, kw_only=True)
class LoopCandidate:
    """One image that shows a place again.

    Attributes:
        query: number of the image, counted from 0 as they were added.
        match: number of the earlier image.
        query_time: seconds.
        match_time: seconds.
        distance: between the descriptors.
        support: how many of the last images agree, this one included.
    """

    query: int
    match: int
    query_time: float
    match_time: float
    distance: float
    support: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return dict(vars(self))
