"""The map of a page: points in metres as paths of an SVG, which zooms without a script's help for its dots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from vpr_runner.pages.shown import Point, Shown, ShownQuery

__all__ = ["Drawing", "Mark"]

MOST = 5000
"""Dots of the database that are drawn; more of them are thinned out evenly."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What the map shows of one photo; each is the ``d`` of a path, empty: nothing.

    Attributes:
        here: where it was taken, or else the estimate.
        answers: the other answers.
        first: the first answer.
        line: from ``here`` to the first answer.
        centre: of the circle of the estimate, or None.
        radius: of it, in metres.
    """

    here: str
    answers: str
    first: str
    line: str
    centre: Point | None
    radius: float


class Drawing:
    """Coordinates of a page's map: x to the right is east, y down is south, from the middle of what is shown.

    Args:
        shown: the page.
    """

    def __init__(self, shown: Shown) -> None:
        ground = shown.ground[np.isfinite(shown.ground).all(axis=1)]
        points = [ground, *(np.array([point]) for query in shown.queries for point in _points(query))]
        every = np.concatenate([np.zeros((0, 2)), *points])
        self.empty = not len(every)
        low, high = (np.zeros(2), np.zeros(2)) if self.empty else (every.min(axis=0), every.max(axis=0))
        self._middle = (low + high) / 2
        self.width, self.height = (
            float(side) for side in np.maximum((high - low) * 1.12, max(20.0, *(high - low)) / 3)
        )
        self.ground = self.dots(ground[:: max(1, -(-len(ground) // MOST))])

    @property
    def middle(self) -> Point:
        """The point in metres that is drawn at 0, 0."""
        return float(self._middle[0]), float(self._middle[1])

    @property
    def view(self) -> str:
        """The ``viewBox``."""
        return f"{-self.width / 2:.2f} {-self.height / 2:.2f} {self.width:.2f} {self.height:.2f}"

    def dots(self, points: Iterable[Point] | npt.NDArray[np.float64]) -> str:
        """Return a path of lines of no length: round ends make dots that keep their size at any zoom."""
        return "".join(f"M{x:.2f} {y:.2f}h0" for x, y in map(self._at, points))

    def mark(self, query: ShownQuery) -> Mark:
        """Return what the map shows of one photo."""
        estimate = None if query.estimate is None else query.estimate[0]
        here = query.xy or estimate
        places = [answer.xy for answer in query.answers if answer.xy is not None]
        line = ""
        if here is not None and places:
            (a, b), (c, d) = self._at(here), self._at(places[0])
            line = f"M{a:.2f} {b:.2f}L{c:.2f} {d:.2f}"
        return Mark(
            here="" if here is None else self.dots([here]),
            answers=self.dots(places[1:]),
            first=self.dots(places[:1]),
            line=line,
            centre=None if estimate is None else self._at(estimate),
            radius=0.0 if query.estimate is None else query.estimate[2],
        )

    def _at(self, point: Point | npt.NDArray[np.float64]) -> Point:
        return float(point[0] - self._middle[0]), float(self._middle[1] - point[1])


def _points(query: ShownQuery) -> Iterable[Point]:
    if query.xy is not None:
        yield query.xy
    if query.estimate is not None:
        yield query.estimate[0]
    yield from (answer.xy for answer in query.answers if answer.xy is not None)
