"""Positions for tables that have none: from a file of arrays, from file names, or from EXIF."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from vpr_data.tables.along_track import track_columns
from vpr_data.tables.camera import exif_columns
from vpr_data.tables.gpx import Track
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.listing import name_columns
from vpr_data.tables.positions import Unit

__all__ = ["npz_columns", "with_positions"]


def with_positions(
    tables: Sequence[ImageTable],
    *,
    root: Path,
    source: Literal["auto", "names", "exif"],
    unit: Unit,
    track: Track | None = None,
    offset: float = 0.0,
) -> list[ImageTable]:
    """Add position columns to the tables that lack them; an image without a position has empty cells there.

    A ``track`` goes before names and EXIF, by the photos' times plus ``offset`` seconds.
    """
    return [_placed(table, root=root, source=source, unit=unit, track=track, offset=offset) for table in tables]


def _placed(
    table: ImageTable,
    *,
    root: Path,
    source: Literal["auto", "names", "exif"],
    unit: Unit,
    track: Track | None,
    offset: float,
) -> ImageTable:
    have = set(table.columns)
    if (
        (unit == "m" and ({"x", "y"} <= have or {"lat", "lon"} <= have))
        or (unit == "frame" and have & {"frame", "x"})
        or (unit == "place" and "place" in have)
    ):
        return table
    if track is not None and unit == "m":
        return table.having({**table.columns, **track_columns(table, root=root, track=track, offset=offset)})
    if source == "auto":
        names = table.columns["name"]
        source = "names" if unit != "m" or any("@" in name for name in names) else "exif"
    found = (
        name_columns(table, unit=unit, missing="blank")
        if source == "names"
        else exif_columns(table, root=root, missing="blank")
    )
    return table.having({**found, **table.columns})


def npz_columns(path: Path, *, database: ImageTable, queries: ImageTable) -> list[ImageTable]:
    """Add the positions in arrays ``utmDb (N, 2)`` and ``utmQ (Q, 2)``, row by row.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an array is missing, of objects, or has another number of rows than there are images.
    """
    expected = {"utmDb": database, "utmQ": queries}
    try:
        with zipfile.ZipFile(path) as archive:
            for key, table in expected.items():
                _check_header(path, archive, key, table)
        with np.load(path, allow_pickle=False) as arrays:
            found = {key: np.asarray(arrays[key]) for key in expected}
    except _OtherShapeError as error:
        raise ValueError(str(error)) from error
    except FileNotFoundError as error:
        raise FileNotFoundError(f"npz {path}: there is no such file") from error
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"npz {path}: must hold arrays of numbers 'utmDb' and 'utmQ' ({error})") from error
    placed = []
    for key, table in expected.items():
        x, y = ([repr(float(value)) for value in found[key][:, column]] for column in (0, 1))
        placed.append(table.having({**table.columns, "x": x, "y": y}))
    return placed


class _OtherShapeError(Exception):
    """An array is not what the images need."""


def _check_header(path: Path, archive: zipfile.ZipFile, key: str, table: ImageTable) -> None:
    """Look at an array's header: a few kilobytes may unfold to gigabytes, which nobody asked for."""
    with archive.open(f"{key}.npy") as member:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(member)
    if dtype.kind not in "biufO" or shape != (len(table), 2) or dtype.kind == "b":
        raise _OtherShapeError(
            f"npz {path}: {key} is {dtype} {shape}; {table.source} lists {len(table)} images, so "
            f"({len(table)}, 2) numbers are needed"
        )
