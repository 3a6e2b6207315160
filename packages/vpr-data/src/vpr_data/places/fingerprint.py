"""One hash of everything a data set says: names, positions, times, labels, rules and file sizes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from vpr_data.images.image_set import ImageSet
from vpr_data.places.splits import PlaceSplit

__all__ = ["NamedFiles", "add_files", "fingerprint_of"]


class NamedFiles(Protocol):
    """Names, and where their files lie: an `ImageSet`, or the images of a retrieval benchmark."""

    @property
    def names(self) -> Sequence[str]:
        """Of the files, in order."""

    def path(self, position: int) -> Path:
        """Return where file number ``position`` lies."""


def fingerprint_of(splits: Iterable[PlaceSplit]) -> str:
    """Return SHA-256 over the splits, in order.

    File contents are represented by their sizes: reading a quarter of a million images to start a run would take
    minutes. A missing file counts as size -1.
    """
    digest = hashlib.sha256()
    for split in splits:
        digest.update(f"{split.name}\n{split.protocol!r}\n{split.training!r}\n".encode())
        digest.update(split.identity())
        for label, positions in sorted(split.subsets.items()):
            digest.update(f"{label} {positions.tolist()}\n".encode())
        for images in (split.database, split.queries):
            _add(digest, images)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, images: ImageSet) -> None:
    digest.update(f"{len(images)}\n".encode())
    add_files(digest, images)
    for array in (images.xy, images.points, images.time, images.place):
        digest.update(b"-" if array is None else array.tobytes())
    if images.drive is not None:  # what came later changes no fingerprint where it is not
        digest.update(b"drives" + images.drive.tobytes())


def add_files(digest: hashlib._Hash, images: NamedFiles) -> None:
    """Add every name and the size of its file to ``digest``."""
    for position, name in enumerate(images.names):
        digest.update(f"{name}\0{_size(images.path(position))}\n".encode())


def _size(path: os.PathLike[str]) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116  a quarter of a million times
    except OSError:
        return -1
