"""One process a folder: an advisory lock that dies with its owner, and says who the owner is."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vpr_core import UsageError

__all__ = ["folder_lock"]


@contextmanager
def folder_lock(
    folder: Path, *, purpose: str, name: str = ".lock", worth: Callable[[], bool] | None = None
) -> Iterator[bool]:
    """Hold ``folder`` for this process, or raise ``UsageError`` naming the owner and the lock's age.

    A start that fails leaves no folder: one that was new or empty is taken away again, with the folders that were made
    above it, when the block raises before ``worth()`` says that something in it is worth going on with. Its name would
    otherwise be taken, by a start that did nothing, for the next one with a mended configuration.

    Yields whether the last owner ended badly, killed or by an exception, and left what it did as it was.

    What is locked is the file ``name`` in it, so that processes that share a folder on purpose take one name each.
    The lock is the operating system's (``flock``): a killed process leaves none behind. The file's text is only
    for people.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    path = folder / name
    handle = _opened(folder, path)
    try:
        if not _acquire(handle):
            raise UsageError(f"{folder} is in use: {_owner(path)}; wait for it, or stop it, then start again")
        fresh = all(entry.name == name for entry in folder.iterdir())
        ended_badly = os.fstat(handle).st_size > 0
        os.ftruncate(handle, 0)
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time(), "purpose": purpose}
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps(owner).encode())
        try:
            yield ended_badly
        except BaseException:
            if worth is not None and fresh and not worth():
                _take_away(folder, made)
            raise
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)  # releases the lock


def _take_away(folder: Path, made: Sequence[Path]) -> None:
    """Empty ``folder``, which was empty, and remove it and those above it that were made for it."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with suppress(OSError):  # Windows does not remove a file that is open, and the lock is
                entry.unlink()
    for each in made:
        with suppress(OSError):  # somebody put something there
            each.rmdir()


def _opened(folder: Path, path: Path) -> int:
    """Open the lock's file, in a folder that is made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    try:  # a folder may come from anywhere, and what is opened here is emptied: links are not followed
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    except OSError as error:
        if not path.is_symlink():
            raise
        raise UsageError(
            f"{path} is a link to {str(path.readlink())!r}; a lock is a file of its own: remove it"
        ) from error
    return handle


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
