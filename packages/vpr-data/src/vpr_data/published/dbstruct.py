"""The ``dbStruct`` .mat files in which NetVLAD's authors publish Pittsburgh, Tokyo 24/7 and Tokyo Time Machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_data.published.mat5 import read_mat5

__all__ = ["DbStruct", "read_dbstruct"]

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class DbStruct:
    """One split as published: ``N`` database images and ``Q`` queries.

    Attributes:
        which_set: ``train``, ``val`` or ``test``.
        database_names: relative paths.
        database_xy: ``(N, 2)`` UTM easting and northing in metres.
        query_names: relative paths, in a folder of their own.
        query_xy: ``(Q, 2)``.
        database_time: ``(N,)``, or None: equal numbers mean equal time stamps.
        query_time: ``(Q,)``, or None.
        radius: ``posDistThr``, metres: answers within it are right, negatives lie beyond it.
        training_radius: root of ``nonTrivPosDistSqThr``, metres: potential positives lie within it.
    """

    which_set: str
    database_names: tuple[str, ...]
    database_xy: Float64Array
    query_names: tuple[str, ...]
    query_xy: Float64Array
    database_time: Int64Array | None
    query_time: Int64Array | None
    radius: float
    training_radius: float


def read_dbstruct(path: Path) -> DbStruct:
    """Read a dbStruct .mat file (MATLAB 5 format).

    Fields are found by name: those of Tokyo Time Machine stand in another order, because of the time stamps.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not MATLAB 5, is damaged, decompresses to too much, or lacks a field.
    """
    struct = _load(path)
    database_names, query_names = _names(struct, "dbImageFns", path), _names(struct, "qImageFns", path)
    database_time, query_time = _times(struct, len(database_names), len(query_names), path)
    for field, names in (("numImages", database_names), ("numQueries", query_names)):
        said = _number(struct, field, path) if field in struct else len(names)
        if said != len(names):
            raise ValueError(f"{path}: {field} is {said:g}, but {len(names)} names are listed; the file is damaged")
    return DbStruct(
        which_set=_text(struct["whichSet"]) if "whichSet" in struct else "",
        database_names=database_names,
        database_xy=_positions(struct, "utmDb", len(database_names), path),
        query_names=query_names,
        query_xy=_positions(struct, "utmQ", len(query_names), path),
        database_time=database_time,
        query_time=query_time,
        radius=_number(struct, "posDistThr", path),
        training_radius=float(np.sqrt(_number(struct, "nonTrivPosDistSqThr", path))),
    )


def _load(path: Path) -> dict[str, Any]:
    """Return the fields of the variable ``dbStruct``."""
    struct = read_mat5(path, "dbStruct")
    if not isinstance(struct, dict):
        raise ValueError(f"{path}: dbStruct must be one MATLAB struct")
    return struct


def _field(struct: dict[str, Any], name: str, path: Path) -> npt.NDArray[Any]:
    if name not in struct:
        raise ValueError(f"{path}: dbStruct has no field {name!r}, only {', '.join(struct)}")
    return np.asarray(struct[name])


def _text(value: Any) -> str:
    """Return a text, however deeply wrapped in cells; anything else is an empty one."""
    while isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
        value = value.reshape(-1)[0]
    return value if isinstance(value, str) else ""


def _names(struct: dict[str, Any], field: str, path: Path) -> tuple[str, ...]:
    cells = _field(struct, field, path)
    if cells.dtype != object:
        raise ValueError(f"{path}: {field} must be a cell array of file names, got {cells.dtype}")
    names = tuple(_text(cell).replace("\\", "/").removeprefix("./") for cell in cells.reshape(-1))
    for row, name in enumerate(names):
        if not name:
            raise ValueError(f"{path}: {field}{{{row + 1}}} is not a file name; the file is damaged")
    return names


def _positions(struct: dict[str, Any], field: str, count: int, path: Path) -> Float64Array:
    array = _field(struct, field, path)
    if array.shape != (2, count) or array.dtype.kind not in "iuf":
        raise ValueError(f"{path}: {field} must be numbers of shape (2, {count}), got {array.dtype} {array.shape}")
    return np.ascontiguousarray(array.T, dtype=np.float64)


def _number(struct: dict[str, Any], field: str, path: Path) -> float:
    array = _field(struct, field, path)
    if array.size != 1 or array.dtype.kind not in "iuf" or not np.isfinite(array).all() or float(array.item()) < 0:
        raise ValueError(f"{path}: {field} must be one number, at least 0, got {array!r}")
    return float(array.item())


def _times(
    struct: dict[str, Any], database: int, queries: int, path: Path
) -> tuple[Int64Array | None, Int64Array | None]:
    """Return time stamps as numbers that are equal where the stamps are; MATLAB day numbers have fractions."""
    if "dbTimeStamp" not in struct and "qTimeStamp" not in struct:
        return None, None
    stamps = []
    for field, count in (("dbTimeStamp", database), ("qTimeStamp", queries)):
        array = _field(struct, field, path).reshape(-1)
        if len(array) != count:
            raise ValueError(f"{path}: {field} has {len(array)} entries for {count} images; the file is damaged")
        stamps.append(np.array([_text(cell) for cell in array]) if array.dtype == object else array)
    if stamps[0].dtype.kind not in "iufU" or stamps[0].dtype.kind != stamps[1].dtype.kind:
        raise ValueError(f"{path}: dbTimeStamp and qTimeStamp must both be numbers or both be text")
    _, numbers = np.unique(np.concatenate(stamps), return_inverse=True)
    numbers = numbers.reshape(-1).astype(np.int64)
    return numbers[:database], numbers[database:]
