"""Images with place labels, and the split they make: one image a place is asked for, the others are the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["LabelledSplit", "Photos", "SamePlace", "earth_centred", "plane"]

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
EQUATOR, FLATTENING = 6_378_137.0, 1 / 298.257_223_563
"""Radius in metres, and flattening, of WGS84."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Photos:
    """``N`` images below one folder.

    Attributes:
        root: folder that ``names`` are relative to.
        xy: ``(N, 2)`` metres east and north of the middle of the image's city.
        points: ``(N, 3)`` metres from the centre of the earth; distances are measured here, across cities too.
        time: ``(N,)`` months.
        place: ``(N,)`` labels.
        region: ``(N,)`` numbers of cities, or None: the places of a training batch are of one region.
    """

    root: Path
    names: Sequence[str]
    xy: Float64Array
    points: Float64Array
    time: Int64Array
    place: Int64Array
    region: Int64Array | None = None

    def __len__(self) -> int:
        return len(self.names)

    def path(self, position: int) -> Path:
        """Return the file of image ``position``."""
        return self.root / self.names[position]

    def select(self, rows: Int64Array) -> Photos:
        """Return the images at ``rows``."""
        return Photos(
            root=self.root,
            names=tuple(self.names[row] for row in rows),
            xy=self.xy[rows],
            points=self.points[rows],
            time=self.time[rows],
            place=self.place[rows],
            region=None if self.region is None else self.region[rows],
        )


@dataclass(frozen=True, kw_only=True)
class SamePlace:
    """An answer is right when it bears the query's label."""

    name: str
    queries_without_positives: str = "count"

    def __str__(self) -> str:
        return f"{self.name}@place"


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledSplit:
    """Queries, database and which of them show one place."""

    name: str
    queries: Photos
    database: Photos
    protocol: SamePlace

    @classmethod
    def divided(cls, photos: Photos, *, name: str, dataset: str) -> LabelledSplit:
        """Take the first image of each place as its query and the others as database."""
        _, first = np.unique(photos.place, return_index=True)
        rest = np.setdiff1d(np.arange(len(photos)), first)
        protocol = SamePlace(name=f"{dataset}-{name}")
        return cls(name=name, queries=photos.select(first), database=photos.select(rest), protocol=protocol)

    def positives(self) -> list[Int64Array]:
        """Return for each query the sorted database positions of its place."""
        order = np.argsort(self.database.place, kind="stable")
        labels = self.database.place[order]
        first = np.searchsorted(labels, self.queries.place, "left")
        last = np.searchsorted(labels, self.queries.place, "right")
        return [np.sort(order[a:b]).astype(np.int64) for a, b in zip(first, last, strict=True)]

    def within(self, radius: float, *, beyond: float | None = None, different_time: bool = False) -> list[Int64Array]:
        """Return for each query the sorted database positions with ``beyond < distance <= radius``, in metres.

        Args:
            radius: inclusive.
            beyond: exclusive lower bound; None: none.
            different_time: leave out images of the query's month.
        """
        from scipy.spatial import cKDTree

        found = cKDTree(self.database.points).query_ball_point(self.queries.points, radius, return_sorted=True)
        rows = []
        for query, answers in enumerate(found):
            row = np.asarray(answers, dtype=np.int64)
            if beyond is not None:
                away = np.linalg.norm(self.database.points[row] - self.queries.points[query], axis=1)
                row = row[away > beyond]
            if different_time:
                row = row[self.database.time[row] != self.queries.time[query]]
            rows.append(row)
        return rows

    def never_negative(self, radius: float) -> list[Int64Array]:
        """Return who is no negative: all within ``radius``, and the query's own place however far it reaches."""
        return [np.union1d(a, b) for a, b in zip(self.within(radius), self.positives(), strict=True)]


def earth_centred(latitude: Float64Array, longitude: Float64Array) -> Float64Array:
    """Return ``(N, 3)`` metres from the centre of the earth, of points in degrees on the WGS84 ellipsoid."""
    phi, lam = np.radians(latitude), np.radians(longitude)
    squeeze = (1 - FLATTENING) ** 2
    normal = EQUATOR / np.sqrt(1 - (1 - squeeze) * np.sin(phi) ** 2)
    across = normal * np.cos(phi)
    return np.stack([across * np.cos(lam), across * np.sin(lam), squeeze * normal * np.sin(phi)], axis=1)


def plane(points: Float64Array) -> Float64Array:
    """Return ``(N, 2)`` metres east and north of the middle of ``points``, on the plane that touches the earth there.

    Right to a centimetre a kilometre within a city.
    """
    centre = points.mean(axis=0)
    up = centre / np.linalg.norm(centre)
    east = np.array([-up[1], up[0], 0.0])
    east = east / np.linalg.norm(east)
    flat: Float64Array = (points - centre) @ np.stack([east, np.cross(up, east)], axis=1)
    return flat
