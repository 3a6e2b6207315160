"""SHA-256 of many files, read again only when the file system says that somebody has written to them.

A quarter of a million images take minutes to read, and whether they are what they were is asked at every start. So what
was found is remembered, in the cache folder (``VPR_CACHE``), one file a folder of images:

```
<SHA-256 of the lines below>
<SHA-256> <length> <time of change> <time of status change> <inode> <name>
```

Two images of one length that change places, and ``touch -d`` or ``cp -p`` after it, are noticed: no program can set the
time of the status change. A file that was written within the last seconds is not remembered, as a clock's tick may hide
the next writing. Losing the file costs time, nothing else.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tqdm import tqdm

from vpr_data.city.store import cache_root
from vpr_runner.files import atomic

__all__ = ["MISSING", "NamedFiles", "digest_of_contents"]

MISSING = "missing"
_SETTLED = 3 * 10**9
"""Nanoseconds after which a file's times tell one writing from the next, on any file system with a tick of 2 s."""
_State = tuple[int, int, int, int]


class NamedFiles(Protocol):
    """Names, and where their files lie."""

    @property
    def names(self) -> Sequence[str]:
        """Of the files, in order."""

    def path(self, position: int) -> Path:
        """Return where file number ``position`` lies."""


def digest_of_contents(images: NamedFiles) -> str:
    """Return the SHA-256 of the names and contents of all files, in order; a missing one has none."""
    paths = [images.path(position) for position in range(len(images.names))]
    memory = _Memory.of(paths)
    whole = hashlib.sha256()
    with (
        ThreadPoolExecutor(4) as pool,  # hashing threads release the interpreter
        tqdm(total=len(paths), desc="reading images", unit="image", delay=5, disable=not sys.stderr.isatty()) as bar,
    ):
        for name, digest in zip(images.names, pool.map(memory.digest, paths), strict=True):
            whole.update(f"{name}\0{digest}\n".encode(errors="surrogatepass"))
            bar.update()
    memory.keep()
    return whole.hexdigest()


class _Memory:
    """What was found in one folder.

    Args:
        file: that keeps it; None: nothing is kept.
        root: the folder.
    """

    def __init__(self, file: Path | None, root: Path) -> None:
        self._file, self._root = file, root
        self._known = {} if file is None else _read(file)
        self._new: dict[str, tuple[str, _State]] = {}

    @classmethod
    def of(cls, paths: Sequence[Path]) -> _Memory:
        """Return the memory of the folder that all of ``paths`` lie in."""
        if not paths:
            return cls(None, Path())
        root = Path(os.path.commonpath([path.parent for path in paths])).absolute()
        key = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
        return cls(cache_root() / "contents" / f"{key}.txt", root)

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a file, remembered or read."""
        try:
            before = _state(path)
        except OSError:
            return MISSING
        name = os.path.relpath(path.absolute(), self._root)
        known = self._known.get(name)
        if known is not None and known[1] == before:
            return known[0]
        try:
            found = atomic.sha256_of(path)
            settled = time.time_ns() - max(before[1], before[2]) > _SETTLED
            if settled and _state(path) == before and "\n" not in name:
                self._new[name] = found, before
        except (FileNotFoundError, IsADirectoryError):
            return MISSING
        return found

    def keep(self) -> None:
        """Write what is new, where the cache folder can be written to."""
        if self._file is None or not self._new:
            return
        lines = [
            " ".join([digest, *map(str, state), name]) for name, (digest, state) in (self._known | self._new).items()
        ]
        text = "\n".join(lines).encode(errors="surrogateescape")
        with suppress(OSError):
            atomic.write_bytes(self._file, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)


def _state(path: Path) -> _State:
    status = os.stat(path)  # noqa: PTH116  a quarter of a million times
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _read(file: Path) -> dict[str, tuple[str, _State]]:
    """Return what is remembered; nothing where it is damaged, for it is found out again."""
    try:
        seal, _, text = file.read_bytes().partition(b"\n")
        if hashlib.sha256(text).hexdigest().encode() != seal:
            return {}
        known = {}
        for line in text.decode(errors="surrogateescape").split("\n"):
            digest, size, written, changed, inode, name = line.split(" ", 5)
            known[name] = digest, (int(size), int(written), int(changed), int(inode))
    except (OSError, ValueError):
        return {}
    return known
