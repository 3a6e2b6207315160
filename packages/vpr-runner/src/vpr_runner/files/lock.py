"""One process a folder: an advisory lock that dies with its owner, and says who the owner is."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vpr_core import UsageError

__all__ = ["folder_lock"]


@contextmanager
def folder_lock(folder: Path, *, purpose: str, name: str = ".lock") -> Iterator[None]:
    """Hold ``folder`` for this process, or raise ``UsageError`` naming the owner and the lock's age.

    What is locked is the file ``name`` in it, so that processes that share a folder on purpose take one name each.
    The lock is the operating system's (``flock``): a killed process leaves none behind. The file's text is only
    for people.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    try:  # a folder may come from anywhere, and what is opened here is emptied: links are not followed
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        if not path.is_symlink():
            raise
        raise UsageError(
            f"{path} is a link to {str(path.readlink())!r}; a lock is a file of its own: remove it"
        ) from error
    try:
        if not _acquire(handle):
            raise UsageError(f"{folder} is in use: {_owner(path)}; wait for it, or stop it, then start again")
        os.ftruncate(handle, 0)
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time(), "purpose": purpose}
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps(owner).encode())
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)  # releases the lock


def _acquire(handle: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text())
        age = max(0, int(time.time() - float(owner["since"])))
        return f"process {owner['pid']} on {owner['host']} ({owner['purpose']}) holds it for {_age(age)}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process holds it"


def _age(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"
