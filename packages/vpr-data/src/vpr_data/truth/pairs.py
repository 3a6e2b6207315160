"""The data set ``pairs``: two lists of names, and which of them belong together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from vpr_data.images.image_set import ImageSet
from vpr_data.places.fingerprint import fingerprint_of
from vpr_data.places.rows import Rows
from vpr_data.places.splits import EvaluationProtocol
from vpr_data.truth.listed import ListedSplit
from vpr_data.truth.lists import read_names, read_places, read_rows

__all__ = ["PairsDataset"]


class PairsDataset:
    """Images whose right answers are listed: one split, ``test``.

    Args:
        root: folder that image names are relative to.
        database: list of names, or a folder of numbered files; a relative path counts from ``root``.
        queries: likewise.
        truth: right database images of each query (`vpr_data.truth.lists`), or None with ``tolerance``.
        tolerance: query ``i`` is right with database image ``i - k`` to ``i + k``; None with ``truth``.
        ignore: of the same forms as ``truth``: neither right nor wrong.
        asked: which entries of ``queries`` are asked, places from 0; None: all.
        name: of the data set in protocols; None: the name of ``root``.
        queries_without_positives: ``count`` as failed or ``exclude``.

    Raises:
        ValueError: a file is missing or wrong; names the line.
    """

    def __init__(
        self,
        *,
        root: Path | str,
        database: Path | str = "database",
        queries: Path | str = "queries",
        truth: Path | str | None = None,
        tolerance: int | None = None,
        ignore: Path | str | None = None,
        asked: Path | str | None = None,
        name: str | None = None,
        queries_without_positives: Literal["count", "exclude"] = "count",
    ) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise ValueError(f"root: no folder {self.root}; name the folder that holds the images")
        self.name = name or self.root.resolve().name
        if (truth is None) == (tolerance is None):
            raise ValueError("truth: give a file of right answers, or tolerance: k for frames in step (one of the two)")
        known = read_names(self._path(database), root=self.root)
        listed = read_names(self._path(queries), root=self.root)
        chosen = range(len(listed)) if asked is None else read_places(self._path(asked), count=len(listed))
        wanted = [listed[place] for place in chosen]
        if truth is not None:
            right = read_rows(self._path(truth), queries=wanted, database=known)
        else:
            right = _in_step(list(chosen), len(known), int(tolerance or 0))
        unsure = None if ignore is None else read_rows(self._path(ignore), queries=wanted, database=known)
        self._split = ListedSplit(
            name="test",
            database=_images(self.root, known, range(len(known))),
            queries=_images(self.root, wanted, chosen),
            protocol=EvaluationProtocol(
                name=f"{self.name}-test",
                radius=float(tolerance or 0),
                unit="list" if tolerance is None else "frame",
                queries_without_positives=queries_without_positives,
            ),
            right=right,
            unsure=unsure,
        )

    @property
    def split_names(self) -> tuple[str, ...]:
        """``test`` alone."""
        return ("test",)

    def split(self, name: str) -> ListedSplit:
        """Return the split.

        Raises:
            ValueError: another name.
        """
        if name != "test":
            raise ValueError(f"name: there is no split {name!r}; listed truth has test alone")
        return self._split

    def fingerprint(self) -> str:
        """Return a hash of names, file sizes and lists."""
        return fingerprint_of([self._split])

    def _path(self, given: Path | str) -> Path:
        return self.root / given


def _images(root: Path, names: list[str], places: Sequence[int]) -> ImageSet:
    """Nobody knows where they were taken: what stands for a position is the place in the list."""
    xy = np.zeros((len(names), 2))
    xy[:, 0] = places
    return ImageSet(root=root, names=names, xy=xy)


def _in_step(places: list[int], database: int, tolerance: int) -> Rows:
    return Rows.from_rows(
        [np.arange(max(0, place - tolerance), min(database, place + tolerance + 1)) for place in places]
    )
