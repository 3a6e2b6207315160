"""The images of a map and where they were taken: ``images.csv``, and the frame that its metres count in."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_data import Frame, coordinates

__all__ = ["Places"]

Float64Array = npt.NDArray[np.float64]
_BLOCK = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """``N`` images with what is known of their positions.

    Attributes:
        names: of the images, in the order of the descriptors.
        degrees: float64 ``(N, 2)``, latitude and longitude (WGS84), or None: nothing ties the images to the earth.
        xy: float64 ``(N, 2)``, metres east and north (frame numbers, for a sequence), whose Euclidean distances are
            metres (or frames); None: nothing is known.
        frame: what ``xy`` counts in; None: from nobody knows where.

    An image without a position has NaN in both.
    """

    names: Sequence[str]
    degrees: Float64Array | None = None
    xy: Float64Array | None = None
    frame: Frame | None = None

    @classmethod
    def of(cls, images: Any, *, positioned: bool) -> Places:
        """Return the places of an image set; ``positioned`` says whether its positions mean anything."""
        if not positioned:
            return cls(names=tuple(images.names))
        frame = getattr(images, "frame", None)
        return cls(
            names=tuple(images.names),
            degrees=coordinates(images),
            xy=np.asarray(images.xy, dtype=np.float64),
            frame=frame if isinstance(frame, Frame) else None,
        )

    @property
    def located(self) -> npt.NDArray[np.bool_]:
        """Which images have a position, bool ``(N,)``."""
        known = self.degrees if self.degrees is not None else self.xy
        if known is None:
            return np.zeros(len(self.names), dtype=bool)
        return np.asarray(np.isfinite(known).all(axis=1))

    def described(self, row: int) -> dict[str, float]:
        """Return what is known of one image as plain numbers: ``lat, lon`` in degrees, ``x, y`` in metres."""
        found: dict[str, float] = {}
        for names, values in ((("lat", "lon"), self.degrees), (("x", "y"), self.xy)):
            if values is not None and np.isfinite(values[row]).all():
                found.update(zip(names, map(float, values[row]), strict=True))
        return found

    def to_csv(self) -> str:
        """Return the table: ``name``, ``lat`` and ``lon`` to 7 digits, ``x`` and ``y`` to millimetres, where known."""
        columns: list[tuple[str, Float64Array, str]] = []
        if self.degrees is not None:
            columns += [("lat", self.degrees[:, 0], ".7f"), ("lon", self.degrees[:, 1], ".7f")]
        if self.xy is not None:
            columns += [("x", self.xy[:, 0], ".3f"), ("y", self.xy[:, 1], ".3f")]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["name", *(name for name, _, _ in columns)])
        for row, name in enumerate(self.names):
            cells = (format(values[row], form) if np.isfinite(values[row]) else "" for _, values, form in columns)
            writer.writerow([name, *cells])
        return text.getvalue()

    @classmethod
    def from_csv(cls, text: str, *, names: Sequence[str], frame: Frame | None) -> Places:
        """Read the table that `to_csv` wrote for the images ``names``.

        Raises:
            ValueError: it is no such table, or one of other images.
        """
        reader = csv.reader(io.StringIO(text))
        column = {name: number for number, name in enumerate(next(reader, []))}
        rows, listed = filter(None, reader), 0
        pairs = [pair for pair in (("lat", "lon"), ("x", "y")) if column.keys() >= set(pair)]
        found: dict[str, list[Float64Array]] = {first: [] for first, _ in pairs}
        while block := list(islice(rows, _BLOCK)):  # a dictionary a row would be half a gigabyte for a million
            if not _lists(block, column.get("name"), names[listed : listed + len(block)]):
                raise ValueError(f"it does not list the {len(names)} images of the manifest, in their order")
            listed += len(block)
            for first, second in pairs:
                found[first].append(_numbers(block, column, first, second))
        if listed != len(names):
            raise ValueError(f"it does not list the {len(names)} images of the manifest, in their order")
        known = {first: np.concatenate(parts) for first, parts in found.items() if parts}
        return cls(names=tuple(names), degrees=known.get("lat"), xy=known.get("x"), frame=frame)


def _cell(row: Sequence[str], place: int | None) -> str | None:
    return row[place] if place is not None and place < len(row) else None


def _lists(block: Sequence[Sequence[str]], place: int | None, names: Sequence[str]) -> bool:
    if place is None or len(block) != len(names):
        return False
    return all(len(row) > place for row in block) and list(map(itemgetter(place), block)) == list(names)


def _numbers(block: Sequence[Sequence[str]], column: Mapping[str, int], first: str, second: str) -> Float64Array:
    """Return two columns ``(n, 2)``; an empty pair is NaN: the image has no position."""
    with suppress(ValueError, IndexError):
        parts = [list(map(float, map(itemgetter(column[name]), block))) for name in (first, second)]
        plain = np.array(parts, dtype=np.float64).T
        if np.isfinite(plain).all():
            return plain
    return np.array([_pair(row, column, first, second) for row in block], dtype=np.float64)


def _pair(row: Sequence[str], column: Mapping[str, int], first: str, second: str) -> tuple[float, float]:
    pair = _number(row, column, first), _number(row, column, second)
    if np.isnan(pair[0]) != np.isnan(pair[1]):
        raise ValueError(f"{row[column['name']]!r} has one of {first} and {second} only")
    return pair


def _number(row: Sequence[str], column: Mapping[str, int], name: str) -> float:
    text = _cell(row, column[name])
    if text is None:
        raise ValueError(f"the row of {row[column['name']]!r} has no {name}")
    value = float(text) if text else float("nan")
    if text and not np.isfinite(value):
        raise ValueError(f"{name} of {row[column['name']]!r} is {text}")
    return value
