"""Where, when and in which direction every photograph of a city is taken."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vpr_data.city.camera import Camera
from vpr_data.city.draws import F64, keyed_rng
from vpr_data.city.plan import District, plan_district
from vpr_data.city.sizes import SPLITS, CitySize
from vpr_data.city.visits import visits_of

__all__ = ["DATABASE_VISITS", "QUERY_VISITS", "Photo", "area_of", "lay_out", "origin_of"]

DATABASE_VISITS = (0, 1)
QUERY_VISITS = (2, 3, 4, 5, 6, 7)
_GAP = 400.0
_CORNER = np.array([583_000.0, 4_506_000.0])


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One photograph to be taken.

    Attributes:
        index: position among all photographs of the city; with seed and size it determines every byte.
        name: path of the image file below the city's folder.
        area: index of its split.
        query: a query, or else a database image.
        xy: the stated position, easting and northing in metres, with the error of a good receiver.
        camera: the true camera, in local metres of its area.
        visit: index of the visit; ``time`` is its ``100 * year + month``.
        station: panorama position in its area; ``place`` numbers station and direction over the whole city.
    """

    index: int
    name: str
    area: int
    query: bool
    xy: tuple[float, float]
    camera: Camera
    visit: int
    time: int
    station: int
    place: int


@lru_cache(maxsize=8)
def area_of(seed: int, area: int, size: CitySize) -> District:
    """Plan of one split's district; it has room for the split's stations."""
    return plan_district(seed, area, street_length=size.stations[area] * size.spacing * 1.25)


def _origins(seed: int, size: CitySize) -> F64:
    """Origins of the three districts in map coordinates, ``(3, 2)``: side by side, ``_GAP`` metres apart."""
    origins, east = [], _CORNER[0]
    for area in range(len(SPLITS)):
        district = area_of(seed, area, size)
        low, high = district.footprints.min(axis=(0, 1)), district.footprints.max(axis=(0, 1))
        origins.append([east - low[0], _CORNER[1]])
        east += high[0] - low[0] + _GAP
    corners: F64 = np.array(origins, dtype=np.float64)
    return np.round(corners * 100) / 100


def origin_of(seed: int, size: CitySize, area: int) -> F64:
    """Where a split's district lies on the map: easting and northing ``(2,)`` of its local origin."""
    origin: F64 = _origins(seed, size)[area]
    return origin


def _stations(district: District, count: int, spacing: float) -> tuple[F64, F64]:
    """The ``count`` panorama positions nearest the middle: position ``(n, 2)``, and unit vector of the street."""
    roads = district.roads
    spots, along = [], []
    for i in np.flatnonzero(roads.walked):
        vector = roads.end[i] - roads.start[i]
        length = float(np.linalg.norm(vector))
        for step in range(int(length // spacing)):
            spots.append(roads.start[i] + vector * (step + 0.5) / (length // spacing))
            along.append(np.append(vector / length, i))
    middle = (roads.start[roads.walked > 0].mean(axis=0) + roads.end[roads.walked > 0].mean(axis=0)) / 2
    order = np.argsort(np.linalg.norm(np.array(spots) - middle, axis=1), kind="stable")
    if len(order) < count:
        raise ValueError(f"stations: the district has room for {len(order)}, not for {count}")
    chosen = np.sort(order[:count])
    return np.array(spots)[chosen], np.array(along)[chosen]


def _camera(
    size: CitySize, rng: np.random.Generator, spot: F64, street: F64, half: float, turn: float, *, wander: float
) -> Camera:
    """A camera near ``spot``, ``turn`` degrees clockwise of the street, up to ``wander`` metres along it."""
    across = np.array([street[1], -street[0]])
    lane = half * rng.uniform(0.15, 0.45) * (1 if rng.random() < 0.7 else -1)
    position = spot + street * rng.uniform(-wander, wander) + across * lane
    heading = np.degrees(np.arctan2(street[0], street[1])) + turn
    return Camera(
        position=(float(position[0]), float(position[1]), float(rng.normal(2.4, 0.1))),
        heading=float(heading % 360),
        pitch=float(rng.normal(6.5, 1.0)),
        roll=float(rng.normal(0.0, 0.7)),
        height=size.height,
        width=size.width,
        focal=size.width / 2 / float(np.tan(np.radians(size.field_of_view / 2))),
    )


@lru_cache(maxsize=8)
def lay_out(seed: int, size: CitySize) -> tuple[Photo, ...]:
    """All photographs of a city in a fixed order."""
    photos: list[Photo] = []
    visits, origins = visits_of(seed), _origins(seed, size)
    first_place = 0
    for area, split in enumerate(SPLITS):
        district = area_of(seed, area, size)
        spots, along = _stations(district, size.stations[area], size.spacing)

        def add(
            camera: Camera,
            visit: int,
            station: int,
            direction: int,
            *,
            name: str,
            query: bool,
            rng: np.random.Generator,
        ) -> None:
            error = np.clip(rng.normal(0, 0.7, 2), -1.5, 1.5)
            stated = np.round(origins[area] + np.array(camera.position[:2]) + error, 2)  # noqa: B023
            photos.append(
                Photo(
                    index=len(photos),
                    name=name,
                    area=area,  # noqa: B023
                    query=query,
                    xy=(float(stated[0]), float(stated[1])),
                    camera=camera,
                    visit=visit,
                    time=visits[visit].time,
                    station=station,
                    place=first_place + station * size.directions + direction,  # noqa: B023
                )
            )

        step = 360 / size.directions
        for station in range(len(spots)):
            rng = keyed_rng(seed, area, 3, station)
            street, road = along[station, :2], int(along[station, 2])
            # One street is driven in one visit, in one go.
            visit = DATABASE_VISITS[int(keyed_rng(seed, area, 4, road).integers(len(DATABASE_VISITS)))]
            base = _camera(size, rng, spots[station], street, float(district.roads.half[road]), 0.0, wander=0.5)
            for direction in range(size.directions):
                turn = step * (direction + 0.4) + rng.normal(0, 3)
                camera = Camera(**{**vars(base), "heading": (base.heading + turn) % 360})
                name = f"{split}/database/{station:04d}_{direction}_{visits[visit].time}.jpg"
                add(camera, visit, station, direction, name=name, query=False, rng=keyed_rng(seed, area, 5, station))
        order = keyed_rng(seed, area, 6).permutation(len(spots))
        for k in range(size.queries[area]):
            rng = keyed_rng(seed, area, 7, k)
            station = int(order[k % len(order)])
            street, road = along[station, :2], int(along[station, 2])
            direction = int(rng.integers(size.directions))
            visit = QUERY_VISITS[int(rng.integers(len(QUERY_VISITS)))]
            turn = step * (direction + 0.4) + rng.uniform(-0.1, 0.1) * step
            camera = _camera(size, rng, spots[station], street, float(district.roads.half[road]), turn, wander=2.5)
            name = f"{split}/queries/{k:04d}_{visits[visit].time}.jpg"
            add(camera, visit, station, direction, name=name, query=True, rng=rng)
        first_place += len(spots) * size.directions
    return tuple(photos)
