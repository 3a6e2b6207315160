"""From the text of tables to coordinates, time stamps and place labels, understood the same way across all tables."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vpr_data.earth.frame import Frame
from vpr_data.earth.geo import check_degrees, earth_centred, local_metres
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.times import seconds_of
from vpr_data.tables.zones import degrees_of_zones, parse_zones

__all__ = ["Located", "Positions", "locate"]

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Unit = Literal["m", "frame", "place"]

APART = 10_000.0
"""Metres by which two ways to write one position may differ: other datums and rounded degrees differ by less."""


@dataclass(frozen=True, kw_only=True)
class Positions:
    """Positions of all rows together; the fields are those of `vpr_data.ImageSet`."""

    xy: Float64Array
    points: Float64Array | None = None
    degrees: Float64Array | None = None
    frame: Frame | None = None
    located: BoolArray | None = None

    def take(self, start: int, end: int) -> Positions:
        """Return the rows of one table."""
        return Positions(
            xy=self.xy[start:end],
            points=None if self.points is None else self.points[start:end],
            degrees=None if self.degrees is None else self.degrees[start:end],
            frame=self.frame,
            located=None if self.located is None else self.located[start:end],
        )


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where and when the images of one table were taken; the fields are those of `vpr_data.ImageSet`.

    ``timed``: which images have a time (of the others ``time`` is 0), None: all. ``notes``: what should be said of the
    positions of all tables together.
    """

    positions: Positions
    time: Int64Array | None
    place: Int64Array | None
    drive: Int64Array | None = None
    timed: BoolArray | None = None
    notes: tuple[str, ...] = ()


def locate(tables: Sequence[ImageTable], *, unit: Unit = "m") -> list[Located]:
    """Understand the position columns of tables that belong together.

    In metres, columns ``x`` and ``y`` are taken as they stand; UTM coordinates of several zones (column ``zone``, such
    as ``17T``) and ``lat``, ``lon`` become earth-centred points and one projection around the middle of all tables. A
    row whose cells are both empty has no position (``located``). Times are whole numbers or ISO 8601, which become
    seconds since 1970; without a zone they are UTC.

    Raises:
        ValueError: a column is missing in one of the tables or a cell makes no sense; names the row.
    """
    have = set.intersection(*(set(table.columns) for table in tables))
    places = _labels(tables, "place") if "place" in have else None
    drives = _labels(tables, "drive") if "drive" in have else None
    notes: list[str] = []
    if unit == "place":
        if places is None:
            raise _missing(tables, "a column 'place'")
        positions = Positions(xy=np.stack([places.astype(np.float64), np.zeros(len(places))], axis=1))
    elif unit == "frame":
        meaning = "frame" if "frame" in have else "x"
        if meaning not in have:
            raise _missing(tables, "a column 'frame'")
        located = np.array([bool(text) for table in tables for text in table.columns[meaning]], dtype=bool)
        frames = _numbers(tables, meaning, located)
        xy = np.stack([frames, np.zeros(len(frames))], axis=1)
        positions = Positions(xy=xy, located=None if located.all() else located)
    else:
        positions = _metres(tables, have, notes)
    times, timed = _times(tables) if any("time" in table.columns for table in tables) else (None, None)
    ends = np.cumsum([0, *map(len, tables)])
    return [
        Located(
            positions=positions.take(start, end),
            time=None if times is None else times[start:end],
            place=None if places is None else places[start:end],
            drive=None if drives is None else drives[start:end],
            timed=None if timed is None or timed[start:end].all() else timed[start:end],
            notes=tuple(notes),
        )
        for start, end in itertools.pairwise(ends.tolist())
    ]


def _metres(tables: Sequence[ImageTable], have: set[str], notes: list[str]) -> Positions:
    if {"x", "y"} <= have:
        x, y, located = _pair(tables, "x", "y")
        zones = [text for table in tables for text in table.columns["zone"]] if "zone" in have else []
        rows = np.arange(len(x)) if located is None else np.flatnonzero(located)
        where = _Rows(tables, rows)
        zones = [zones[row] for row in rows] if zones else []
        if len(set(zones)) <= 1:
            xy = np.stack([x, y], axis=1)
            frame = _frame_of(zones, y[rows], where, notes)
            degrees = _given_degrees(tables, have, frame, xy, rows)
            return Positions(xy=xy, degrees=degrees, frame=frame, located=located)
        zone, north = parse_zones(zones, y[rows], where)
        degrees_given = np.full((len(x), 2), np.nan)
        degrees_given[rows] = degrees_of_zones(x[rows], y[rows], zone=zone, north=north, where=where)
    elif {"lat", "lon"} <= have:
        latitude, longitude, located = _pair(tables, "lat", "lon")
        degrees_given = np.stack([latitude, longitude], axis=1)
    else:
        raise _missing(tables, "positions: columns 'x' and 'y' (metres) or 'lat' and 'lon' (degrees)")
    rows = np.arange(len(degrees_given)) if located is None else np.flatnonzero(located)
    known = degrees_given[rows]
    check_degrees(known[:, 0], known[:, 1], _Rows(tables, rows))
    points = earth_centred(degrees_given[:, 0], degrees_given[:, 1])
    if len(known) == 0:
        return Positions(xy=np.full_like(degrees_given, np.nan), points=points, degrees=degrees_given, located=located)
    # The image nearest to the middle lies on the ground, which the middle of a set around the globe does not.
    row = int(rows[np.argmin(np.square(points[rows] - points[rows].mean(axis=0)).sum(axis=1))])
    latitude_0, longitude_0 = degrees_given[row].tolist()
    return Positions(
        xy=local_metres(points, centre=points[row]),
        points=points,
        degrees=degrees_given,
        frame=Frame.local(latitude=latitude_0, longitude=longitude_0),
        located=located,
    )


