"""From the text of tables to coordinates, time stamps and place labels, understood the same way across all tables."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from vpr_data.places.geo import check_degrees, earth_centred, local_metres, utm_to_degrees
from vpr_data.tables.image_table import ImageTable

__all__ = ["Located", "locate"]

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
Unit = Literal["m", "frame", "place"]

EXIF_TIME = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where and when the images of one table were taken; the fields are those of `vpr_data.ImageSet`."""

    xy: Float64Array
    points: Float64Array | None
    time: Int64Array | None
    place: Int64Array | None


def locate(tables: Sequence[ImageTable], *, unit: Unit = "m") -> list[Located]:
    """Understand the position columns of tables that belong together.

    In metres, columns ``x`` and ``y`` are taken as they stand; UTM coordinates of several zones (column ``zone``, such
    as ``17T``) and ``lat``, ``lon`` become earth-centred points and one projection around the middle of all tables.
    Times are whole numbers or ISO 8601, which become seconds since 1970; without a zone they are UTC.

    Raises:
        ValueError: a column is missing in one of the tables or a cell makes no sense; names the row.
    """
    have = set.intersection(*(set(table.columns) for table in tables))
    places = _labels(tables) if "place" in have else None
    points: Float64Array | None = None
    if unit == "place":
        if places is None:
            raise _missing(tables, "a column 'place'")
        xy = np.stack([places.astype(np.float64), np.zeros(len(places))], axis=1)
    elif unit == "frame":
        meaning = "frame" if "frame" in have else "x"
        if meaning not in have:
            raise _missing(tables, "a column 'frame'")
        frames = _numbers(tables, meaning)
        xy = np.stack([frames, np.zeros(len(frames))], axis=1)
    else:
        xy, points = _metres(tables, have)
    times = _times(tables) if "time" in have else None
    ends = np.cumsum([0, *map(len, tables)])
    return [
        Located(
            xy=xy[start:end],
            points=None if points is None else points[start:end],
            time=None if times is None else times[start:end],
            place=None if places is None else places[start:end],
        )
        for start, end in itertools.pairwise(ends.tolist())
    ]


def _metres(tables: Sequence[ImageTable], have: set[str]) -> tuple[Float64Array, Float64Array | None]:
    if {"x", "y"} <= have:
        x, y = _numbers(tables, "x"), _numbers(tables, "y")
        zones = {text for table in tables for text in table.columns["zone"]} if "zone" in have else set()
        if len(zones) <= 1:
            return np.stack([x, y], axis=1), None
        latitude, longitude = _from_zones(tables, x, y)
    elif {"lat", "lon"} <= have:
        latitude, longitude = _numbers(tables, "lat"), _numbers(tables, "lon")
    else:
        raise _missing(tables, "positions: columns 'x' and 'y' (metres) or 'lat' and 'lon' (degrees)")
    check_degrees(latitude, longitude, _Where(tables))
    points = earth_centred(latitude, longitude)
    if len(points) == 0:
        return np.zeros((0, 2)), points
    middle = points.mean(axis=0)
    # The image nearest to the middle lies on the ground, which the middle of a set around the globe does not.
    centre = points[np.argmin(np.square(points - middle).sum(axis=1))]
    return local_metres(points, centre=centre), points


def _from_zones(tables: Sequence[ImageTable], x: Float64Array, y: Float64Array) -> tuple[Float64Array, Float64Array]:
    where = _Where(tables)
    texts = [text for table in tables for text in table.columns["zone"]]
    parsed = [re.fullmatch(r"(\d{1,2})\s*([C-HJ-NP-X])", text.upper()) for text in texts]
    for row, match in enumerate(parsed):
        if match is None or not 1 <= int(match[1]) <= 60:
            raise ValueError(
                f"zone of {where(row)} is {texts[row]!r}; where a set spans several UTM zones, write number and "
                "latitude band, such as '17T'"
            )
    zone = np.array([int(match[1]) for match in parsed if match], dtype=np.int64)
    north = np.array([match[2] >= "N" for match in parsed if match], dtype=bool)
    return utm_to_degrees(x, y, zone=zone, north=north)


def _numbers(tables: Sequence[ImageTable], meaning: str) -> Float64Array:
    values: list[float] = []
    for table in tables:
        for row, text in enumerate(table.columns[meaning]):
            try:
                value = float(text)
            except ValueError as error:
                raise ValueError(f"{meaning} of {table.where(row)} is {text!r}, not a number") from error
            if not np.isfinite(value):
                raise ValueError(f"{meaning} of {table.where(row)} is {text}; correct the row or leave the image out")
            values.append(value)
    return np.array(values, dtype=np.float64)


def _labels(tables: Sequence[ImageTable]) -> Int64Array:
    texts = [text for table in tables for text in table.columns["place"]]
    numbers = {text: number for number, text in enumerate(sorted(set(texts)))}
    return np.array([numbers[text] for text in texts], dtype=np.int64)


def _times(tables: Sequence[ImageTable]) -> Int64Array:
    where = _Where(tables)
    texts = [text for table in tables for text in table.columns["time"]]
    whole = [re.fullmatch(r"[+-]?\d{1,18}", text) is not None for text in texts]
    if all(whole):
        return np.array([int(text) for text in texts], dtype=np.int64)
    if any(whole):
        row = whole.index(True)
        raise ValueError(f"time of {where(row)} is the number {texts[row]}, other rows hold dates; use one of the two")
    seconds = []
    for row, text in enumerate(texts):
        try:
            if EXIF_TIME.fullmatch(text):
                moment = datetime.strptime(text, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
            else:
                moment = datetime.fromisoformat(text)
                moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            seconds.append(round(moment.timestamp()))
        except (ValueError, OverflowError) as error:
            raise ValueError(
                f"time of {where(row)} is {text!r}; write a whole number or ISO 8601, such as 2013-07-21T14:05:00"
            ) from error
    return np.array(seconds, dtype=np.int64)


def _missing(tables: Sequence[ImageTable], what: str) -> ValueError:
    has = "; ".join(f"{table.source} has {', '.join(sorted(table.columns))}" for table in tables)
    return ValueError(f"no {what} in every table ({has}); add them, or map your columns with columns: {{x: ...}}")


class _Where:
    """Names a row of several tables joined."""

    def __init__(self, tables: Sequence[ImageTable]) -> None:
        self._tables = tables

    def __call__(self, row: int) -> str:
        for table in self._tables:
            if row < len(table):
                return table.where(row)
            row -= len(table)
        raise IndexError(row)
