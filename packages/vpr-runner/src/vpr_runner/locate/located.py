"""What is known of where one photo was taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vpr_runner.files.html_table import html_table

__all__ = ["Answer", "Located"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One image of the map.

    Attributes:
        rank: from 1.
        distance: between descriptors; 0 is the same, 2 opposite.
        image: name.
        place: ``lat, lon`` in degrees, ``x, y`` in metres, what is known of them.
    """

    rank: int
    distance: float
    image: str
    place: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"rank": self.rank, "distance": self.distance, "image": self.image, **self.place}


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where a photo was taken, as far as a map can say.

    Attributes:
        answers: images of the map, nearest first.
        position: ``lat, lon`` and ``x, y``, what is known of them; empty where no answer has a position.
        radius_m: the photo was taken within so many metres (frames) of it, if the answers are right: the spread of the
            answers, stretched by the calibration to cover nine believed photos in ten; None without a position.
        distance: of the first answer; None without answers.
        believed: whether ``distance`` is below the map's threshold; None: the map is not calibrated.
    """

    answers: tuple[Answer, ...]
    position: dict[str, float] = field(default_factory=dict)
    radius_m: float | None = None
    distance: float | None = None
    believed: bool | None = None

    @property
    def lat(self) -> float | None:
        """Latitude in degrees, where the map is tied to the earth."""
        return self.position.get("lat")

    @property
    def lon(self) -> float | None:
        """Longitude in degrees, likewise."""
        return self.position.get("lon")

    def estimate(self) -> dict[str, Any] | None:
        """Return position, radius and belief as plain JSON values, or None without a position."""
        if not self.position:
            return None
        return {**self.position, "radius_m": self.radius_m, "distance": self.distance, "believed": self.believed}

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        known = list(dict.fromkeys(name for answer in self.answers for name in answer.place))
        rows = [
            [
                str(answer.rank),
                answer.image,
                f"{answer.distance:.4f}",
                *(_number(name, answer.place[name]) if name in answer.place else "" for name in known),
            ]
            for answer in self.answers
        ]
        return html_table(["rank", "image", "distance", *known], rows, caption=str(self))

    def __str__(self) -> str:
        """One line: place, radius, belief."""
        if not self.position:
            return "no position: no answer has one"
        if "lat" in self.position:
            where = f"{self.position['lat']:.7f}, {self.position['lon']:.7f}"
        else:
            where = f"x {self.position['x']:.2f}  y {self.position['y']:.2f}"
        said = f"{where}  within {self.radius_m:.0f} m"
        if self.believed is None:
            return f"{said}  (not calibrated: nobody knows whether to believe it; see `vpr calibrate`)"
        return f"{said}  (believed)" if self.believed else f"unknown place; the best guess is {said}"


def _number(name: str, value: float) -> str:
    return f"{value:.7f}" if name in ("lat", "lon") else f"{value:.2f}"