def _given_degrees(
    tables: Sequence[ImageTable], have: set[str], frame: Frame | None, xy: Float64Array, rows: Int64Array
) -> Float64Array | None:
    """Return degrees that stand beside metres, if every located row has them.

    Raises:
        ValueError: the two name places that are more than `APART` metres from each other.
    """
    if not {"lat", "lon"} <= have:
        return None
    latitude, longitude, located = _pair(tables, "lat", "lon")
    degrees = np.stack([latitude, longitude], axis=1)
    if located is not None and not located[rows].all():
        return None
    check_degrees(latitude[rows], longitude[rows], _Rows(tables, rows))
    if frame is not None and len(rows):
        other = frame.to_degrees(xy[rows])
        points = earth_centred(latitude[rows], longitude[rows]) - earth_centred(other[:, 0], other[:, 1])
        apart = np.linalg.norm(points, axis=1)
        worst = int(np.argmax(apart))
        if apart[worst] > APART:
            raise ValueError(
                f"position of {_Rows(tables, rows)(worst)} is {degrees[rows[worst]].tolist()} in degrees, and "
                f"{xy[rows[worst]].tolist()} in {frame}, which is {apart[worst] / 1000:,.0f} km away; one of the two "
                "is wrong "
                f"({int((apart > APART).sum())} of {len(rows)} rows)"
            )
    return degrees


def _frame_of(zones: Sequence[str], northing: Float64Array, where: _Rows, notes: list[str]) -> Frame | None:
    """Return the frame of metres in one zone; they are right within the set even if nobody knows which zone it is."""
    if not zones or not zones[0]:
        return None
    try:
        zone, north = parse_zones([zones[0]] * len(northing), northing, where)
    except ValueError as error:
        if not zones[0].strip().isdigit():
            notes.append(f"where on earth the set lies is not known: {error}")
        return None
    return Frame.utm(int(zone[0]), north=bool(north[0]))


def _pair(tables: Sequence[ImageTable], one: str, other: str) -> tuple[Float64Array, Float64Array, BoolArray | None]:
    """Return two columns of numbers, and which rows have both; NaN where both cells are empty. None: all have."""
    empty = [
        not left and not right
        for table in tables
        for left, right in zip(table.columns[one], table.columns[other], strict=True)
    ]
    located = ~np.array(empty, dtype=bool)
    values = _numbers(tables, one, located), _numbers(tables, other, located)
    return *values, None if located.all() else located


def _numbers(tables: Sequence[ImageTable], meaning: str, located: BoolArray | None = None) -> Float64Array:
    """Return a column of numbers; NaN where ``located`` is False."""
    values: list[float] = []
    for table in tables:
        for row, text in enumerate(table.columns[meaning]):
            if located is not None and not located[len(values)]:
                values.append(np.nan)
                continue
            try:
                value = float(text)
            except ValueError as error:
                raise ValueError(f"{meaning} of {table.where(row)} is {text!r}, not a number") from error
            if not np.isfinite(value):
                raise ValueError(f"{meaning} of {table.where(row)} is {text}; correct the row or leave the image out")
            values.append(value)
    return np.array(values, dtype=np.float64)


def _labels(tables: Sequence[ImageTable], meaning: str) -> Int64Array:
    texts = [text for table in tables for text in table.columns[meaning]]
    numbers = {text: number for number, text in enumerate(sorted(set(texts)))}
    return np.array([numbers[text] for text in texts], dtype=np.int64)


def _times(tables: Sequence[ImageTable]) -> tuple[Int64Array, BoolArray]:
    """Return times of all rows (0 where a cell is empty), and which rows have one."""
    where = _Rows(tables)
    texts = [text for table in tables for text in table.columns.get("time", [""] * len(table))]
    timed = [bool(text) for text in texts]
    whole = [re.fullmatch(r"[+-]?\d{1,18}", text) is not None for text in texts]
    if whole == timed:
        return np.array([int(text or 0) for text in texts], dtype=np.int64), np.array(timed, dtype=bool)
    if any(whole):
        row = whole.index(True)
        raise ValueError(f"time of {where(row)} is the number {texts[row]}, other rows hold dates; use one of the two")
    seconds = []
    for row, text in enumerate(texts):
        try:
            seconds.append(seconds_of(text) if text else 0)
        except ValueError as error:
            raise ValueError(
                f"time of {where(row)} is {text!r}; write a whole number or ISO 8601, such as 2013-07-21T14:05:00"
            ) from error
    return np.array(seconds, dtype=np.int64), np.array(timed, dtype=bool)


def _missing(tables: Sequence[ImageTable], what: str) -> ValueError:
    has = "; ".join(f"{table.source} has {', '.join(sorted(table.columns))}" for table in tables)
    return ValueError(f"no {what} in every table ({has}); add them, or map your columns with columns: {{x: ...}}")


class _Rows:
    """Names a row of several tables joined; ``rows``: which of them are counted."""

    def __init__(self, tables: Sequence[ImageTable], rows: Int64Array | None = None) -> None:
        self._tables, self._rows = tables, rows

    def __call__(self, row: int) -> str:
        if self._rows is not None:
            row = int(self._rows[row])
        for table in self._tables:
            if row < len(table):
                return table.where(row)
            row -= len(table)
        raise IndexError(row)
