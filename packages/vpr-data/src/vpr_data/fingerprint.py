"""One hash of everything a data set says: names, positions, times, labels, rules and file sizes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vpr_data.images import ImageSet
from vpr_data.splits import PlaceSplit

if TYPE_CHECKING:
    from vpr_data.retrieval import RetrievalSet

__all__ = ["fingerprint_of", "fingerprint_of_retrieval"]


def fingerprint_of(splits: Iterable[PlaceSplit]) -> str:
    """Return SHA-256 over the splits, in order.

    File contents are represented by their sizes: reading a quarter of a million images to start a run would take
    minutes. A missing file counts as size -1.
    """
    digest = hashlib.sha256()
    for split in splits:
        digest.update(f"{split.name}\n{split.protocol!r}\n{split.training!r}\n".encode())
        for label, positions in sorted(split.subsets.items()):
            digest.update(f"{label} {positions.tolist()}\n".encode())
        for images in (split.database, split.queries):
            _add(digest, images)
    return digest.hexdigest()


def fingerprint_of_retrieval(images: RetrievalSet) -> str:
    """Return SHA-256 over a retrieval benchmark; file contents are represented by their sizes here too."""
    digest = hashlib.sha256(f"{images.name}\n{images.ignore_query} {images.max_pixels}\n".encode())
    _add_files(digest, images)
    for rows in (images.good, images.ok, images.junk):
        digest.update(f"{rows.offsets.tolist()} {rows.values.tolist()}\n".encode())
    digest.update(f"{images.queries.tolist()} {None if images.boxes is None else images.boxes.tolist()}".encode())
    return digest.hexdigest()


def _add(digest: hashlib._Hash, images: ImageSet) -> None:
    digest.update(f"{len(images)}\n".encode())
    _add_files(digest, images)
    for array in (images.xy, images.points, images.time, images.place):
        digest.update(b"-" if array is None else array.tobytes())


def _add_files(digest: hashlib._Hash, images: ImageSet | RetrievalSet) -> None:
    for position, name in enumerate(images.names):
        digest.update(f"{name}\0{_size(images.path(position))}\n".encode())


def _size(path: os.PathLike[str]) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116  a quarter of a million times
    except OSError:
        return -1
