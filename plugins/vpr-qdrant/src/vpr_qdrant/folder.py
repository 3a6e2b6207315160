"""The folder of an embedded collection: made here, marked, locked, and deleted only where the mark is this package's.

```
NAME/vpr-qdrant.json    what it is, which collection, whether its filling was finished
NAME/.lock              held while an index or a process uses it
NAME/shard/             the engine's files
```
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import portalocker

from vpr_qdrant.place import Place

__all__ = ["Folder", "sweep"]

log = logging.getLogger(__name__)

_MARK = "vpr-qdrant.json"
_LOCK = ".lock"
_SHARD = "shard"
_KIND = "collection of vpr-qdrant, qdrant-edge"
_TEMPORARY = re.compile(r"vpr-(qdrant-)?[0-9a-f]{16}")


class Folder:
    """A folder that belongs to one index of this process as long as it is open.

    Args:
        place: where, and under which name.
        dim: ``D``, which a folder that is taken up must have.
        metric: ``l2`` or ``ip``, likewise.

    Attributes:
        path: of the folder.
        shard: of the engine's files in it.
        taken_up: a killed index of that name left it unfinished, and its points are still there.

    Raises:
        ValueError: it is somebody else's, finished, in use, or of other descriptors, and may not be replaced.
    """

    def __init__(self, place: Place, *, dim: int, metric: str) -> None:
        self.temporary = place.collection is None
        name = place.collection or f"vpr-{'' if place.path else 'qdrant-'}{secrets.token_hex(8)}"
        parent = place.path or Path(tempfile.gettempdir())
        self.path, self.shard = parent / name, parent / name / _SHARD
        self.taken_up = False
        self._said = {"kind": _KIND, "collection": name, "dim": dim, "metric": metric, "temporary": self.temporary}
        if self.temporary:
            sweep(parent)
        if _exists(self.path):
            _require_ours(self.path)
            self._lock = _locked(self.path)
            try:
                self._settle_with(place)
            except BaseException:
                self._lock.close()
                raise
        else:
            self.path.mkdir(parents=True, mode=0o777 if place.path else 0o700)
            self._lock = _locked(self.path)
        self._write_mark(finished=False)

    def _settle_with(self, place: Place) -> None:
        """Take up what is there, or delete it where the user said so."""
        found = _mark(self.path)
        if place.replace:
            _empty(self.path)
        elif found is None:  # killed before it was marked, or an empty folder of the user's
            return
        elif found["finished"]:
            raise ValueError(
                f"collection: {self.path} is there already; name another, leave the name out, or allow its deletion "
                "with replace=true"
            )
        elif (found["dim"], found["metric"]) != (self._said["dim"], self._said["metric"]):
            raise ValueError(
                f"collection: {self.path} was left unfinished by an index of dimension {found['dim']} and metric "
                f"{found['metric']}, this one has {self._said['dim']} and {self._said['metric']}; name another, or "
                "allow its deletion with replace=true"
            )
        else:
            self.taken_up = self.shard.is_dir()

    def empty(self) -> None:
        """Delete the engine's files, which nobody may have open."""
        shutil.rmtree(self.shard)

    def finish(self) -> None:
        """Note that nothing more was to come: the next index of this name does not go on with it."""
        self._write_mark(finished=True)

    def release(self) -> None:
        """Let others use it; delete it when it was temporary. Whatever fails is left to `sweep`."""
        with suppress(OSError, ValueError):
            if self.temporary:
                _empty(self.path)
        self._lock.close()
        if self.temporary:
            shutil.rmtree(self.path, ignore_errors=True)

    def _write_mark(self, *, finished: bool) -> None:
        temporary = self.path / f"{_MARK}.new"
        temporary.write_text(json.dumps(self._said | {"finished": finished}), encoding="utf-8")
        temporary.replace(self.path / _MARK)


def sweep(parent: Path) -> None:
    """Delete temporary collections below ``parent`` whose process was killed: marked as ours, and locked by nobody."""
    if not parent.is_dir():
        return
    for path in parent.iterdir():
        if not _TEMPORARY.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
            continue
        with suppress(OSError, ValueError):
            found = _mark(path)
            if found is None or found["temporary"] is not True or (hasattr(os, "getuid") and _owner(path)):
                continue
            with _locked(path):
                _empty(path)
            shutil.rmtree(path)
            log.info("qdrant: %s of a killed process is removed", path)


def _owner(path: Path) -> bool:
    """Say whether it is another user's."""
    return path.stat().st_uid != os.getuid()


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _require_ours(path: Path) -> None:
    """Refuse a folder that this package did not make."""
    if path.is_symlink() or not path.is_dir():
        raise ValueError(f"collection: {path} is no folder of its own (a link or a file); name another")
    if (path / "meta.json").exists():
        raise ValueError(
            f"collection: {path} was written by qdrant-client's local mode, as vpr-qdrant did before; it keeps points "
            "as pickles and is neither opened nor deleted here. Name another collection: it is filled anew from the "
            "descriptors, which are the truth. The old folder is yours to remove"
        )
    names = {entry.name for entry in path.iterdir()}
    if names and _mark(path) is None and not names <= {_LOCK, f"{_MARK}.new"}:
        raise ValueError(f"collection: {path} is no collection of vpr-qdrant (no {_MARK}); name another")


def _mark(path: Path) -> dict[str, Any] | None:
    """Return what the mark says; None where there is none, or none of this package for this very folder."""
    try:
        with _no_link(path / _MARK, os.O_RDONLY) as file:
            said = json.loads(file.read(4096))
    except (OSError, ValueError, RecursionError):
        return None
    wanted = {"kind": str, "collection": str, "dim": int, "metric": str, "temporary": bool, "finished": bool}
    if not isinstance(said, dict) or {name: type(value) for name, value in said.items()} != wanted:
        return None
    return said if (said["kind"], said["collection"]) == (_KIND, path.name) else None


def _empty(path: Path) -> None:
    """Delete the collection in a folder, after a look that nothing else lies there."""
    if _mark(path) is None:
        raise ValueError(f"collection: {path} is no collection of vpr-qdrant (no {_MARK}); it is not deleted")
    others = sorted({entry.name for entry in path.iterdir()} - {_MARK, f"{_MARK}.new", _LOCK, _SHARD})
    if others:
        raise ValueError(
            f"collection: {path} also holds {others[0]!r}, which this package did not put there; it is not deleted: "
            "move that away, or name another"
        )
    shard = path / _SHARD
    if shard.is_symlink():
        raise ValueError(f"collection: {shard} is a link; it is not deleted: remove it, or name another")
    if shard.exists():
        shutil.rmtree(shard)


def _locked(path: Path) -> IO[str]:
    """Return the lock of a folder, held until it is closed."""
    lock = _no_link(path / _LOCK, os.O_RDWR | os.O_CREAT)
    try:
        portalocker.lock(lock, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.exceptions.LockException as error:
        lock.close()
        raise ValueError(f"collection: {path} is in use by another index or process; close it") from error
    return lock


def _no_link(path: Path, flags: int) -> IO[str]:
    """Open a file of ours; a link that somebody put in its place is an error."""
    handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
    return os.fdopen(handle, "r" if flags == os.O_RDONLY else "r+", encoding="utf-8")
