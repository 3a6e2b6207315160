"""What metres count from: a UTM zone, or a point on the ground; and the way from them to degrees and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from vpr_data.earth.geo import check_degrees, earth_centred, geodetic, local_metres, local_to_points
from vpr_data.earth.utm import degrees_to_utm, utm_to_degrees

__all__ = ["Frame"]

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A metric frame that is tied to the earth (WGS84): metres east and north in it are a place.

    Made by `Frame.utm` or `Frame.local`. Metres that count from nobody knows where have no frame: None.

    Attributes:
        kind: ``utm``: one zone of UTM; ``local``: azimuthal equidistant around a point (`vpr_data.earth.geo`).
        zone: of UTM, 1 to 60.
        north: of UTM: northings count from the equator; else from 10,000 km south of it.
        latitude: of the origin of a local frame, in degrees.
        longitude: likewise.

    Raises:
        ValueError: the parts do not make a frame.

    >>> frame = Frame.local(latitude=48.2, longitude=16.37)
    >>> frame.to_degrees(frame.to_metres([[48.2001, 16.3702]])).round(7).tolist()
    [[48.2001, 16.3702]]
    >>> str(Frame.utm(56, north=False))
    'UTM zone 56 south'
    """

    kind: Literal["utm", "local"]
    zone: int | None = None
    north: bool | None = None
    latitude: float | None = None
    longitude: float | None = None

    def __post_init__(self) -> None:
        if self.kind == "utm":
            if self.zone is None or not 1 <= self.zone <= 60 or self.north is None:
                raise ValueError(f"a frame of kind utm needs a zone of 1 to 60 and a hemisphere, got {self!r}")
        elif self.kind == "local":
            if self.latitude is None or self.longitude is None:
                raise ValueError(f"a frame of kind local needs latitude and longitude of its origin, got {self!r}")
            check_degrees(np.array([self.latitude]), np.array([self.longitude]), lambda _: "the frame's origin")
        else:
            raise ValueError(f"kind must be 'utm' or 'local', got {self.kind!r}")

    @classmethod
    def utm(cls, zone: int, *, north: bool) -> Self:
        """Return one zone and hemisphere of UTM."""
        return cls(kind="utm", zone=zone, north=north)

    @classmethod
    def local(cls, *, latitude: float, longitude: float) -> Self:
        """Return metres east and north of a point given in degrees."""
        return cls(kind="local", latitude=float(latitude), longitude=float(longitude))

    def to_degrees(self, xy: npt.ArrayLike) -> Float64Array:
        """Return latitude and longitude ``(N, 2)`` of metres east and north ``(N, 2)``; NaN stays NaN."""
        metres = _pairs("xy", xy)
        if self.kind == "utm":
            return np.stack(
                utm_to_degrees(metres[:, 0], metres[:, 1], zone=self.zone or 0, north=bool(self.north)), axis=1
            )
        return np.stack(geodetic(local_to_points(metres, centre=self._centre())), axis=1)

    def to_metres(self, degrees: npt.ArrayLike) -> Float64Array:
        """Return metres east and north ``(N, 2)`` of latitude and longitude ``(N, 2)``; NaN stays NaN."""
        pairs = _pairs("degrees", degrees)
        if self.kind == "utm":
            return np.stack(
                degrees_to_utm(pairs[:, 0], pairs[:, 1], zone=self.zone or 0, north=bool(self.north)), axis=1
            )
        return local_metres(earth_centred(pairs[:, 0], pairs[:, 1]), centre=self._centre())

    def to_json(self) -> dict[str, Any]:
        """Return what `Frame.from_json` reads: ``{"kind": "utm", "zone": 56, "hemisphere": "south"}`` and the like."""
        if self.kind == "utm":
            return {"kind": "utm", "zone": self.zone, "hemisphere": "north" if self.north else "south"}
        return {"kind": "local", "latitude": self.latitude, "longitude": self.longitude}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the frame of what `to_json` returned.

        Raises:
            ValueError: it is something else.
        """
        try:
            if data["kind"] == "utm" and data["hemisphere"] in ("north", "south"):
                return cls.utm(int(data["zone"]), north=data["hemisphere"] == "north")
            if data["kind"] == "local":
                return cls.local(latitude=float(data["latitude"]), longitude=float(data["longitude"]))
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"is no frame of metres ({error!r}): {data!r}") from error
        raise ValueError(f"is no frame of metres (kind utm or local): {data!r}")

    def __str__(self) -> str:
        if self.kind == "utm":
            return f"UTM zone {self.zone} {'north' if self.north else 'south'}"
        return f"metres east and north of {self.latitude:.7f}, {self.longitude:.7f}"

    def _centre(self) -> Float64Array:
        return np.asarray(earth_centred(np.array([self.latitude]), np.array([self.longitude]))[0])


def _pairs(name: str, value: npt.ArrayLike) -> Float64Array:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} must have shape (N, 2), got {array.shape}")
    return array
