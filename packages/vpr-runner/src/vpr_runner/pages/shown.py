"""What a page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Accepted", "Shown", "ShownAnswer", "ShownQuery", "service_link"]

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class ShownAnswer:
    """One answer to a photo.

    Attributes:
        rank: from 1.
        name: of the image.
        file: the image, or None: nobody knows where it lies.
        distance: between descriptors.
        xy: metres, or None.
        degrees: latitude and longitude, or None.
        metres: from where the photo was taken; None: not known.
        right: None: not known.
    """

    rank: int
    name: str
    file: Path | None
    distance: float
    xy: Point | None = None
    degrees: Point | None = None
    metres: float | None = None
    right: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ShownQuery:
    """One photo that was asked for.

    Attributes:
        name: of it.
        file: it, or None.
        answers: nearest first.
        xy: where it was taken, in metres; None: not known.
        degrees: the same as latitude and longitude; None: not known.
        right: whether the first answer is right.
        estimate: ``xy`` of the estimate, its ``degrees`` or None, ``radius`` in metres; None: there is none.
        believed: see `vpr_runner.locate.located.Located`.
        failure: why it could not be read.
    """

    name: str
    file: Path | None
    answers: Sequence[ShownAnswer]
    xy: Point | None = None
    degrees: Point | None = None
    right: bool | None = None
    estimate: tuple[Point, Point | None, float] | None = None
    believed: bool | None = None
    failure: str | None = None

    @property
    def metres(self) -> float | None:
        """How far the first answer is from where it was taken."""
        return self.answers[0].metres if self.answers else None

    @property
    def state(self) -> str:
        """``wrong``, ``right``, ``unsure`` (not to be believed) or ``plain`` (nobody knows)."""
        if self.failure is not None or self.right is False:
            return "wrong"
        if self.right:
            return "right"
        return "unsure" if self.believed is False else "plain"


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What happens when first answers are accepted up to a distance.

    Attributes:
        recall, precision: of one threshold after the other, strictest first.
        said: the curve in one line.
    """

    recall: Sequence[float]
    precision: Sequence[float]
    said: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A page.

    Attributes:
        title: its heading.
        facts: name and value of what stands in large letters.
        queries: in the order of the page.
        ground: ``(N, 2)`` metres of the database.
        ground_degrees: the same as latitude and longitude, or None.
        unit: of distances on the ground: m or frames.
        recall: N to recall and the bounds of its interval (None without).
        accepted: precision and recall by distance, or None.
        run: the run file, or empty.
        provenance: what the numbers came from.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    queries: Sequence[ShownQuery]
    ground: npt.NDArray[np.float64]
    ground_degrees: npt.NDArray[np.float64] | None = None
    unit: str = "m"
    recall: Mapping[int, tuple[float, tuple[float, float] | None]] = field(default_factory=dict)
    accepted: Accepted | None = None
    run: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


def service_link(degrees: Point) -> str:
    """Return an address that opens a place in OpenStreetMap; nothing is reached until somebody follows it."""
    lat, lon = degrees
    return f"https://www.openstreetmap.org/?mlat={lat:.7f}&mlon={lon:.7f}#map=18/{lat:.7f}/{lon:.7f}"
