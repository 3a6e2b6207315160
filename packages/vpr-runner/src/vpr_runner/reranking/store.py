"""Local features on disk: one file an image, named by the image's content."""

from __future__ import annotations

import io
import logging
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_runner.files import atomic

__all__ = ["FeatureStore", "bytes_of"]

log = logging.getLogger(__name__)
Features = Mapping[str, npt.NDArray[Any]]


class FeatureStore:
    """Keeps the local features of images, the newest in memory too.

    A file is a zip archive of arrays, each with the checksum that the format has: a damaged one is computed
    again. Where nothing can be written, memory is all there is.

    Args:
        folder: for one re-ranker, its parameters and one way of preparing images.
        memory: bytes that are held in memory.
    """

    def __init__(self, folder: Path, *, memory: int = 2**28) -> None:
        self.folder, self._memory = folder, memory
        self._held: OrderedDict[str, Features] = OrderedDict()
        self._bytes = 0
        self._writable = True

    def get(self, digest: str) -> Features | None:
        """Return what was kept under the digest of an image; None: nothing, or nothing whole."""
        held = self._held.get(digest)
        if held is not None:
            self._held.move_to_end(digest)
            return held
        path = self._path(digest)
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                found: Features = {name: file[name] for name in file.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            log.info("%s is damaged (%s); it is computed again", path, error)
            with suppress(OSError):
                path.unlink()
            return None
        self._hold(digest, found)
        return found

    def put(self, digest: str, features: Features) -> None:
        """Keep the features of an image."""
        self._hold(digest, features)
        if not self._writable:
            return
        stream = io.BytesIO()
        np.savez(stream, **features)  # type: ignore[arg-type]  # numpy types the names of options too
        try:
            atomic.write_bytes(self._path(digest), stream.getvalue())
        except OSError as error:
            self._writable = False
            log.warning("local features are not kept: %s cannot be written (%s)", self.folder, error.strerror)

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{digest}.npz"

    def _hold(self, digest: str, features: Features) -> None:
        if digest in self._held:
            self._bytes -= bytes_of(self._held.pop(digest))
        self._held[digest] = features
        self._bytes += bytes_of(features)
        while self._bytes > self._memory and len(self._held) > 1:
            self._bytes -= bytes_of(self._held.popitem(last=False)[1])


def bytes_of(features: Features) -> int:
    """Return the size of an image's features."""
    return sum(int(array.nbytes) for array in features.values())
