"""Image files below a folder, and what their names and EXIF blocks say of where they were taken."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from vpr_data.images.read_ahead import ReadAhead
from vpr_data.tables.image_table import ImageTable

__all__ = ["SUFFIXES", "exif_columns", "list_images", "name_columns"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm")
"""File names that are taken for images when a folder is listed; upper and lower case alike."""

AT_FIELDS = {"x": 1, "y": 2, "lat": 5, "lon": 6, "time": 13}
"""Where the ``@easting@northing@zone@letter@lat@lon@pano@tile@heading@pitch@roll@height@time@note@.jpg`` convention of
the VPR-datasets-downloader keeps what is used here."""
ZONE, LETTER = 3, 4
GPS, EXIF, TAKEN = 0x8825, 0x8769, 0x9003


def list_images(folder: Path, *, root: Path) -> ImageTable:
    """Return the images below ``folder``, sorted by name, named relative to ``root``.

    Hidden files and folders are passed over; linked folders are followed, each once.

    Raises:
        FileNotFoundError: there is no such folder, or no image in it.
        ValueError: a file name is not UTF-8.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; give the folder that holds the images")
    names = sorted(path.relative_to(root).as_posix() for path in _walk(folder, set()))
    if not names:
        raise FileNotFoundError(f"{folder}: holds no image (looked for {', '.join(SUFFIXES)} in it and below)")
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"{folder}: the file name {name!r} is not UTF-8; rename the file") from error
    return ImageTable(source=folder, columns={"name": names})


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):  # of two ways to a folder, everywhere the same one
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(folder / entry.name, seen)
            elif entry.name.lower().endswith(SUFFIXES):
                yield folder / entry.name


def name_columns(table: ImageTable, *, unit: str) -> dict[str, list[str]]:
    """Read positions from file names.

    Metres: ``@easting@northing@...``, and where the names carry them zone, latitude, longitude and time. Frames: the
    last whole number in the name. Places: the name of the folder that the image lies in.

    Raises:
        ValueError: a name does not follow the convention; names it.
    """
    names = table.columns["name"]
    if unit == "place":
        return {"place": [PurePosixPath(name).parent.name for name in names]}
    if unit == "frame":
        return {"frame": [_last_number(name, table.where(row)) for row, name in enumerate(names)]}
    parts = [name.rpartition("/")[2].split("@") for name in names]
    for row, cells in enumerate(parts):
        if len(cells) < 4:
            raise ValueError(
                f"name of {table.where(row)} carries no position; write '@easting@northing@...@.jpg', or give a table "
                "with positions"
            )
    columns = {}
    for meaning, place in AT_FIELDS.items():
        texts = [cells[place].strip() if len(cells) > place + 1 else "" for cells in parts]
        if meaning in ("x", "y") or all(texts):
            columns[meaning] = texts
    if not ("lat" in columns and "lon" in columns):
        columns.pop("lat", None)
        columns.pop("lon", None)
    zones = [cells[ZONE].strip() + cells[LETTER].strip() if len(cells) > LETTER + 1 else "" for cells in parts]
    if all(zones):
        columns["zone"] = zones
    return columns


def _last_number(name: str, where: str) -> str:
    numbers = re.findall(r"\d+", name.rpartition("/")[2].rpartition(".")[0])
    if not numbers:
        raise ValueError(f"name of {where} has no number to be its frame; number the files, or give a column 'frame'")
    return str(numbers[-1])


def exif_columns(table: ImageTable, *, root: Path, workers: int = 4) -> dict[str, list[str]]:
    """Read latitude, longitude and, where all have it, the time of recording from EXIF.

    Raises:
        ValueError: images without a position; names them.
    """
    names = table.columns["name"]
    found = list(ReadAhead(_ExifOf(root, names), count=len(names), workers=workers, depth=64))
    without = [name for name, entry in zip(names, found, strict=True) if entry is None]
    if without:
        shown = ", ".join(without[:5]) + (", ..." if len(without) > 5 else "")
        raise ValueError(
            f"{len(without)} of {len(names)} images in {table.source} have no GPS position in EXIF: {shown}; give a "
            "table with positions, names of the form '@easting@northing@...', or leave these images out"
        )
    entries = [entry for entry in found if entry is not None]
    columns = {"lat": [entry[0] for entry in entries], "lon": [entry[1] for entry in entries]}
    times = [entry[2] for entry in entries]
    if all(times):
        columns["time"] = times
    return columns


class _ExifOf:
    """Read ``(latitude, longitude, time)`` of one image, as text; None where there is no position."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self._root, self._names = root, names

    def __call__(self, row: int) -> tuple[str, str, str] | None:
        from PIL import Image

        from vpr_data.images.decode import FORMATS, is_pipe

        path = self._root / self._names[row]
        try:
            if is_pipe(path):
                return None
            with Image.open(path, formats=FORMATS) as image:
                exif = image.getexif()
                gps: dict[int, Any] = exif.get_ifd(GPS)
                taken = str(exif.get_ifd(EXIF).get(TAKEN, ""))
            latitude, longitude = _degrees(gps[2], gps[1], "S"), _degrees(gps[4], gps[3], "W")
        except Exception:  # noqa: BLE001  Pillow's parsers raise almost anything; the caller lists the image
            return None
        return repr(latitude), repr(longitude), taken


def _degrees(parts: Sequence[Any], reference: Any, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if str(reference).strip("\0 ").upper() == negative else value
