"""Does what is trained on, or searched in, hold what is tested with? By distance on the ground and by file contents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from vpr_data.images.image_set import ImageSet
from vpr_data.images.read_ahead import ReadAhead
from vpr_data.places.neighbourhoods import within_radius
from vpr_data.places.splits import Splits

__all__ = ["Leak", "find_leaks", "near_leaks", "same_file_leaks"]

EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Images of one set that are found in, or close to, another.

    Attributes:
        kind: ``near`` (within the radius) or ``same file`` (equal bytes).
        left: set whose images are counted, such as ``test queries``.
        right: set they are compared with, such as ``train database``.
        count: images of ``left`` concerned.
        of: images in ``left``.
        nearest: smallest distance in metres (kind ``near``), else 0.
        examples: up to five pairs of names.
    """

    kind: str
    left: str
    right: str
    count: int
    of: int
    nearest: float
    examples: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        how = (
            f"within reach of {self.right}, the nearest at {self.nearest:.1f} m"
            if self.kind == "near"
            else (f"files of {self.right} too")
        )
        return f"{self.count} of {self.of} images of {self.left} are {how}, such as {self.examples[0][0]}"


def near_leaks(dataset: Splits, *, radius: float = 25.0) -> list[Leak]:
    """Return every pair of splits that have images within ``radius`` of each other.

    A network that was trained on a place has an advantage there in a test. Official splits are not quite free of it:
    1.9 % of Pitts250k-val lies within 25 m of a training image.
    """
    leaks = []
    for one, other in combinations(dataset.split_names, 2):
        if dataset.split(one).protocol.unit != "m":
            continue  # frame numbers of two sequences have nothing to do with each other
        for left_name, left in _sets(dataset, other):
            for right_name, right in _sets(dataset, one):
                rows = within_radius(left.metric_points, right.metric_points, radius)
                if not len(rows.values):
                    continue
                query, found = rows.row_of_value, rows.values
                distance = np.linalg.norm(left.metric_points[query] - right.metric_points[found], axis=1)
                first = np.argsort(distance, kind="stable")[:EXAMPLES]
                leaks.append(
                    Leak(
                        kind="near",
                        left=left_name,
                        right=right_name,
                        count=int((rows.lengths > 0).sum()),
                        of=len(left),
                        nearest=float(distance.min()),
                        examples=tuple((left.names[query[i]], right.names[found[i]]) for i in first),
                    )
                )
    return leaks


def same_file_leaks(dataset: Splits, *, workers: int = 2) -> list[Leak]:
    """Return sets that share image files, byte for byte, whatever their names.

    Sets of one split are compared (a query that finds itself), and sets of different splits (a test image that was
    trained on); database and queries that are one set, each image asked against all others, are not a leak. Only files
    of equal size are read.
    """
    sets: dict[str, ImageSet] = {}
    for split in dataset.split_names:
        database, queries = _sets(dataset, split)
        sets[database[0]] = database[1]
        if queries[1] is not database[1]:
            sets[queries[0]] = queries[1]
    digests = _digests([images.path(i) for images in sets.values() for i in range(len(images))], workers=workers)
    leaks = []
    for (right_name, right), (left_name, left) in combinations(sets.items(), 2):
        where = {digest: name for name in right.names if (digest := digests.get(right.root / name)) is not None}
        pairs = [
            (name, where[digest])
            for name in left.names
            if (digest := digests.get(left.root / name)) is not None and digest in where
        ]
        if pairs:
            leaks.append(
                Leak(
                    kind="same file",
                    left=left_name,
                    right=right_name,
                    count=len(pairs),
                    of=len(left),
                    nearest=0.0,
                    examples=tuple(pairs[:EXAMPLES]),
                )
            )
    return leaks


def find_leaks(dataset: Splits, *, radius: float = 25.0, workers: int = 2) -> list[Leak]:
    """Return both kinds of leak: images near those of another split, and files that two sets share."""
    return [*near_leaks(dataset, radius=radius), *same_file_leaks(dataset, workers=workers)]


def _sets(dataset: Splits, split: str) -> Iterator[tuple[str, ImageSet]]:
    found = dataset.split(split)
    yield f"{split} database", found.database
    yield f"{split} queries", found.queries


def _digests(paths: Sequence[Path], *, workers: int) -> dict[Path, bytes]:
    """Return the hash of every file whose size another file has too."""
    unique = list(dict.fromkeys(paths))
    by_size: dict[int, list[Path]] = {}
    for path in unique:
        if path.is_file():
            by_size.setdefault(path.stat().st_size, []).append(path)
    wanted = [path for group in by_size.values() if len(group) > 1 for path in group]
    hashes = ReadAhead(_Hash(wanted), count=len(wanted), workers=workers, depth=64)
    return dict(zip(wanted, hashes, strict=True))


class _Hash:
    """SHA-256 of one file."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __call__(self, position: int) -> bytes:
        with self._paths[position].open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
