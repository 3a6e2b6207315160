"""A set of image files with positions: what a database is, and what its queries are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from vpr_data.earth.frame import Frame

__all__ = ["ImageSet"]

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSet:
    """``N`` image files below one folder, with positions.

    Attributes:
        root: folder that ``names`` are relative to.
        names: relative paths with forward slashes, each once; none may leave ``root``.
        xy: float64 ``(N, 2)``, metres east and north; for sequences frame numbers in ``xy[:, 0]``.
        time: int64 ``(N,)``, or None: images with equal numbers were taken at the same time.
        place: int64 ``(N,)``, or None: images with equal numbers show the same place.
        drive: int64 ``(N,)``, or None: images with equal numbers belong to one drive, and stand in the order of time.
        points: float64 ``(N, d)``, or None: where distances are measured, when not in ``xy``. Sets given in latitude
            and longitude keep earth-centred coordinates here, exact on both sides of a zone edge
            (`vpr_data.earth.geo`).
        degrees: float64 ``(N, 2)``, or None: latitude and longitude as they were given, to the last digit.
        frame: what ``xy`` counts in, or None: metres from nobody knows where, frame numbers, labels.
            `vpr_data.coordinates` returns degrees from either.
        located: bool ``(N,)``, or None: whether an image has a position. None: every one has. Of the others ``xy``,
            ``points`` and ``degrees`` are NaN; they can be searched, but no split takes them.

    Raises:
        ValueError: lengths differ, a name is repeated, leaves the root or holds control characters, a coordinate is not
            finite; names the image.
    """

    root: Path
    names: Sequence[str]
    xy: Float64Array
    time: Int64Array | None = None
    place: Int64Array | None = None
    drive: Int64Array | None = None
    points: Float64Array | None = None
    degrees: Float64Array | None = None
    frame: Frame | None = None
    located: BoolArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))
        object.__setattr__(self, "names", tuple(self.names))
        self._check_names()
        if self.located is not None:
            object.__setattr__(self, "located", self._mask(self.located))
        object.__setattr__(self, "xy", self._coordinates("xy", self.xy, width=2))
        if self.points is not None:
            object.__setattr__(self, "points", self._coordinates("points", self.points))
        if self.degrees is not None:
            object.__setattr__(self, "degrees", self._coordinates("degrees", self.degrees, width=2))
        for field in ("time", "place", "drive"):
            if getattr(self, field) is not None:
                object.__setattr__(self, field, self._labels(field, getattr(self, field)))

    def __len__(self) -> int:
        return len(self.names)

    def path(self, position: int) -> Path:
        """Return the file of image ``position``."""
        return self.root / self.names[position]

    @property
    def metric_points(self) -> Float64Array:
        """Coordinates whose Euclidean distance is the distance between images: ``points``, or else ``xy``."""
        return self.xy if self.points is None else self.points

    def select(self, positions: Int64Array | Sequence[int]) -> ImageSet:
        """Return the images at ``positions``, in that order."""
        rows = np.asarray(positions, dtype=np.int64)
        return ImageSet(
            root=self.root,
            names=[self.names[row] for row in rows],
            xy=self.xy[rows],
            time=None if self.time is None else self.time[rows],
            place=None if self.place is None else self.place[rows],
            drive=None if self.drive is None else self.drive[rows],
            points=None if self.points is None else self.points[rows],
            degrees=None if self.degrees is None else self.degrees[rows],
            frame=self.frame,
            located=None if self.located is None else self.located[rows],
        )

    def _check_names(self) -> None:
        seen: set[str] = set()
        for row, name in enumerate(self.names):
            if not name:
                raise ValueError(f"names[{row}] is empty; write a path relative to the root {self.root}")
            if leaves_root(name):
                raise ValueError(
                    f"names[{row}] is {name!r}, which leaves the root {self.root}; write it relative to the root, "
                    "with forward slashes and without '..'"
                )
            if CONTROL.search(name):
                raise ValueError(
                    f"names[{row}] is {name!r}; control characters (a line break, a terminal's commands) would spoil "
                    "every list it stands in: rename the file"
                )
            file = PurePosixPath(name).as_posix()  # a//b and a/./b are a/b
            if file in seen:
                raise ValueError(f"names[{row}] repeats {file!r}; list each image once")
            seen.add(file)

    def _coordinates(self, field: str, value: npt.ArrayLike, *, width: int | None = None) -> Float64Array:
        array = np.array(value, dtype=np.float64, order="C", copy=None if self.located is None else True)
        if array.size == 0 and not self.names:
            array = array.reshape(0, width or 2)
        if array.ndim != 2 or len(array) != len(self.names) or (width is not None and array.shape[1] != width):
            raise ValueError(
                f"{field} must have shape ({len(self.names)}, {width or 'd'}), one row a name, got {array.shape}"
            )
        unusable = ~np.isfinite(array).all(axis=1)
        if self.located is not None:
            array[~self.located] = np.nan
            unusable &= self.located
        bad = np.flatnonzero(unusable)
        if len(bad):
            row = int(bad[0])
            raise ValueError(
                f"{field} of image {self.names[row]!r} (row {row}) is {array[row].tolist()}; coordinates must be "
                f"finite ({len(bad)} of {len(array)} rows are not): correct them or leave these images out"
            )
        return array

    def _mask(self, value: npt.ArrayLike) -> BoolArray | None:
        array = np.asarray(value)
        if array.shape != (len(self.names),) or (array.size and array.dtype != np.bool_):
            raise ValueError(
                f"located must be bool of shape ({len(self.names)},), one entry a name, got {array.dtype} {array.shape}"
            )
        return None if array.all() else np.array(array, dtype=np.bool_)

    def _labels(self, field: str, value: npt.ArrayLike) -> Int64Array:
        array = np.asarray(value)
        if array.shape != (len(self.names),):
            raise ValueError(f"{field} must have shape ({len(self.names)},), one entry a name, got {array.shape}")
        if array.size and array.dtype.kind not in "iu":
            raise ValueError(f"{field} must hold whole numbers (int64), got {array.dtype}")
        return np.ascontiguousarray(array, dtype=np.int64)


def leaves_root(name: str) -> bool:
    """Return whether a relative path is absolute, climbs out with ``..``, or names a drive."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or (len(name) > 1 and name[1] == ":") or "\0" in name
