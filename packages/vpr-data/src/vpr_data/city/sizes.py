"""How large a city is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["SIZES", "SPLITS", "CitySize", "size_named"]

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class CitySize:
    """Numbers that determine a city together with its seed.

    Attributes:
        name: lower-case letters, digits and underscores; part of the cache folder's name.
        height: rows of an image.
        width: columns of an image.
        stations: panorama positions of the database in train, val and test.
        queries: query images in train, val and test.
        directions: images cut from each panorama, at equal angles.
        spacing: metres of street between two stations.
        field_of_view: horizontal angle of an image in degrees.
        supersample: the renderer draws ``supersample ** 2`` rays a pixel.
    """

    name: str
    height: int
    width: int
    stations: tuple[int, int, int]
    queries: tuple[int, int, int]
    directions: int = 4
    spacing: float = 12.0
    field_of_view: float = 80.0
    supersample: int = 2

    def __post_init__(self) -> None:
        if not self.name or not all(c.islower() or c.isdigit() or c == "_" for c in self.name):
            raise ValueError(f"name must be lower-case letters, digits and underscores, got {self.name!r}")
        for field, low, high in (
            ("height", 16, 2000),
            ("width", 16, 2000),
            ("directions", 1, 24),
            ("spacing", 4.0, 100.0),
            ("field_of_view", 20.0, 120.0),
            ("supersample", 1, 4),
        ):
            value = getattr(self, field)
            if not low <= value <= high:
                raise ValueError(f"{field} must lie in {low}..{high}, got {value}")
        for field in ("stations", "queries"):
            counts = getattr(self, field)
            if len(counts) != len(SPLITS) or min(counts) < 1:
                raise ValueError(f"{field} must be three positive numbers (train, val, test), got {counts}")

    @property
    def images(self) -> int:
        """Number of images of all splits together."""
        return sum(self.stations) * self.directions + sum(self.queries)

    @classmethod
    def from_json(cls, text: str) -> CitySize:
        """Read what ``json.dumps(asdict(size))`` wrote."""
        fields: dict[str, Any] = json.loads(text)
        for counts in ("stations", "queries"):
            fields[counts] = tuple(fields[counts])
        return cls(**fields)

    def digest(self) -> str:
        """Eight hexadecimal digits that change with any field."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


SIZES: dict[str, CitySize] = {
    size.name: size
    for size in (
        CitySize(name="small", height=60, width=80, stations=(20, 8, 12), queries=(24, 10, 20)),
        CitySize(name="bench", height=96, width=128, stations=(240, 60, 160), queries=(480, 120, 400)),
        CitySize(
            name="large", height=240, width=320, stations=(1200, 250, 600), queries=(2400, 500, 1500), directions=6
        ),
    )
}
"""The documented sizes: 214, 2,840 and 16,700 images."""


def size_named(size: str | CitySize) -> CitySize:
    """Look up a documented size; a ``CitySize`` passes through."""
    if isinstance(size, CitySize):
        return size
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)} or a CitySize, got {size!r}")
    return SIZES[size]
