"""Lists of names and of right answers, in the forms in which sets are published.

Names: one a line, ``.npy`` (an array of text), JSON (a list), or a folder, whose files must be numbered: their order is
part of the truth. Right answers, by name or by place in those lists (from 0):

- CSV or JSON lines of ``query`` and ``database``, one right pair a row;
- JSON: an object from query name to names, or a list of lists;
- ``.npy`` of the GSV-Cities family (OpenVPRLab, SALAD, BoQ): ``Q`` arrays of places, or ``(Q, 1)`` places;
- ``.npy`` of the VPR-Bench family: ``(Q, 2)``, place of the query and list of places.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vpr_data.images.formats import SUFFIXES
from vpr_data.places.rows import Rows
from vpr_data.truth.object_arrays import read_array

__all__ = ["read_names", "read_places", "read_rows"]


def read_names(path: Path, *, root: Path) -> list[str]:
    """Return image names relative to ``root``, in the order in which the file lists them.

    Raises:
        ValueError: the file cannot be read or is empty; or a folder's files are not numbered, so that no order is
            theirs.
    """
    if path.is_dir():
        return _numbered(path, root)
    if path.suffix == ".npy":
        names = [str(name) for name in read_array(path).reshape(-1)]
    elif path.suffix == ".json":
        names = [str(name) for name in _json(path)]
    else:
        try:
            names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} cannot be read ({error}); one image name a line is wanted") from error
    if not names:
        raise ValueError(f"{path}: no name in it")
    return [name.replace("\\", "/") for name in names]


def read_places(path: Path, *, count: int) -> list[int]:
    """Return which entries of a list of names are meant, such as ``msls_val_qIdx.npy``: places from 0.

    Raises:
        ValueError: a place is outside the list, or stands there twice.
    """
    raw = read_array(path).reshape(-1) if path.suffix == ".npy" else _json(path)
    places = [_place(value, count, f"{path}, entry {row}") for row, value in enumerate(raw)]
    if len(set(places)) != len(places):
        raise ValueError(f"{path}: an entry stands there twice")
    return places


def read_rows(path: Path, *, queries: Sequence[str], database: Sequence[str]) -> Rows:
    """Return for each query the sorted places of the database images that the file lists.

    Raises:
        ValueError: a name or place fits nothing, a query stands there twice, or the numbers of queries differ.
    """
    if path.suffix == ".npy":
        return _of_array(path, read_array(path), queries=queries, database=database)
    if path.suffix == ".json":
        content = _json(path)
        if isinstance(content, list):
            return _in_order(path, content, queries=queries, database=database)
        if not isinstance(content, dict):
            raise ValueError(f"{path}: expected an object of lists by query, or a list of lists")
        pairs = ((query, name) for query, found in content.items() for name in _listed(found, path))
        return _of_pairs(path, pairs, queries=queries, database=database)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); columns query and database are wanted") from error
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows or not {"query", "database"} <= rows[0].keys():
        raise ValueError(f"{path}: expected a header with query and database, and a row for each right pair")
    pairs = ((row["query"], row["database"]) for row in rows)
    return _of_pairs(path, pairs, queries=queries, database=database)


def _numbered(folder: Path, root: Path) -> list[str]:
    files = [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file()]
    if not files:
        raise ValueError(f"{folder}: no image in it")
    if not all(file.stem.isdecimal() for file in files) or len({int(file.stem) for file in files}) != len(files):
        raise ValueError(
            f"{folder}: its files are not simply numbered, so nobody can say which is the first; places in a list of "
            "right answers count in the order of a list of names: give that list"
        )
    return [file.relative_to(root).as_posix() for file in sorted(files, key=lambda file: int(file.stem))]


def _of_array(path: Path, array: Any, *, queries: Sequence[str], database: Sequence[str]) -> Rows:
    if array.dtype == object and array.ndim == 2 and array.shape[1] == 2 and _is_list(array[0, 1]):
        places = [_place(value, len(queries), f"{path}, row {row}") for row, value in enumerate(array[:, 0])]
        if sorted(places) != list(range(len(queries))):
            raise ValueError(
                f"{path}: names {len(set(places))} of {len(queries)} queries, each of which has to be named once"
            )
        lists = dict(zip(places, array[:, 1], strict=True))
        return _in_order(path, [lists[place] for place in range(len(queries))], queries=queries, database=database)
    if array.dtype != object and array.ndim == 2 and array.shape[1] > 1:
        raise ValueError(f"{path}: shape {array.shape}; (Q,), (Q, 1), an array of arrays, or pairs of place and list")
    return _in_order(
        path,
        list(array.reshape(len(array), -1)[:, 0]) if array.ndim > 1 else list(array),
        queries=queries,
        database=database,
    )


def _in_order(path: Path, lists: Sequence[Any], *, queries: Sequence[str], database: Sequence[str]) -> Rows:
    if len(lists) != len(queries):
        raise ValueError(
            f"{path}: right answers of {len(lists)} queries, {len(queries)} are listed; it belongs to another list of "
            "queries, or to another variant of the set"
        )
    where = {name: place for place, name in enumerate(database)}
    rows = []
    for number, found in enumerate(lists):
        at = f"{path}, query {number} ({queries[number]})"
        rows.append(sorted({_found(value, where, at) for value in _listed(found, path)}))
    return Rows.from_rows(rows)


def _of_pairs(path: Path, pairs: Iterable[tuple[Any, Any]], *, queries: Sequence[str], database: Sequence[str]) -> Rows:
    asked = {name: place for place, name in enumerate(queries)}
    known = {name: place for place, name in enumerate(database)}
    rows, values = [], []
    for number, (query, name) in enumerate(pairs, 1):
        rows.append(_found(query, asked, f"{path}, pair {number}"))
        values.append(_found(name, known, f"{path}, pair {number}"))
    return Rows.from_pairs(np.array(rows, dtype=np.int64), np.array(values, dtype=np.int64), len(queries))


def _found(value: Any, known: dict[str, int], at: str) -> int:
    """A place by name, or a number that is one."""
    if isinstance(value, str):
        name = value.strip().replace("\\", "/")
        if name in known:
            return known[name]
        if not name.isdecimal():
            raise ValueError(f"{at}: {value!r} is in no list of names ({next(iter(known), 'which is empty')}, ...)")
        value = int(name)
    return _place(value, len(known), at)


def _place(value: Any, count: int, at: str) -> int:
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < count:
        raise ValueError(f"{at}: {number!r} is no place in a list of {count} (0 to {count - 1})")
    return number


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def _listed(found: Any, path: Path) -> list[Any]:
    if isinstance(found, np.ndarray):
        return list(found.reshape(-1))
    if isinstance(found, list | tuple):
        return list(found)
    if isinstance(found, int | float | str | np.generic):
        return [found]
    raise ValueError(f"{path}: {type(found).__name__} where a list of right answers belongs")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
