"""What the images of a split, or its sequences, are called in a list of answers, and what is meant by a name there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from vpr_core import UsageError

__all__ = ["PredictionNames", "names_of"]

Side = Literal["queries", "database"]


class PredictionNames(Protocol):
    """One side of a split.

    Attributes:
        written: the rows that a list of answers has, in order.
        wanted: those of them without which it is another set.
    """

    written: Sequence[int]
    wanted: Sequence[int]

    def name(self, row: int) -> str:
        """Return the name in a table."""

    def key(self, row: int) -> str:
        """Return the name in the list that the MSLS server takes."""

    def find(self, name: str, source: Path) -> int | None:
        """Return the row that is meant, None: one that is not asked for.

        Raises:
            UsageError: none is, or several.
        """


def names_of(split: Any, side: Side) -> PredictionNames:
    """Return the names of one side of a split."""
    images = getattr(split, side)
    if hasattr(split, "sequence_names"):
        return _Sequences(split, side)
    unasked = getattr(split, "unasked", ()) if side == "queries" else ()
    return _Images(images.names, "query" if side == "queries" else "database image", unasked=unasked)


class _Images:
    """Positions by name, by the end of a path that one image has, or by a name without its ending."""

    def __init__(self, names: Sequence[str], role: str, *, unasked: Sequence[str] = ()) -> None:
        self._role, self._names = role, names
        self.written: Sequence[int] = range(len(names))
        self.wanted: Sequence[int] = self.written
        self._exact = {name: position for position, name in enumerate(names)}
        self._ends: dict[str, int | None] = {}
        for position, name in enumerate(names):
            for end in _ends(name):
                self._ends[end] = None if end in self._ends else position
        self._unasked = {end for name in unasked for end in (name, *_ends(name))}

    def name(self, row: int) -> str:
        return self._names[row]

    def key(self, row: int) -> str:
        return Path(self._names[row]).stem

    def find(self, name: str, source: Path) -> int | None:
        if name in self._exact:
            return self._exact[name]
        parts = name.replace("\\", "/").split("/")
        for start in range(len(parts)):  # the longest end first
            end = "/".join(parts[start:])
            if end in self._exact:
                return self._exact[end]
        found = self._ends.get(name, self._ends.get(parts[-1], -1))
        if found is None:
            raise UsageError(f"{source}: {name!r} fits several {self._role}s; write whole names")
        if found >= 0:
            return found
        if name in self._unasked or parts[-1] in self._unasked:
            return None
        raise UsageError(f"{source}: {name!r} is no {self._role} of this split; name the data set that was asked")


class _Sequences:
    """Sequences of MSLS by their keys, joined by commas; the row is that of the frame that stands for one."""

    def __init__(self, split: Any, side: Side) -> None:
        names: Mapping[int, str] = split.sequence_names(side)
        self._side, self._task, self._names = side, split.task, names
        self._rows = {name: row for row, name in names.items()}
        self._keys = {key for name in names.values() for key in name.split(",")}
        self._length = len(next(iter(names.values()), "").split(","))
        self.written: Sequence[int] = sorted(names)
        self.wanted: Sequence[int] = self.written
        if side == "queries" and not split.secret:  # the benchmark asks for no more
            self.wanted = [int(row) for row in np.flatnonzero(split.positives().lengths)]

    def name(self, row: int) -> str:
        return self._names[row]

    key = name

    def find(self, name: str, source: Path) -> int | None:
        keys = [Path(part.replace("\\", "/")).stem for part in name.split(",")]
        row = self._rows.get(",".join(keys))
        if row is not None:
            return row
        where = f"{source}: {name!r}"
        stranger = next((key for key in keys if key not in self._keys), None)
        if stranger is not None:
            raise UsageError(
                f"{where}: {stranger!r} belongs to no sequence of the {self._side} of this split; name the data set, "
                "split, subtask and cities that were asked"
            )
        if len(keys) != self._length:
            raise UsageError(
                f"{where}: {len(keys)} keys; with dataset.task {self._task} each of the {self._side} has {self._length}"
            )
        raise UsageError(
            f"{where}: these images are no sequence of the {self._side}; one is of frames that follow each other, in "
            "their order, and its middle one is of the subtask"
        )


def _ends(name: str) -> set[str]:
    return {Path(name).name, Path(name).stem, str(Path(name).with_suffix(""))}
