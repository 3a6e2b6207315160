"""The four tables of one city of Mapillary Street-Level Sequences, row by row in one order."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["CitySide", "read_side"]

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_TRUE = {"True": True, "False": False, "true": True, "false": False, "1": True, "0": False}
SUFFIX = ".jpg"


@dataclass(frozen=True, kw_only=True)
class CitySide:
    """Query or database images of one city, in the order of its tables.

    Attributes:
        keys: of the images; their files are ``images/<key>.jpg``.
        xy: ``(N, 2)`` UTM of the city's own zone; zeros where positions are not public.
        degrees: ``(N, 2)`` latitude and longitude, or None.
        pano: ``(N,)``, panoramas.
        chosen: ``(N,)``, of the subtask.
        sequence: ``(N,)`` number of each image's sequence in this table.
        frame: ``(N,)`` number in its sequence.
    """

    keys: tuple[str, ...]
    xy: Float64Array
    degrees: Float64Array | None
    pano: BoolArray
    chosen: BoolArray
    sequence: Int64Array
    frame: Int64Array


def read_side(folder: Path, *, subtask: str, secret: bool) -> CitySide:
    """Read ``seq_info.csv`` and ``subtask_index.csv``, and unless ``secret`` ``raw.csv`` and ``postprocessed.csv``.

    Raises:
        FileNotFoundError: a table is missing.
        ValueError: a column is missing, a cell makes no sense, or the tables are of different images or orders.
    """
    info = _table(folder / "seq_info.csv", ("key", "frame_number"))
    keys = tuple(info["key"])
    for row, key in enumerate(keys):
        if not key or not key.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"{folder / 'seq_info.csv'}: row {row + 1} has the key {key!r}, which names no image")
    index = _table(folder / "subtask_index.csv", (subtask,), rows=len(keys))
    sequences = info.get("sequence_key") or info.get("sequence_id") or info.get("sequence")
    if sequences is None:
        raise ValueError(f"{folder / 'seq_info.csv'}: has neither a column sequence_key nor sequence_id")
    numbers = {name: number for number, name in enumerate(dict.fromkeys(sequences))}
    xy, degrees, pano = np.zeros((len(keys), 2)), None, np.zeros(len(keys), dtype=bool)
    if not secret:
        raw = _table(folder / "raw.csv", ("key", "lat", "lon", "pano"), rows=len(keys))
        placed = _table(folder / "postprocessed.csv", ("key", "easting", "northing"), rows=len(keys))
        for name, table in (("raw.csv", raw), ("postprocessed.csv", placed)):
            wrong = next(
                (row for row, pair in enumerate(zip(keys, table["key"], strict=True)) if pair[0] != pair[1]), None
            )
            if wrong is not None:
                raise ValueError(
                    f"{folder / name}: row {wrong + 1} is of {table['key'][wrong]}, that of seq_info.csv "
                    f"of {keys[wrong]}; the tables belong together row by row, and one was sorted; unpack "
                    "metadata.zip again"
                )
        xy = np.stack([_numbers(placed[column], folder / "postprocessed.csv") for column in ("easting", "northing")], 1)
        degrees = np.stack([_numbers(raw[column], folder / "raw.csv") for column in ("lat", "lon")], 1)
        pano = _flags(raw["pano"], folder / "raw.csv")
    return CitySide(
        keys=keys,
        xy=xy,
        degrees=degrees,
        pano=pano,
        chosen=_flags(index[subtask], folder / "subtask_index.csv"),
        sequence=np.array([numbers[name] for name in sequences], dtype=np.int64),
        frame=_numbers(info["frame_number"], folder / "seq_info.csv").astype(np.int64),
    )


def _table(path: Path, columns: Sequence[str], *, rows: int | None = None) -> Mapping[str, list[str]]:
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        lines = list(reader)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: there is no such table; unpack metadata.zip beside the images") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: is no table ({error}); unpack metadata.zip again") from error
    header = reader.fieldnames or []
    missing = [column for column in columns if column not in header]
    if missing:
        raise ValueError(f"{path}: has no column {missing[0]!r}, only {', '.join(filter(None, header))}")
    if rows is not None and len(lines) != rows:
        raise ValueError(f"{path}: {len(lines)} rows, seq_info.csv has {rows}; the tables belong together row by row")
    if any(None in line or None in line.values() for line in lines):
        raise ValueError(f"{path}: a row has not as many cells as the header; unpack metadata.zip again")
    return {column: [line[column] for line in lines] for column in header if column}


def _numbers(texts: Sequence[str], path: Path) -> Float64Array:
    try:
        values = np.array([float(text) for text in texts], dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"{path}: row {row + 1} has {texts[row]!r} where a number belongs")
    return values


def _flags(texts: Sequence[str], path: Path) -> BoolArray:
    for row, text in enumerate(texts):
        if text not in _TRUE:
            raise ValueError(f"{path}: row {row + 1} has {text!r} where True or False belongs")
    return np.array([_TRUE[text] for text in texts], dtype=bool)
