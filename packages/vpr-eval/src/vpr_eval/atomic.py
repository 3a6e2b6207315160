"""Files that are either the old ones or the new ones, never a part of either."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ["PREFIX", "atomic_file", "sync_folder"]

PREFIX = ".partial-"
"""Of the names of temporary files."""


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a binary file, to write and read, that becomes ``path`` when the block ends well, and vanishes when not.

    It is written beside ``path`` under a short temporary name, flushed to the disk and renamed. That name belongs to
    ``path``: what a killed process left under it is taken up by whoever writes ``path`` next.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path: folder {path.parent} does not exist; create it first")
    temporary, file = _begun(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name != "nt":  # while the lock is held: nobody may take up what is whole
                temporary.replace(path)
        if os.name == "nt":  # which does not rename an open file
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the system can (Windows cannot open folders)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _begun(path: Path) -> tuple[Path, IO[bytes]]:
    """Open the temporary file of ``path``, or one of its own where another process is writing ``path``."""
    # The suffix is short whatever the target's name, so that a name of 255 bytes still works.
    temporary = path.parent / f"{PREFIX}{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}"
    handle = _taken(temporary)
    if handle is not None:
        return temporary, os.fdopen(handle, "r+b")
    temporary = path.parent / f"{PREFIX}{secrets.token_hex(8)}"
    return temporary, temporary.open("x+b")


def _taken(temporary: Path) -> int | None:
    """Open and empty a file that no living process is writing; its lock dies with its owner."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError:  # a link, or somebody else's: the file of its own says what is wrong, if anything is
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.lstat(temporary)):  # not renamed or removed meanwhile
            os.ftruncate(handle, 0)
            return handle
    except OSError:
        pass
    os.close(handle)
    return None
