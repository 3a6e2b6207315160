"""Image files below a folder, and what their names say of where they were taken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from vpr_data.images.formats import passed_over, readable_suffixes
from vpr_data.tables.frame_numbers import frame_numbers
from vpr_data.tables.image_table import ImageTable

__all__ = ["list_images", "name_columns"]

NAS = ("@eadir", "@recycle", "#recycle", "$recycle.bin", "#snapshot", "@tmp", "@transcode", "@sharebin", "__macosx")
"""Folders, in lower case, in which a NAS or an archive keeps thumbnails and what was deleted beside the photos."""

AT_FIELDS = {"x": 1, "y": 2, "lat": 5, "lon": 6, "time": 13}
"""Where the ``@easting@northing@zone@letter@lat@lon@pano@tile@heading@pitch@roll@height@time@note@.jpg`` convention of
the VPR-datasets-downloader keeps what is used here."""
ZONE, LETTER = 3, 4


def list_images(folder: Path, *, root: Path) -> ImageTable:
    """Return the images below ``folder``, sorted by name, named relative to ``root``.

    Hidden files and folders (``.thumbnails``, ``._IMG_1.jpg``) and those of `NAS` are passed over; linked folders are
    followed, each once. Pictures and videos of a kind that is not read are counted in the table's ``notes``.

    Raises:
        FileNotFoundError: there is no such folder, or no image in it.
        ValueError: a file name is not UTF-8.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; give the folder that holds the images")
    suffixes = readable_suffixes()
    files = sorted(path.relative_to(root).as_posix() for path in _walk(folder, set()))
    names = [name for name in files if name.lower().endswith(suffixes)]
    note = passed_over(name for name in files if not name.lower().endswith(suffixes))
    if not names:
        more = f"; {note}" if note else ""
        raise FileNotFoundError(f"{folder}: holds no image (looked for {', '.join(suffixes)} in it and below){more}")
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"{folder}: the file name {name!r} is not UTF-8; rename the file") from error
    return ImageTable(source=folder, columns={"name": names}, notes=(note,) if note else ())


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):  # of two ways to a folder, everywhere the same one
            if entry.name.startswith(".") or entry.name.lower() in NAS:
                continue
            if entry.is_dir():
                yield from _walk(folder / entry.name, seen)
            else:
                yield folder / entry.name


def name_columns(table: ImageTable, *, unit: str, missing: str = "error") -> dict[str, list[str]]:
    """Read positions from file names.

    Metres: ``@easting@northing@...``, and where the names carry them zone, latitude, longitude and time. Frames: the
    number that varies (`vpr_data.tables.frame_numbers`). Places: the name of the folder that the image lies in.

    Args:
        table: names the images.
        unit: ``m``, ``frame`` or ``place``.
        missing: ``error``, or ``blank``: the cells of a name that carries no position are empty, as long as one does.

    Raises:
        ValueError: a name does not follow the convention; names it.
    """
    names = table.columns["name"]
    if unit == "place":
        return {"place": [PurePosixPath(name).parent.name for name in names]}
    if unit == "frame":
        frames = frame_numbers(names, table.where)
        if missing == "error" and not all(frames):
            raise ValueError(f"name of {table.where(frames.index(''))} has no number to be its frame")
        return {"frame": frames, **({} if all(frames) else {"without": ["" if f else "no number" for f in frames]})}
    parts = [name.rpartition("/")[2].split("@") for name in names]
    known = [len(cells) >= 4 for cells in parts]
    for row in range(len(parts)):
        if not known[row] and (missing == "error" or not any(known)):
            raise ValueError(
                f"name of {table.where(row)} carries no position; write '@easting@northing@...@.jpg', or give a table "
                "with positions"
            )
    columns = {}
    for meaning, place in AT_FIELDS.items():
        texts = [cells[place].strip() if len(cells) > max(place + 1, 3) else "" for cells in parts]
        if meaning in ("x", "y") or all(text for text, there in zip(texts, known, strict=True) if there):
            columns[meaning] = texts
    if not ("lat" in columns and "lon" in columns):
        columns.pop("lat", None)
        columns.pop("lon", None)
    zones = [cells[ZONE].strip() + cells[LETTER].strip() if len(cells) > LETTER + 1 else "" for cells in parts]
    if all(zone for zone, there in zip(zones, known, strict=True) if there):
        columns["zone"] = zones
    if not all(known):
        columns["without"] = ["" if there else "no '@easting@northing@' in its name" for there in known]
    return columns
