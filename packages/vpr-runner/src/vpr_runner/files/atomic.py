"""Files that are either the old ones or the new ones, never a part of either.

Everything is written to a temporary file in the same folder, flushed to the disk and renamed over the target.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

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

PREFIX = ".partial-"
"""Of the names of temporary files."""


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a binary file that becomes ``path`` when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is short whatever the target's name, so that a name of 255 bytes still works.
    temporary = path.parent / f"{PREFIX}{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


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


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the system can (Windows cannot open folders)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
