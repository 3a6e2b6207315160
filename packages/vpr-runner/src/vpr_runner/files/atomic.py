"""Files that are either the old ones or the new ones, never a part of either.

Everything is written to a temporary file in the same folder, flushed to the disk and renamed over the target.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import vpr_eval.atomic
from vpr_eval.atomic import PREFIX, sync_folder

__all__ = [
    "PREFIX",
    "atomic_file",
    "remove_leftovers",
    "sha256_of",
    "sync_folder",
    "write_bytes",
    "write_json",
    "write_text",
]


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a binary file, to write and read, that becomes ``path`` when the block ends well, and vanishes when not.

    `vpr_eval.atomic.atomic_file`, in a folder that is made where there is none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with vpr_eval.atomic.atomic_file(path) as file:
        yield file


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    with atomic_file(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 ``text`` to ``path`` atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON, refusing NaN and infinity, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def remove_leftovers(folder: Path, *, older_than: float = 0) -> None:
    """Delete temporary files that a killed process left in ``folder``; call it only while holding its lock.

    In a folder that others may write to at the same time, ``older_than`` seconds tells leftovers from their work.
    """
    for path in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime >= older_than:
                path.unlink()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits, reading it in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
