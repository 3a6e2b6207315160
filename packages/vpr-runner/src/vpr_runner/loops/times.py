"""When the images of a drive were taken, in seconds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_runner.loops.reading import text_of

__all__ = ["as_rising", "times_of"]

Float64Array = npt.NDArray[np.float64]
MILLISECONDS = re.compile(r"(?:^|[_-])(\d+)ms$")
DECIMAL = re.compile(r"\d+\.\d+")
STAMP = {19: 1e-9, 16: 1e-6, 13: 1e-3}
"""Digits of a whole number that counts since 1970, and the unit they say: nano-, micro- and milliseconds."""


def times_of(names: Sequence[str], *, table: Path | None = None, rate: float | None = None) -> tuple[Float64Array, str]:
    """Return the time of each image ``(N,)`` in seconds, and in words where it comes from.

    From ``table``, if there is one; else ``rate`` images a second, in their order; else from file names: milliseconds
    (``walk_00012500ms.jpg``, as `vpr extract` names frames of a video), seconds with a point
    (``1305031102.175304.png``, TUM), or a whole number of 13, 16 or 19 digits (EuRoC). Where names say nothing, one
    image a second.

    Args:
        names: of the images.
        table: CSV with the columns ``name`` and ``time``, or lines ``time name`` (TUM's ``rgb.txt``).
        rate: images a second.

    Raises:
        UsageError: the table cannot be read or has no time for an image; both are given.
    """
    if table is not None and rate is not None:
        raise UsageError("--times and --rate: one of the two says when images were taken")
    if rate is not None:
        return np.arange(len(names)) / rate, f"{rate:g} images a second"
    if table is not None:
        return _of_table(names, table), f"from {table.name}"
    found = _of_names(names)
    if found is not None:
        return found, "from file names"
    return np.arange(
        len(names), dtype=np.float64
    ), "unknown: one image a second is assumed; --rate or --times say better"


def as_rising(times: Float64Array, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the order of the images by time; equal times keep the order in which they came.

    Raises:
        UsageError: a time is not finite.
    """
    bad = np.flatnonzero(~np.isfinite(times))
    if len(bad):
        raise UsageError(f"time of {names[int(bad[0])]!r} is not finite")
    return np.argsort(times, kind="stable").astype(np.int64)


def _of_names(names: Sequence[str]) -> Float64Array | None:
    stems = [Path(name).stem for name in names]
    for read in (_milliseconds, _decimal, _stamp):
        values = [read(stem) for stem in stems]
        if names and all(value is not None for value in values):
            return np.array(values, dtype=np.float64)
    return None


def _milliseconds(stem: str) -> float | None:
    found = MILLISECONDS.search(stem)
    return int(found[1]) / 1000 if found and len(found[1]) < 16 else None


def _decimal(stem: str) -> float | None:
    return float(stem) if DECIMAL.fullmatch(stem) and len(stem) < 32 else None


def _stamp(stem: str) -> float | None:
    return int(stem) * STAMP[len(stem)] if stem.isascii() and stem.isdigit() and len(stem) in STAMP else None


def _of_table(names: Sequence[str], table: Path) -> Float64Array:
    text = text_of(table, option="--times", wanted="; a list of times is wanted")
    known: dict[str, float] = {}
    for number, name, time in _rows(text, table):
        try:
            value = float(time)
        except ValueError as error:
            raise UsageError(f"--times: {table}, line {number}: {time!r} is no number of seconds") from error
        known[name] = value
    ends = {Path(name).name: time for name, time in known.items()}
    found = [known.get(name, ends.get(Path(name).name)) for name in names]
    missing = [name for name, time in zip(names, found, strict=True) if time is None]
    if missing:
        raise UsageError(
            f"--times: {table} has no time for {len(missing)} of {len(names)} images, such as {missing[0]!r}"
        )
    return np.array(found, dtype=np.float64)


def _rows(text: str, table: Path) -> list[tuple[int, str, str]]:
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    if lines and "," in lines[0][1]:
        reader = csv.DictReader(io.StringIO("\n".join(line for _, line in lines)))
        fields = {field.strip().lower(): field for field in reader.fieldnames or ()}
        if not {"name", "time"} <= fields.keys():
            raise UsageError(f"--times: {table} has the columns {', '.join(fields)}; name and time are wanted")
        rows = zip(lines[1:], reader, strict=False)
        return [(n, (row[fields["name"]] or "").strip(), row[fields["time"]] or "") for (n, _), row in rows]
    found = []
    for number, line in lines:
        time, _, name = line.partition(" ")
        if not name:
            raise UsageError(f"--times: {table}, line {number}: write `time name`, or a CSV with columns name and time")
        found.append((number, name.strip(), time))
    return found
