"""Tracks of a GPS receiver (GPX), and where along one a photo was taken by its time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_data.earth.geo import earth_centred, geodetic
from vpr_data.tables.times import utc_seconds

__all__ = ["MAX_BYTES", "Track", "read_gpx"]

Float64Array = npt.NDArray[np.float64]

MAX_BYTES = 256 * 2**20
"""Largest file that is read: some two million points."""
SHIFTS = [900.0 * quarter for quarter in range(-14 * 4, 14 * 4 + 1)]
"""Zones of time, in seconds: what a camera on local time is ahead of a receiver."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """Points in the order of time.

    Attributes:
        source: file.
        time: seconds since 1970 (UTC), float64 ``(N,)``, rising.
        degrees: latitude and longitude, float64 ``(N, 2)``.
        segment: number of the segment that each point belongs to, int64 ``(N,)``.
    """

    source: Path
    time: Float64Array
    degrees: Float64Array
    segment: npt.NDArray[np.int64]

    def at(self, time: Float64Array, *, gap: float) -> Float64Array:
        """Return latitude and longitude ``(M, 2)`` at ``time (M,)``; NaN where the track does not say.

        Between two points the straight line is taken, at constant speed. A time counts if it lies at a point (to half a
        second), or between two points of one segment that are at most ``gap`` seconds apart.
        """
        after = np.clip(np.searchsorted(self.time, time, side="left"), 0, len(self.time) - 1)
        before = np.clip(after - 1, 0, None)
        span = self.time[after] - self.time[before]
        inside = (self.time[before] <= time) & (time <= self.time[after])
        known = inside & (self.segment[before] == self.segment[after]) & (span <= gap)
        share = np.divide(time - self.time[before], span, out=np.zeros(len(time)), where=span > 0)
        # The nearer point stands for itself within half a second, wherever the segment ends.
        nearer = np.where(np.abs(self.time[after] - time) <= np.abs(self.time[before] - time), after, before)
        at_point = np.abs(self.time[nearer] - time) <= 0.5
        points = earth_centred(self.degrees[:, 0], self.degrees[:, 1])
        where = points[before] + share[:, None] * (points[after] - points[before])
        where = np.where((at_point & ~known)[:, None], points[nearer], where)
        found = np.stack(geodetic(where), axis=1)
        found[~(known | at_point)] = np.nan
        return found

    def shift_of(self, time: Float64Array) -> float | None:
        """Return the zone (seconds to add, of 15 minutes each) under which most of ``time`` lies within the track.

        None where none does, or where it is none to add.
        """
        inside = [int(((time + shift >= self.time[0]) & (time + shift <= self.time[-1])).sum()) for shift in SHIFTS]
        best = max(range(len(SHIFTS)), key=lambda place: (inside[place], -abs(SHIFTS[place])))
        return SHIFTS[best] if inside[best] and SHIFTS[best] else None

    def span(self) -> str:
        """Say from when to when it runs."""
        first, last = (datetime.fromtimestamp(float(self.time[row]), tz=UTC) for row in (0, -1))
        return f"{first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"


def read_gpx(path: Path) -> Track:
    """Read the track points (``trkpt``) of a GPX 1.0 or 1.1 file that have a time; routes and waypoints have none.

    Entities and document types are refused (`defusedxml`), so that a file of a stranger reaches nothing and unfolds to
    nothing.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not GPX, no point with a time, or a position that is none; names the point.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file; gpx names the track of a receiver")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: has more than {MAX_BYTES // 2**20} MiB; cut the track to the time of the photos")
    rows: list[tuple[float, float, float, int]] = []
    count = segment = 0
    try:
        with path.open("rb") as file:
            root = None
            for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
                root = element if root is None else root
                tag = str(element.tag).rpartition("}")[2]
                if event == "start":
                    if element is root and tag != "gpx":
                        raise ValueError(f"{path}: is XML but no GPX (it begins with <{tag}>)")
                    segment += tag == "trkseg"
                elif tag == "trkpt":
                    count += 1
                    point = _point(element, f"{path}: track point {count}")
                    if point is not None:
                        rows.append((*point, segment))
                    element.clear()
                elif tag in ("trkseg", "wpt", "rte"):
                    element.clear()
    except ParseError as error:
        raise ValueError(f"{path}: is not well-formed XML ({error}); is it a GPX file?") from error
    except DefusedXmlException as error:
        raise ValueError(f"{path}: declares a document type or entities, which no GPX file needs") from error
    if not rows:
        raise ValueError(f"{path}: has no track point with a time ({count} without); export the track with its times")
    table = np.array(rows, dtype=np.float64)
    table = table[np.argsort(table[:, 0], kind="stable")]
    return Track(source=path, time=table[:, 0], degrees=table[:, 1:3], segment=table[:, 3].astype(np.int64))


def _point(element: object, where: str) -> tuple[float, float, float] | None:
    """Return time, latitude and longitude of a point; None without a time."""
    children: Sequence[object] = list(element)  # type: ignore[call-overload]
    texts = {str(getattr(child, "tag", "")).rpartition("}")[2]: getattr(child, "text", None) for child in children}
    if not (texts.get("time") or "").strip():
        return None
    attributes = getattr(element, "attrib", {})
    try:
        time = utc_seconds(str(texts["time"]).strip())
        latitude, longitude = float(attributes["lat"]), float(attributes["lon"])
    except (KeyError, ValueError) as error:
        raise ValueError(f"{where} makes no sense ({error!r})") from error
    if not (math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ValueError(f"{where} lies at {latitude}, {longitude}, which is no place on earth")
    return time, latitude, longitude
