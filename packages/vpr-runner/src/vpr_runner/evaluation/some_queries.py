"""A split with some of its queries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SomeImages", "SomeQueries"]

Int64Array = npt.NDArray[np.int64]


class SomeImages:
    """The images of a set at some positions."""

    def __init__(self, images: Any, positions: Int64Array) -> None:
        self._images, self._positions = images, positions
        self.names: Sequence[str] = [images.names[int(position)] for position in positions]
        self.xy = np.asarray(images.xy)[positions]
        self.time = None if images.time is None else np.asarray(images.time)[positions]
        drive = getattr(images, "drive", None)
        self.drive = None if drive is None else np.asarray(drive)[positions]
        self.place = None if images.place is None else np.asarray(images.place)[positions]

    def __len__(self) -> int:
        return len(self._positions)

    def path(self, position: int) -> Path:
        """Return the file of an image."""
        path: Path = self._images.path(int(self._positions[position]))
        return path


class SomeQueries:
    """What `vpr_core.types.PlaceSplit` asks for, for the queries at ``positions`` of any split."""

    def __init__(self, split: Any, positions: Int64Array) -> None:
        self._split, self._positions = split, positions
        self.name = split.name
        self.protocol = split.protocol
        self.database = split.database
        self.queries = SomeImages(split.queries, positions)

    def positives(self) -> list[Int64Array]:
        """Return the right database positions of each query."""
        rows = self._split.positives()
        return [rows[int(position)] for position in self._positions]

    def within(self, radius: float, *, beyond: float | None = None, different_time: bool = False) -> list[Int64Array]:
        """Return the database positions within ``radius`` of each query."""
        rows = self._split.within(radius, beyond=beyond, different_time=different_time)
        return [rows[int(position)] for position in self._positions]

    def groups(self) -> Int64Array:
        """Return the group of each database image."""
        return np.asarray(self._split.groups())

    def ignored(self, answers: Int64Array) -> npt.NDArray[np.bool_]:
        """Return which of ``answers (Q, k)`` the protocol takes out."""
        if not hasattr(self._split, "ignored"):
            return np.zeros(answers.shape, dtype=bool)
        whole = np.full((len(self._split.queries), answers.shape[1]), -1, dtype=np.int64)
        whole[self._positions] = answers
        return np.asarray(self._split.ignored(whole)[self._positions])
