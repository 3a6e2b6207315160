"""Every image below a folder as one set, for a map: with positions where the images say them, without where they do
not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpr_data.images.image_set import ImageSet
from vpr_data.places.checks import place_warnings
from vpr_data.tables.along_track import track_columns
from vpr_data.tables.camera import NOTHING, exif_columns
from vpr_data.tables.gpx import read_gpx
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.listing import list_images, name_columns
from vpr_data.tables.positions import locate

__all__ = ["PhotoFolder", "open_photos"]


@dataclass(frozen=True, kw_only=True)
class PhotoFolder:
    """What `open_photos` found.

    Attributes:
        images: all of them, sorted by name; `vpr_data.ImageSet.located` says which have a position.
        notes: what was passed over, and how many images have no position and why.
    """

    images: ImageSet
    notes: tuple[str, ...]


def open_photos(folder: Path, *, gpx: Path | None = None, gpx_offset: float = 0.0) -> PhotoFolder:
    """Return every image below ``folder``.

    Positions come from a track by the images' times, if one is given; else from ``@easting@northing@`` file names where
    any follows that convention, else from EXIF and XMP. An image without one stays in the set: it can be found, though
    nobody knows where it was taken.

    Args:
        folder: of the images.
        gpx: track of a receiver (`vpr_data.tables.gpx`).
        gpx_offset: seconds to add to the images' times.

    Raises:
        FileNotFoundError: no such folder or track, or no image in it.
        ValueError: positions that contradict themselves, such as a northing beyond its UTM band, or a track along which
            no image was taken.
    """
    table = list_images(folder, root=folder)
    names = table.columns["name"]
    if gpx is not None:
        columns = track_columns(table, root=folder, track=read_gpx(gpx), offset=gpx_offset)
    elif any("@" in name.rpartition("/")[2] for name in names):
        try:
            columns = name_columns(table, unit="m", missing="blank")
        except ValueError:  # an @ in a name is no convention yet
            columns = {}
    else:
        columns = {}
    reason = ""
    if not columns:
        try:
            columns = exif_columns(table, root=folder, missing="blank")
        except ValueError as error:
            reason = str(error)
    if not columns:
        nowhere = ImageSet(
            root=folder,
            names=names,
            xy=np.full((len(names), 2), np.nan),
            located=np.zeros(len(names), dtype=bool),
        )
        # Photos without GPS are nothing to speak of; photos whose GPS cannot be used are.
        return PhotoFolder(images=nowhere, notes=(*table.notes, *([] if NOTHING in reason else [reason])))
    placed = table.having({**table.columns, **columns})
    (found,) = locate([placed])
    where = found.positions
    images = ImageSet(
        root=folder,
        names=names,
        xy=where.xy,
        points=where.points,
        degrees=where.degrees,
        frame=where.frame,
        located=where.located,
        time=found.time if found.timed is None else None,
    )
    notes = (*table.notes, *_counted(placed, images), *found.notes, *place_warnings(images))
    return PhotoFolder(images=images, notes=notes)


def _counted(table: ImageTable, images: ImageSet) -> list[str]:
    if images.located is None:
        return []
    reasons = table.columns.get("without", [""] * len(images))
    without = [f"{images.names[row]} ({reasons[row]})" for row in np.flatnonzero(~images.located).tolist()]
    shown = ", ".join(without[:3]) + (", ..." if len(without) > 3 else "")
    return [f"{len(images) - len(without)} of {len(images)} images have a position; without one: {shown}"]
