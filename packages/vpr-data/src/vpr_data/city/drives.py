"""Two drives along one route: a loop through the test district, and again in other weather, faster, with a detour."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vpr_data.city.camera import Camera
from vpr_data.city.companions import companions_of
from vpr_data.city.draws import F64, keyed_rng
from vpr_data.city.layout import DATABASE_VISITS, QUERY_VISITS, Photo, area_of, lay_out, origin_of
from vpr_data.city.plan import Roads
from vpr_data.city.sizes import SPLITS, CitySize
from vpr_data.city.visits import visits_of

__all__ = ["DRIVES", "drives_of"]

_KEY = 9
_CORNER = 5.0
"""Metres before and after a crossing over which a vehicle turns."""


@dataclass(frozen=True, kw_only=True)
class Drive:
    """How a route is driven.

    Attributes:
        query: its images are queries, or else the database.
        visit: weather and light.
        speed: metres a second, and by how much of it the speed rises and falls along the way.
        detour: takes a corner of the route by other streets.
    """

    query: bool
    visit: int
    speed: tuple[float, float]
    detour: bool


DRIVES = (
    Drive(query=False, visit=DATABASE_VISITS[0], speed=(8.0, 0.0), detour=False),
    Drive(query=True, visit=QUERY_VISITS[2], speed=(12.8, 0.2), detour=True),
)
"""A summer morning at a steady pace; a rainy November day, at 1.3 to 1.9 times that pace."""
RATE = 2.0
"""Images a second."""


@lru_cache(maxsize=8)
def drives_of(seed: int, size: CitySize) -> tuple[Photo, ...]:
    """Photographs numbered on behind those of `lay_out` and of the companions, which they leave as they are.

    The cameras look ahead. The first drive comes back to where it began and goes on for a street: a loop that closes.
    """
    first = len(lay_out(seed, size)) + len(companions_of(seed, size))
    area = SPLITS.index("test")
    roads, origin, visits = area_of(seed, area, size).roads, origin_of(seed, size, area), visits_of(seed)
    found: list[Photo] = []
    for number, drive in enumerate(DRIVES):
        way = _Way(roads, detour=drive.detour)
        for frame, along in enumerate(_moments(way.length, drive)):
            rng = keyed_rng(seed, area, _KEY, number, frame)
            camera = _camera(size, rng, way, along, lane=0.25 if drive.query else 0.4)
            error = np.clip(rng.normal(0, 0.7, 2), -1.5, 1.5)
            stated = np.round(origin + np.array(camera.position[:2]) + error, 2)
            folder = "queries" if drive.query else "database"
            found.append(
                Photo(
                    index=first + len(found),
                    name=f"drives/{folder}/{frame:04d}_{round(1000 * frame / RATE):07d}ms.jpg",
                    area=area,
                    query=drive.query,
                    xy=(float(stated[0]), float(stated[1])),
                    camera=camera,
                    visit=drive.visit,
                    time=visits[drive.visit].time,
                    station=frame,
                    place=number,
                )
            )
    return tuple(found)


class _Way:
    """A way along streets, by metres from its start: corners are rounded off."""

    def __init__(self, roads: Roads, *, detour: bool) -> None:
        nodes, half = _crossings(roads)
        last = len(nodes) - 2  # the outermost streets are not walked
        ring = [(1, j) for j in range(1, last)] + [(i, last) for i in range(1, last)]
        ring += [(last, j) for j in range(last, 1, -1)] + [(i, 1) for i in range(last, 0, -1)]
        route = [*ring, (1, 2)]
        if detour:
            depth = max(1, (last - 1) // 2)
            begin, end = route.index((1, last - depth)), route.index((1 + depth, last))
            inside = [(i, last - depth) for i in range(2, 2 + depth)] + [
                (1 + depth, j) for j in range(last - depth + 1, last)
            ]
            route = [*route[: begin + 1], *inside, *route[end:]]
        self._points = np.array([nodes[at] for at in route])
        self._half = half
        steps = np.linalg.norm(np.diff(self._points, axis=0), axis=1)
        self._at = np.concatenate([[0.0], np.cumsum(steps)])
        self.length = float(self._at[-1])

    def point(self, along: float) -> F64:
        """Return the middle of the street, on the way round a corner the mean of what lies before and behind."""
        near = np.clip(along + np.linspace(-_CORNER, _CORNER, 11), 0, self.length)
        return np.array([np.interp(near, self._at, self._points[:, axis]).mean() for axis in (0, 1)])

    def ahead(self, along: float) -> F64:
        """Return the unit vector of the direction of travel."""
        step = self.point(min(along + 2, self.length)) - self.point(max(along - 2, 0))
        return step / np.linalg.norm(step)

    @property
    def half(self) -> float:
        """Half width of the narrowest carriageway, which holds the vehicle everywhere."""
        return self._half


def _crossings(roads: Roads) -> tuple[F64, float]:
    """Crossings ``(n, n, 2)`` of the grid whose pieces `plan_district` lists, and the least half width."""
    cells = round((np.sqrt(1 + 2 * len(roads)) - 1) / 2)
    nodes = np.empty((cells + 1, cells + 1, 2))
    for line in range(cells + 1):
        for step in range(cells):
            piece = 2 * (line * cells + step)
            nodes[line, step], nodes[line, step + 1] = roads.start[piece], roads.end[piece]
    return nodes, float(roads.half.min())


def _moments(length: float, drive: Drive) -> list[float]:
    """Return how far along the vehicle is at each image."""
    speed, wave = drive.speed
    found, along = [], 3.0
    while along < length - 3.0:
        found.append(along)
        along += speed * (1 + wave * np.sin(along / 60)) / RATE
    return found


def _camera(size: CitySize, rng: np.random.Generator, way: _Way, along: float, *, lane: float) -> Camera:
    ahead = way.ahead(along)
    right = np.array([ahead[1], -ahead[0]])
    position = way.point(along) + right * way.half * (lane + rng.normal(0, 0.03))
    return Camera(
        position=(float(position[0]), float(position[1]), float(rng.normal(2.0, 0.03))),
        heading=float((np.degrees(np.arctan2(ahead[0], ahead[1])) + rng.normal(0, 1.0)) % 360),
        pitch=float(rng.normal(5.0, 0.5)),
        roll=float(rng.normal(0.0, 0.4)),
        height=size.height,
        width=size.width,
        focal=size.width / 2 / float(np.tan(np.radians(size.field_of_view / 2))),
    )
