"""The tables of GSV-Cities and the names of its images.

``Dataframes/<City>.csv`` has a line an image with the columns of `COLUMNS`; the image lies in ``Images/<City>/`` and is
named ``<city_id>_<place_id>_<year>_<month>_<northdeg>_<lat>_<lon>_<panoid>.jpg``, numbers filled with zeros to 7, 4,
2 and 3 digits. Degrees are written in the name as some program printed them, so an image is found by the other parts.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["COLUMNS", "SOURCE", "Photo", "read_city"]

COLUMNS = ("place_id", "year", "month", "northdeg", "city_id", "lat", "lon", "panoid")
SOURCE = "https://www.kaggle.com/datasets/amaralibey/gsv-cities"
"""Where the data set is to be had."""

Key = tuple[int, int, int, int, str]


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One line of a table.

    Attributes:
        line: its number in the file, for messages.
        place: number of the place in its city.
        time: months since year 0.
        name: of the file, in the city's folder.
    """

    line: int
    place: int
    time: int
    lat: float
    lon: float
    name: str


def read_city(table: Path, images: Path, *, min_images: int) -> list[Photo]:
    """Return the photos of one city that belong to places with ``min_images`` or more, by place and name.

    Args:
        table: ``Dataframes/<City>.csv``.
        images: ``Images/<City>``.
        min_images: photos a place must have.

    Raises:
        FileNotFoundError: an image is missing; says where to get it.
        ValueError: a column is missing, a cell is wrong, an image is listed twice; names file and line.
    """
    rows = list(_rows(table))
    photos_of = Counter(place for _, (place, *_), _, _, _ in rows)
    files = _files(images)
    photos, missing = [], []
    seen: dict[Key, int] = {}
    for line, key, city, lat, lon in rows:
        if key in seen:
            raise ValueError(f"{table}: line {line} repeats line {seen[key]} (panorama {key[4]!r}); list an image once")
        seen[key] = line
        if photos_of[key[0]] < min_images:
            continue
        name = files.get((city, key))
        if name is None:
            missing.append((line, f"{city}_{key[0]:07d}_{key[1]:04d}_{key[2]:02d}_{key[3]:03d}_*_{key[4]}.jpg"))
            continue
        photos.append(Photo(line=line, place=key[0], time=12 * key[1] + key[2], lat=lat, lon=lon, name=name))
    if missing:
        line, name = missing[0]
        raise FileNotFoundError(
            f"{images}: {len(missing)} of {len(seen)} images are not there, first {name} ({table}, line {line}); "
            f"download GSV-Cities from {SOURCE} again and unpack it whole"
        )
    return sorted(photos, key=lambda photo: (photo.place, photo.name))


def _rows(table: Path) -> Iterator[tuple[int, Key, str, float, float]]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if lacking:
            raise ValueError(
                f"{table}: no column {', '.join(lacking)}; a table of GSV-Cities has {', '.join(COLUMNS)}, this one "
                f"{', '.join(reader.fieldnames or ()) or 'is empty'}"
            )
        try:
            for cells in reader:
                yield _row(cells, f"{table}: line {reader.line_num}", reader.line_num)
        except csv.Error as error:
            raise ValueError(f"{table}: line {reader.line_num}: {error}; is it a table of GSV-Cities?") from error


def _row(cells: Mapping[str, str | None], where: str, line: int) -> tuple[int, Key, str, float, float]:
    def number(column: str, low: float, high: float) -> float:
        text = cells[column] or ""
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise ValueError(f"{where}: {column} is {text!r}; a number from {low:g} to {high:g} is expected")
        return value

    def whole(column: str, low: int, high: int) -> int:
        value = number(column, low, high)
        if value != int(value):
            raise ValueError(f"{where}: {column} is {cells[column]!r}; a whole number is expected")
        return int(value)

    panorama, city = cells["panoid"] or "", cells["city_id"] or ""
    if not panorama or not city:
        raise ValueError(f"{where}: {'city_id' if panorama else 'panoid'} is empty")
    place = whole("place_id", 0, 9_999_999)
    key = (place, whole("year", 0, 9999), whole("month", 1, 12), whole("northdeg", 0, 360), panorama)
    return line, key, city, number("lat", -90, 90), number("lon", -180, 180)


def _files(images: Path) -> dict[tuple[str, Key], str]:
    """Return the images of a folder by city and what their names say; other files are passed over."""
    found: dict[tuple[str, Key], str] = {}
    for entry in os.scandir(images):
        stem, dot, suffix = entry.name.rpartition(".")
        if not dot or suffix.lower() not in ("jpg", "jpeg", "png"):
            continue
        # A panorama's name may hold an underscore, so the parts before it are counted from the left.
        parts = stem.split("_", 7)
        if len(parts) == 8 and all(part.isdecimal() for part in parts[1:5]):
            place, year, month, north = (int(part) for part in parts[1:5])
            found[parts[0], (place, year, month, north, parts[7])] = entry.name
    return found
