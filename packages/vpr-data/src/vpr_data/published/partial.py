"""Files on their way: one process at a time, and what a killed one left is taken up by the next."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ["partial_file", "remove_abandoned", "sync_folder"]


@contextmanager
def partial_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield an empty file ``path`` to write to; whatever is still called that at the end is removed.

    Raises:
        OSError: another process is writing it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    with os.fdopen(handle, "r+b") as file:
        if not _locked(handle) or not _is(file, path):
            raise OSError(f"{path}: another process is at it; wait for it, or stop it, then start again")
        file.truncate(0)
        try:
            yield file
        finally:
            if _is(file, path):  # still, not moved away; while it is locked: the next one begins a file of its own
                path.unlink(missing_ok=True)


def remove_abandoned(folder: Path, pattern: str) -> None:
    """Remove files that were on their way when their process was killed."""
    for path in folder.glob(pattern):
        with suppress(OSError), path.open("r+b") as file:
            if _locked(file.fileno()):
                path.unlink()


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the system can (Windows cannot open folders)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(path))
    except FileNotFoundError:
        return False


def _locked(handle: int) -> bool:
    """Whether nobody else has the file; the lock dies with its owner."""
    try:
        import fcntl
    except ImportError:  # Windows, which removes no open file
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
