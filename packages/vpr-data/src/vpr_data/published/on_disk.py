"""A published set as it lies on a disk: splits that are made when asked for, and what of it is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vpr_data.places.fingerprint import fingerprint_of
from vpr_data.places.splits import PlaceSplit
from vpr_data.published.entry import Counts

__all__ = ["SetOnDisk"]


class SetOnDisk:
    """Named splits, each made once, when it is first asked for.

    Args:
        name: of the set, for messages.
        root: folder that it lies in.
        make: split to what makes it; only of splits that are there.
        counts: what is published of each split under this very protocol.
        absent: files and folders of the published tree that are not there.

    Raises:
        ValueError: no split is there.
    """

    def __init__(
        self,
        *,
        name: str,
        root: Path,
        make: Mapping[str, Callable[[], PlaceSplit]],
        counts: Mapping[str, Counts],
        absent: Sequence[Path] = (),
    ) -> None:
        if not make:
            missing = f" ({', '.join(map(str, absent))} would be)" if absent else ""
            raise ValueError(
                f"root {root}: no split of {name} is there{missing}; 'vpr data fetch {name}' shows the tree"
            )
        self.name, self.root = name, root
        self.published_counts, self.absent = dict(counts), tuple(absent)
        self._make = dict(make)
        self._made: dict[str, PlaceSplit] = {}

    @property
    def split_names(self) -> tuple[str, ...]:
        """Splits that are there."""
        return tuple(self._make)

    def split(self, name: str) -> PlaceSplit:
        """Return a split.

        Raises:
            ValueError: the set has none of that name here, or its files are wrong.
        """
        if name not in self._make:
            raise ValueError(
                f"name must be one of {', '.join(self._make)}, the splits of {self.name} in {self.root}, got {name!r}"
            )
        if name not in self._made:
            self._made[name] = self._make[name]()
        return self._made[name]

    def fingerprint(self) -> str:
        """Return a hash of names, positions, rules and file sizes."""
        return fingerprint_of(self.split(name) for name in self.split_names)
