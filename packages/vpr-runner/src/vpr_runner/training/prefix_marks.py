"""What a frozen-prefix cache holds: which of its chunks are on the disk, and their SHA-256."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed, sealed, unsealed

__all__ = ["Marks"]

log = logging.getLogger(__name__)


class Marks:
    """Which chunks of a cache file are done, their SHA-256, and which rows have no image that can be read.

    Args:
        file: that keeps them.
        chunks: its content; None: nothing is done yet.
    """

    def __init__(self, file: Path, chunks: Mapping[str, Any] | None = None) -> None:
        self.file = file
        self._chunks: dict[int, tuple[str, dict[int, str]]] = {
            int(start): (str(chunk["sha256"]), {int(row): str(why) for row, why in chunk["failures"].items()})
            for start, chunk in (chunks or {}).items()
        }

    @classmethod
    def read(cls, file: Path) -> Marks:
        """Return what ``file`` says; nothing is done where there is none, or a damaged one."""
        try:
            return cls(file, unsealed(parsed(file.read_text(encoding="utf-8")))["chunks"])
        except FileNotFoundError:
            return cls(file)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s is damaged (%s); frozen layers are computed again", file, error)
            return cls(file)

    @property
    def failures(self) -> dict[int, str]:
        """Position and reason of each row without an image."""
        return {row: why for _, failures in self._chunks.values() for row, why in failures.items()}

    def hold(self, start: int, rows: npt.NDArray[np.float16]) -> bool:
        """Return whether the chunk that begins at ``start`` is done and undamaged."""
        if start not in self._chunks:
            return False
        if self._chunks[start][0] == _sha256(rows):
            return True
        log.warning(
            "%s is damaged (rows %d .. %d: their SHA-256 is not the recorded one); they are computed again",
            self.file.with_suffix(".f16"),
            start,
            start + len(rows) - 1,
        )
        del self._chunks[start]
        return False

    def add(self, start: int, rows: npt.NDArray[np.float16], *, failures: dict[int, str]) -> None:
        """Record a chunk that is on the disk."""
        self._chunks[start] = _sha256(rows), failures
        chunks = {
            str(start): {"sha256": digest, "failures": {str(row): why for row, why in failed.items()}}
            for start, (digest, failed) in sorted(self._chunks.items())
        }
        atomic.write_json(self.file, sealed({"chunks": chunks}))


def _sha256(rows: npt.NDArray[np.float16]) -> str:
    return hashlib.sha256(np.ascontiguousarray(rows).data).hexdigest()
